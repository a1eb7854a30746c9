package httpd

import (
	"bytes"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/internal/accesslog"
	"github.com/bident/bident/internal/gate"
)

// FuzzRequestID: whatever the gate accepts is framed after an id was put into it as
// it was before, and has exactly one id, which is valid; nothing else is changed.
func FuzzRequestID(f *testing.F) {
	for _, fields := range []string{
		"", "X-Request-ID: a\r\n", "x-request-id:a\r\nX-Request-Id: b\r\n", "X-Request-ID:\r\n", "X-Request-ID: \t x y\r\n",
		"A: X-Request-ID: a\r\n", "X-Request-IDs: a\r\n", "Content-Length: 3\r\nX-Request-ID: " + strings.Repeat("a", 129) + "\r\n",
		"X-Request\rID: a\r\n", "Transfer-Encoding: chunked\r\nX-REQUEST-ID: \x00\r\n",
	} {
		f.Add([]byte("GET /x HTTP/1.1\r\n" + fields + "Host: h\r\n\r\n"))
	}
	f.Add([]byte("\r\nGET / HTTP/1.0\r\n\r\n"))
	ids := accesslog.NewIDs()
	f.Fuzz(func(t *testing.T, octets []byte) {
		const most = 16 << 10
		var before, after gate.Head
		if done, err := before.Parse(octets, most); !done || err != nil {
			return
		}
		head := octets[before.Skip:before.Size]
		kept := bytes.Clone(head)
		d := new(desk)
		got := d.withID(head, ids)
		if !bytes.Equal(head, kept) {
			t.Fatalf("changed in place: %q", head)
		}
		if done, err := after.Parse(got, 2*most); !done || err != nil || after.Size != len(got) {
			t.Fatalf("%q became %q: %v %v", head, got, done, err)
		}
		if !accesslog.ValidID(d.record.id) {
			t.Fatalf("%q got the id %q", head, d.record.id)
		}
		if before.Length != after.Length || before.Close != after.Close || before.Minor != after.Minor ||
			!bytes.Equal(before.Method, after.Method) || !bytes.Equal(before.Target, after.Target) || !bytes.Equal(before.Host, after.Host) {
			t.Fatalf("%q became another request: %q", head, got)
		}
		if a, b := without(head), without(got); !bytes.Equal(a, b) {
			t.Fatalf("other fields have changed: %q %q", a, b)
		}
		var h fasthttp.RequestHeader
		p := parsers.Get().(*parser)
		defer parsers.Put(p)
		if !p.parse(got, &h) {
			if p.parse(head, new(fasthttp.RequestHeader)) {
				t.Fatalf("fasthttp reads %q, but not %q", head, got)
			}
			return
		}
		if all := h.PeekAll(requestIDField); len(all) != 1 || !bytes.Equal(all[0], d.record.id) {
			t.Fatalf("%q has the ids %q, not %q", got, all, d.record.id)
		}
	})
}

// without is a head without ids.
func without(head []byte) []byte {
	var out []byte
	for i, line := range bytes.SplitAfter(head, []byte("\n")) {
		name, _, colon := bytes.Cut(line, []byte(":"))
		if i == 0 || !colon || !bytes.EqualFold(name, []byte(requestIDField)) {
			out = append(out, line...)
		}
	}
	return out
}

// FuzzMalformedLine: whatever comes instead of a request is one line in the log.
func FuzzMalformedLine(f *testing.F) {
	for _, seed := range []string{"", " ", "GET", "GET /", "GET  HTTP", "\x16\x03\x01\r\n\n", "a b c d\r\n", strings.Repeat("x", 3000)} {
		f.Add([]byte(seed), 0)
		f.Add([]byte(seed), 2)
	}
	format, err := accesslog.Parse("")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, octets []byte, skip int) {
		d := &desk{in: octets, w: len(octets)}
		d.head.Skip = max(skip, 0)
		d.noteMalformed()
		r := &d.record
		e := accesslog.Entry{Method: r.words[:r.target], Target: r.words[r.target:r.host], Host: r.words[r.host:], Proto: r.proto}
		line := format.Append(nil, &e)
		if bytes.Count(line, []byte("\n")) != 1 || len(line) > 8*noteMost {
			t.Errorf("%q became %q", octets, line)
		}
		if len(e.Host) > 0 {
			t.Errorf("host %q", e.Host)
		}
	})
}

// TestStackOf: a lane's part of a dump, and nothing of others'.
func TestStackOf(t *testing.T) {
	long := "goroutine 12 [running]:\n" + strings.TrimSuffix(strings.Repeat("f()\n", stackMost), "\n")
	dump := []byte("goroutine 1 [running]:\na()\n\ngoroutine 2 [select]:\nb()\n\n" + long + "\n\ngoroutine 3 [select]:\nc()\n")
	for _, test := range []struct{ goroutine, stack string }{
		{"goroutine 1 ", "goroutine 1 [running]:\na()"},
		{"goroutine 2 ", "goroutine 2 [select]:\nb()"},
		{"goroutine 3 ", "goroutine 3 [select]:\nc()\n"},
		{"goroutine 12 ", long[:stackMost]},
		{"goroutine 4 ", ""},
	} {
		if got := string(stackOf(dump, []byte(test.goroutine))); got != test.stack {
			t.Errorf("%s: %.60q", test.goroutine, got)
		}
	}
	if line := string(goroutineLine()); !strings.HasPrefix(line, "goroutine ") || !strings.HasSuffix(line, " ") {
		t.Errorf("%q", line)
	}
}
