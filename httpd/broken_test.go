package httpd_test

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// brokenVariable makes this test binary a FastCGI program that breaks the
// protocol in the way that the request's path asks for.
const brokenVariable = "BIDENT_TEST_BROKEN"

// forRequest are records with id 1 as those of the request with that id, and records
// with another one still with another one. What is no record stays as it is.
func forRequest(id uint16, octets string) string {
	b := []byte(octets)
	for rest := b; len(rest) >= 8 && rest[0] == 1 && rest[1] <= stderr; {
		own := binary.BigEndian.Uint16(rest[2:])
		binary.BigEndian.PutUint16(rest[2:], own+id-1)
		rest = rest[min(8+int(binary.BigEndian.Uint16(rest[4:])), len(rest)):]
	}
	return string(b)
}

// record is a FastCGI record of the request with id 1, without padding.
func record(kind byte, content string) string {
	b := []byte{1, kind, 0, 1, 0, 0, 0, 0}
	binary.BigEndian.PutUint16(b[4:], uint16(len(content)))
	return string(b) + content
}

const endRequest, stdout, stderr = 3, 6, 7

// end is the record that ends a request with a protocol status.
func end(status byte) string {
	return record(endRequest, string([]byte{0, 0, 0, 0, status, 0, 0, 0}))
}

func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return string(b)
}

// breakage is a way to break the protocol.
type breakage struct {
	octets func() string
	more   bool     // the connection goes on
	dies   bool     // the program ends
	want   []string // what the client may get: a status, or "cut"
	body   string   // what a 200 holds
}

var breakages = map[string]breakage{
	"nothing":      {octets: func() string { return "" }, want: []string{"502"}},
	"garbage":      {octets: func() string { return random(100_000) }, want: []string{"502"}},
	"text":         {octets: func() string { return "HTTP/1.1 200 OK\r\n\r\n" }, want: []string{"502"}},
	"headless":     {octets: func() string { return end(0) }, more: true, want: []string{"502"}},
	"half head":    {octets: func() string { return record(stdout, "Status: 200 OK\r\nX-Y") + end(0) }, more: true, want: []string{"502"}},
	"bad head":     {octets: func() string { return record(stdout, "this is no head\r\n\r\nbody") + end(0) }, more: true, want: []string{"502"}},
	"bad status":   {octets: func() string { return record(stdout, "Status: 99999\r\n\r\nbody") + end(0) }, more: true, want: []string{"502"}},
	"control":      {octets: func() string { return record(stdout, "X: a\rSet-Cookie: b\r\n\r\n") + end(0) }, more: true, want: []string{"502"}},
	"endless head": {octets: func() string { return strings.Repeat(record(stdout, strings.Repeat("X: y\r\n", 10_000)), 10) }, more: true, want: []string{"502"}},
	"errors only":  {octets: func() string { return record(stderr, "oh dear") + record(stderr, "") + end(0) }, more: true, want: []string{"502"}},
	"overloaded":   {octets: func() string { return end(2) }, more: true, want: []string{"503"}},
	"overloaded in the middle": {octets: func() string { return record(stdout, "Content-Type: a/b\r\n\r\nthe beginning") + end(2) },
		more: true, want: []string{"503", "cut"}},
	"no content with much": {octets: func() string {
		return record(stdout, "Status: 204\r\n\r\n") + strings.Repeat(record(stdout, strings.Repeat("x", 60_000)), 300) + end(0)
	}, more: true, want: []string{"204"}},
	"cannot":         {octets: func() string { return end(1) }, more: true, want: []string{"502", "503"}},
	"unknown role":   {octets: func() string { return end(3) }, more: true, want: []string{"502", "503"}},
	"unknown status": {octets: func() string { return end(77) }, more: true, want: []string{"502", "503"}},
	"early close": {octets: func() string { return record(stdout, "Content-Type: a/b\r\n\r\nthe beginning") },
		want: []string{"502", "cut"}},
	"long and too long": {octets: func() string {
		return record(stdout, "Content-Length: 100000\r\n\r\n") + strings.Repeat(record(stdout, strings.Repeat("x", 60_000)), 3) + end(0)
	}, more: true, want: []string{"502", "200", "cut"}, body: strings.Repeat("x", 100_000)},
	"too short": {octets: func() string {
		return record(stdout, "Content-Length: 100\r\n\r\nthe beginning") + end(0)
	}, more: true, want: []string{"502", "cut"}},
	"too long": {octets: func() string {
		return record(stdout, "Content-Length: 3\r\n\r\nthe beginning") + end(0)
	}, more: true, want: []string{"502", "200", "cut"}, body: "the"},
	"long and short": {octets: func() string {
		return record(stdout, "Content-Length: 900000\r\n\r\n") + strings.Repeat(record(stdout, strings.Repeat("x", 60_000)), 3) + end(0)
	}, more: true, want: []string{"502", "cut"}},
	"after the end": {octets: func() string {
		return record(stdout, "Content-Type: a/b\r\n\r\nfirst") + end(0) + record(stdout, "Content-Type: a/b\r\n\r\nsecond") + end(0)
	}, more: true, want: []string{"200"}, body: "first"},
	"other request": {octets: func() string {
		r := []byte(record(stdout, "Content-Type: a/b\r\n\r\nother"))
		r[3] = 9
		return string(r) + record(stdout, "Content-Type: a/b\r\n\r\nfirst") + end(0)
	}, more: true, want: []string{"200", "502"}, body: "first"},
	"death": {octets: func() string { return "" }, dies: true, want: []string{"502"}},
	"death in the middle": {octets: func() string { return record(stdout, "Content-Type: a/b\r\n\r\nthe beginning") },
		dies: true, want: []string{"502", "cut"}},
}

