package gate

import (
	"bytes"
	"testing"
)

const testMax = 64 << 10

// parse reads the head at the start of s at once and octet by octet, demands
// the same verdict, and returns it. The buffer moves between the calls.
func parse(t testing.TB, s string, max int) (Head, bool, *Error) {
	t.Helper()
	var whole Head
	done, err := whole.Parse([]byte(s), max)
	var slow Head
	for n := 0; n <= len(s); n++ {
		slowDone, slowErr := slow.Parse([]byte(s[:n]), max)
		if slowErr != nil || slowDone {
			if slowDone != done || slowErr != err {
				t.Fatalf("%q: at once %v %v, cut at %d %v %v", s, done, err, n, slowDone, slowErr)
			}
			if done {
				same(t, &whole, &slow)
			}
			if again, e := slow.Parse([]byte(s), max); again != done || e != err {
				t.Fatalf("%q: %v %v is not final: %v %v", s, done, err, again, e)
			}
			return whole, done, err
		}
	}
	if done || err != nil {
		t.Fatalf("%q: at once %v %v, octet by octet unfinished", s, done, err)
	}
	return whole, done, err
}

// same demands that two heads say the same.
func same(t testing.TB, a, b *Head) {
	t.Helper()
	if a.Skip != b.Skip || a.Size != b.Size || a.Form != b.Form || a.Minor != b.Minor || a.Length != b.Length ||
		a.Close != b.Close || a.KeepAlive != b.KeepAlive || a.Continue != b.Continue || a.Upgrade != b.Upgrade ||
		!bytes.Equal(a.Method, b.Method) || !bytes.Equal(a.Target, b.Target) || !bytes.Equal(a.Host, b.Host) {
		t.Fatalf("heads differ:\n%+v\n%+v", a, b)
	}
}

// accept demands that the gate takes s, all of it, as a head.
func accept(t testing.TB, s string) Head {
	t.Helper()
	h, done, err := parse(t, s, testMax)
	if err != nil || !done {
		t.Fatalf("%q: done %v, error %v", s, done, err)
	}
	if h.Size != len(s) {
		t.Fatalf("%q: size %d, want %d", s, h.Size, len(s))
	}
	return h
}

// refuse demands that the gate refuses s with that status.
func refuse(t testing.TB, status int, s string) {
	t.Helper()
	_, done, err := parse(t, s, testMax)
	if done || err == nil {
		t.Errorf("%q: taken (done %v), want %d", s, done, status)
		return
	}
	if err.Status != status {
		t.Errorf("%q: %d %s, want %d", s, err.Status, err, status)
	}
}

// get is a request with these field lines beside Host.
func get(fields string) string {
	return "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n"
}

// old is an HTTP/1.0 request with these field lines.
func old(fields string) string {
	return "GET / HTTP/1.0\r\n" + fields + "\r\n"
}
