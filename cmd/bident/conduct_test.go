//go:build unix

package main

import (
	"crypto/sha1"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
)

// expectSum reads the answer to /envsum, which must be about these lines.
func (w *webServer) expectSum(id uint16, lines ...string) {
	w.t.Helper()
	text := strings.Join(lines, "")
	w.expect(id, fmt.Sprintf("n=%d bytes=%d sha1=%x\n", len(lines), len(text)-2*len(lines), sha1.Sum([]byte(text))))
}

// values asks for values (section 4.1).
func (w *webServer) values(names ...string) map[string]string {
	w.t.Helper()
	ask := record{kind: fcgiGetValues}
	for _, name := range names {
		ask.content = append(ask.content, pair(name, "", false)...)
	}
	w.send(ask)
	got := w.next()
	values, err := pairs(got.content)
	if got.kind != fcgiValues || got.id != 0 || err != nil {
		w.t.Fatalf("type %d, id %d, %v instead of FCGI_GET_VALUES_RESULT", got.kind, got.id, err)
	}
	return values
}

// unserved makes sure that a request is not served: it is refused by a status of
// HTTP's or of the protocol's, or by the end of the connection.
func (w *webServer) unserved(id uint16) {
	w.t.Helper()
	var stdout []byte
	for {
		got, err := readRecord(w.r)
		if err != nil || got.kind == fcgiEnd && got.id == id {
			if status, _, _ := (reply{stdout: stdout}).head(); len(stdout) > 0 && status < 400 {
				w.t.Fatalf("served: %.100q", stdout)
			}
			break
		}
		if got.kind == fcgiStdout {
			stdout = append(stdout, got.content...)
		}
	}
	w.renew()
	w.serves()
}