// brokenMain is the program. It answers anything that it does not break.
func brokenMain() {
	l, err := net.FileListener(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if os.Getenv(brokenVariable) == "deaf" {
		select {} // never accepts
	}
	for n := 0; ; n++ {
		conn, err := l.Accept()
		if err != nil {
			os.Exit(1)
		}
		if os.Getenv(brokenVariable) == "shy" && n%2 == 0 {
			conn.Close()
			continue
		}
		go broken(conn)
	}
}

func broken(conn net.Conn) {
	defer conn.Close()
	for {
		uri, id, err := requestURI(conn)
		if err != nil {
			return
		}
		name := strings.ReplaceAll(strings.TrimPrefix(uri, "/"), "-", " ")
		b, ok := breakages[name]
		if !ok {
			b = breakage{octets: func() string {
				return record(stdout, "Content-Type: text/plain\r\n\r\ngood\n") + record(stdout, "") + end(0)
			}, more: true}
		}
		if _, err := io.WriteString(conn, forRequest(id, b.octets())); err != nil {
			return
		}
		if b.dies {
			os.Exit(9)
		}
		if !b.more {
			return
		}
	}
}

// requestURI reads one request and finds its REQUEST_URI and its id.
func requestURI(r io.Reader) (uri string, id uint16, err error) {
	var params []byte
	for {
		var head [8]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return "", 0, err
		}
		content := make([]byte, int(binary.BigEndian.Uint16(head[4:]))+int(head[6]))
		if _, err := io.ReadFull(r, content); err != nil {
			return "", 0, err
		}
		content = content[:len(content)-int(head[6])]
		switch {
		case head[1] == 4:
			params = append(params, content...)
		case head[1] == 5 && len(content) == 0:
			const name = "REQUEST_URI"
			i := bytes.Index(params, []byte(name))
			if i < 1 {
				return "", 0, errors.New("no " + name)
			}
			n := int(params[i-1]) // the lengths precede the name
			return string(params[i+len(name) : i+len(name)+n]), binary.BigEndian.Uint16(head[2:]), nil
		}
	}
}

