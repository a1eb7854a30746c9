package httpd

import (
	"bytes"
	"net/url"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

// FuzzParseAddress: what is accepted as an address says where to listen, and
// everything else says what would be right.
func FuzzParseAddress(f *testing.F) {
	for _, seed := range []string{
		"http://127.0.0.1:0", "http://[::1]:8080", "http://:80", "http+unix:///run/x", "http+unix://x", "https://x:1",
		"", "http://", "http://h:port", "http://u@h:1", "http://h:1/?q", "%", "http+unix:///a%00b", "http://h:+1",
		"fcgi://:9005", "fcgi+unix:///run/f", "fcgi+fd://0", "http+fd://3", "http+fd://-1", "http+systemd://web", "fcgi+systemd://a%2fb", "fcgis://h:1",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := parseAddress(s)
		if err != nil {
			if a != (address{}) {
				t.Errorf("%q: %v and an address, %v", s, err, a)
			}
			return
		}
		switch a.network {
		case "tcp":
			if !strings.Contains(a.address, ":") || strings.Contains(a.address, "/") {
				t.Errorf("%q is accepted as %q", s, a.address)
			}
		case "unix":
			if !strings.HasPrefix(a.address, "/") || strings.IndexByte(a.address, 0) >= 0 {
				t.Errorf("%q is accepted as %q", s, a.address)
			}
		case networkFD:
			if strings.Trim(a.address, "0123456789") != "" || len(a.address) > 5 {
				t.Errorf("%q is accepted as %q", s, a.address)
			}
		case networkSystemd:
			if a.address == "" {
				t.Errorf("%q is accepted as %q", s, a.address)
			}
		default:
			t.Errorf("%q is accepted for network %q", s, a.network)
		}
		if _, err := url.Parse(s); err != nil {
			t.Errorf("%q is no URL: %v", s, err)
		}
	})
}

// FuzzAnswerHead: no head of a program's answer breaks the parser, wherever it
// is split, and nothing that is accepted breaks the answer to the client.
func FuzzAnswerHead(f *testing.F) {
	for _, seed := range []string{
		"Content-Type: text/plain\r\n\r\nbody", "Status: 404 Not Found\n\nx", "Location: /x\r\n\r\n", "\r\n", ": x\n\n",
		"Status: 99\r\n\r\n", "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", "X: a\rb\r\n\r\n", "X: a\x00b\n\n",
		"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n", "Content-Type:\r\n\r\n", "X:\r\n folded\r\n\r\n", "Trailer: x\n\n",
		"Connection: close\n\n", "Server: x\nDate: y\n\n", "Content-Type: a\rb\n\n", "A: b\r\r\n\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		end, body, _ := headEnd(b, 0)
		if end < 0 {
			return
		}
		if end > body || body > len(b) || body == 0 {
			t.Fatalf("head ends at %d, body begins at %d of %d", end, body, len(b))
		}
		next := 0
		for i := range body { // no end is found before it has come, octet by octet
			var early int
			if early, _, next = headEnd(b[:i], next); early >= 0 {
				t.Fatalf("an end of the head is found in the first %d octets", i)
			}
		}
		if e, n, _ := headEnd(b, next); e != end || n != body {
			t.Fatalf("octet by octet the head ends at %d, the body begins at %d; at once %d, %d", e, n, end, body)
		}
		var resp fasthttp.Response
		length, err := parseAnswerHead(b[:end], &resp, 200)
		if err != nil {
			return
		}
		if length < -1 || resp.StatusCode() < 200 || resp.StatusCode() > 599 {
			t.Errorf("length %d, status %d", length, resp.StatusCode())
		}
		for name, value := range resp.Header.All() {
			if !isToken(name) {
				t.Errorf("field name %q", name)
			}
			if bytes.ContainsAny(value, "\r\n\x00") {
				t.Errorf("%s: %q", name, value)
			}
		}
		// As the client reads it: one head, and the body that was set.
		resp.SetBodyString("body")
		var out bytes.Buffer
		if _, err := resp.WriteTo(&out); err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(out.Bytes(), []byte("\r\n\r\n")); n != 1 {
			t.Errorf("%d empty lines in %q", n, out.Bytes())
		}
		appendAnswerHead(nil, &resp, length)
	})
}