// testConduct is what the specification leaves to good sense.
func testConduct(t *testing.T, url string) {
	test := func(name string, f func(*webServer)) {
		t.Run(name, func(t *testing.T) {
			w := dialResponder(t, url)
			f(w)
			w.Close()
		})
	}
	test("abort before the answer", func(w *webServer) {
		records := whole(1, environ("POST", "/echo", 4), "abcd")
		records = slices.Insert(records, 3, record{kind: fcgiStdin, id: 1, content: nil})[:3]
		records = append(records, stream(fcgiStdin, 1, []byte("abcd"), 1)...)
		for n := 1; n < len(records); n++ {
			for _, more := range [][]record{nil, records[n:]} { // which is ignored
				w.send(records[:n]...)
				w.send(record{kind: fcgiAbort, id: 1})
				if got := w.reply(1); len(got.stdout) > 0 {
					w.t.Fatalf("aborted after %d records, and answered %.100q", n, got.stdout)
				}
				w.send(more...)
				w.serves()
			}
		}
	})
	test("abort of an answer", func(w *webServer) {
		for range 5 {
			w.send(whole(1, environ("GET", "/stream?n=100000&ms=10", -1), "")...)
			for got := w.next(); !strings.Contains(string(got.content), "chunk 0"); got = w.next() {
			}
			w.send(record{kind: fcgiAbort, id: 1})
			for got := w.next(); got.kind != fcgiEnd; got = w.next() {
			}
			w.serves() // nothing may come between: reply sees to it
		}
	})
	test("abort of what has ended", func(w *webServer) {
		w.send(append(hello(1), record{kind: fcgiAbort, id: 1})...)
		got := w.reply(1)
		if _, _, body := got.head(); body != "hello\n" && len(got.stdout) > 0 {
			w.t.Errorf("%q", got.stdout)
		}
		w.send(record{kind: fcgiAbort, id: 1}, record{kind: fcgiAbort, id: 1})
		w.serves()
	})
	test("abort without KEEP_CONN", func(w *webServer) {
		w.send(beginRecord(1, responderRole, 0), record{kind: fcgiAbort, id: 1})
		w.reply(1)
		w.closed()
	})
	test("body late", func(w *webServer) {
		records := whole(1, environ("POST", "/echo", 3), "abc")
		w.send(records[:3]...)
		other := dialResponder(w.t, url) // nobody waits for it
		for range 20 {
			other.serves()
		}
		other.Close()
		w.send(records[3:]...)
		w.expect(1, "abc")
	})
	test("half closed", func(w *webServer) {
		w.send(hello(1)...)
		if err := w.Conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			w.t.Fatal(err)
		}
		w.expect(1, "hello\n")
		w.closed()
	})
	test("half closed in the middle", func(w *webServer) {
		w.send(hello(1)[:2]...)
		if err := w.Conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			w.t.Fatal(err)
		}
		w.closed()
	})
	test("client leaves an answer", func(w *webServer) {
		for range 20 { // more than there are workers
			w.send(whole(1, environ("GET", "/stream?n=100000&ms=10&sz=1000", -1), "")...)
			w.next()
			w.renew()
		}
		w.serves()
	})
	test("idle connections hold no lane", func(w *webServer) {
		for range 50 {
			dialResponder(w.t, url).serves()
		}
		w.serves()
	})
	test("parameters without end", func(w *webServer) {
		w.send(beginRecord(1, responderRole, keepConn))
		go func(c net.Conn) {
			for range 1000 {
				if _, err := c.Write(wire(record{kind: fcgiParams, id: 1, content: pair("HTTP_X_MORE", strings.Repeat("m", 60_000), true)})); err != nil {
					return
				}
			}
			_, _ = c.Write(wire(record{kind: fcgiParams, id: 1}, record{kind: fcgiStdin, id: 1}))
		}(w.Conn)
		w.unserved(1)
	})
	test("many parameters", func(w *webServer) {
		w.send(beginRecord(1, responderRole, keepConn))
		go func(c net.Conn) {
			for range 1000 {
				if _, err := c.Write(wire(record{kind: fcgiParams, id: 1, content: []byte(strings.Repeat("\x01\x00X", 20_000))})); err != nil {
					return
				}
			}
			_, _ = c.Write(wire(record{kind: fcgiParams, id: 1}, record{kind: fcgiStdin, id: 1}))
		}(w.Conn)
		w.unserved(1)
	})
	test("body other than announced", func(w *webServer) {
		for _, announced := range []int{0, 3, 100} {
			w.send(whole(1, environ("POST", "/echo", announced), "abcdef")...)
			got := w.reply(1)
			if status, _, body := got.head(); status == 200 && body != "abcdef" && body != "abcdef"[:min(announced, 6)] {
				w.t.Errorf("announced %d: %q", announced, got.stdout)
			}
			w.serves()
		}
	})
	test("hostile parameters", func(w *webServer) {
		for _, env := range []map[string]string{
			{}, environ("", "", -1), environ("GET", "hello", -1), environ("GET", "/\r\nX: y", -1), environ("G\x00T", "/hello", -1),
			environ("GET", "/hello", -1, "HTTP_X\r\nEVIL", "1"), environ("GET", "/hello", -1, "", "1"), environ("GET", "/hello", -1, "HTTP_X", "a\r\nb: c\x00"),
			environ("POST", "/echo", -1, "CONTENT_LENGTH", "-1"), environ("POST", "/echo", -1, "CONTENT_LENGTH", "99999999999999999999"),
			environ("GET", "/hello", -1, "REMOTE_ADDR", "not an address"), environ("GET", "/hello", -1, "SERVER_PORT", "99999999"),
			environ("GET", "/hello", -1, "SERVER_PROTOCOL", "x\r\n"),
		} {
			w.send(whole(1, env, "")...)
			got := w.reply(1)
			if _, fields, _ := got.head(); got.protocol != 0 || len(got.stdout) == 0 || strings.Contains(fields, "X: y") {
				w.t.Errorf("%q: protocol status %d, %q", env, got.protocol, got.stdout)
			}
			w.serves()
		}
	})
}