func startBroken(t *testing.T, how string, config pool.Config) *server {
	t.Helper()
	return start(t, kind{make: func(t *testing.T, s *httpd.Server) {
		exe, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		s.Handler, s.Env = httpd.Program(exe), []string{brokenVariable + "=" + how}
		s.Log = slog.New(slog.DiscardHandler)
	}}, config)
}

// TestBrokenProgram: whatever a program does, its client gets an answer that is
// rightly framed or a visible cut, and the next request is served.
func TestBrokenProgram(t *testing.T) {
	s := startBroken(t, "by path", pool.Config{})
	breakAll(t, s, func(breakage) bool { return true })
	s.await(t, func(state string) bool { return state == "_" })
}

// breakAll asks a server with the program for some breakages.
func breakAll(t *testing.T, s *server, some func(b breakage) bool) {
	for name, b := range breakages {
		if !some(b) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			for range 3 {
				c := newClient(t, s.url)
				status, text, err := c.try("GET", "/"+strings.ReplaceAll(name, " ", "-"), "")
				got := fmt.Sprint(status)
				if err != nil {
					got = "cut"
				}
				ok := false
				for _, want := range b.want {
					ok = ok || got == want
				}
				if !ok || got == "200" && text != b.body || status == http.StatusBadGateway && text != "bad gateway\n" {
					t.Errorf("got %s %.80q %v, expected %v", got, text, err, b.want)
				}
				for range 4 {
					if text := c.must(t, "/good"); text != "good\n" {
						t.Errorf("next answer is %q", text)
					}
				}
			}
		})
	}
}

// TestShyProgram: a program that closes every other connection at once costs at
// most requests in hand, and serves the others.
func TestShyProgram(t *testing.T) {
	s := startBroken(t, "shy", pool.Config{})
	c := newClient(t, s.url)
	good := 0
	for range 20 {
		status, text, err := c.try("GET", "/good", "")
		switch {
		case err != nil || status != http.StatusOK && status != http.StatusBadGateway:
			t.Fatalf("%d %q %v", status, text, err)
		case status == http.StatusOK:
			good++
		}
	}
	if good < 10 {
		t.Errorf("%d of 20 requests were served", good)
	}
}

// TestDeafProgram: a program that never accepts is found out by request_timeout,
// and replaced.
func TestDeafProgram(t *testing.T) {
	s := startBroken(t, "deaf", pool.Config{RequestTimeout: 50 * time.Millisecond})
	c := newClient(t, s.url)
	for range 4 {
		status, text, err := c.get("/good")
		if err != nil || status != http.StatusGatewayTimeout {
			t.Errorf("%d %q %v", status, text, err)
		}
	}
	// Each was replaced.
	life := "start ready wedged(timeout) retire(timeout) exited(timeout)"
	s.expect(append(times(4, life), times(2, "start ready")...)...)
}

// TestBrokenProgramIsNamed: the log says what a program has done that gives no answer.
func TestBrokenProgramIsNamed(t *testing.T) {
	j := newJournal()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, kind{make: func(_ *testing.T, s *httpd.Server) {
		s.Handler, s.Env = httpd.Program(exe), []string{brokenVariable + "=by path"}
		s.Log = slog.New(slog.NewTextHandler(j, nil))
	}}, pool.Config{})
	for path, want := range map[string]string{
		"headless": "the program gave no answer", "errors-only": "the program gave no answer",
		"half-head":      "head of a program's answer: it ended in the middle",
		"cannot":         "the program refused the request: FCGI_CANT_MPX_CONN",
		"unknown-role":   "the program refused the request: FCGI_UNKNOWN_ROLE",
		"unknown-status": "the program refused the request: FCGI protocol status 77",
		"overloaded":     "the program is overloaded",
	} {
		if status, _, err := newClient(t, s.url).get("/" + path); err != nil || status < 502 {
			t.Errorf("%s: %d %v", path, status, err)
		}
		line := j.await(t, "exchange with the worker failed", "GET /"+path, want)
		if strings.Contains(line, "malformed") != (path == "half-head") {
			t.Error(line)
		}
	}
}
