package gate

import (
	"bufio"
	"bytes"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

func TestRFC9112_3_RequestLine(t *testing.T) {
	h := accept(t, "GET /a?b=%zz&c={d} HTTP/1.1\r\nHost: example.org:81\r\n\r\n")
	if string(h.Method) != "GET" || string(h.Target) != "/a?b=%zz&c={d}" || string(h.Host) != "example.org:81" ||
		h.Form != Origin || h.Minor != 1 || h.Length != 0 || h.Close || h.KeepAlive {
		t.Fatalf("%+v", h)
	}
	for _, line := range []string{
		"GET  / HTTP/1.1", " GET / HTTP/1.1", "GET / HTTP/1.1 ", "GET /  HTTP/1.1", "GET\t/ HTTP/1.1", "GET /\tHTTP/1.1",
		"GET / a HTTP/1.1", "GE(T / HTTP/1.1", "G\x00T / HTTP/1.1", "GET:/ HTTP/1.1", "/ HTTP/1.1", "GET HTTP/1.1",
		"G\xc3\x89T / HTTP/1.1", "GET /\x00 HTTP/1.1", "GET /\x7f HTTP/1.1", "GET /\xc3\xa9 HTTP/1.1", "GET /\x80 HTTP/1.1",
		"GET /#a HTTP/1.1", "GET /?a#b HTTP/1.1", "GET /% HTTP/1.1", "GET /%4 HTTP/1.1", "GET /%4g HTTP/1.1", "GET a HTTP/1.1", "GET ?a HTTP/1.1",
	} {
		refuse(t, 400, line+"\r\nHost: a\r\n\r\n")
	}
}

func TestRFC9112_3_SimpleRequestOfHTTP09(t *testing.T) {
	refuse(t, 400, "GET /\r\n")
	refuse(t, 400, "GET\r\n")
}

func TestRFC9112_3_MethodTooLong(t *testing.T) {
	accept(t, strings.Repeat("M", 32)+" / HTTP/1.1\r\nHost: a\r\n\r\n")
	refuse(t, 501, strings.Repeat("M", 33)+" / HTTP/1.1\r\nHost: a\r\n\r\n")
}

func TestRFC9112_2_3_Version(t *testing.T) {
	if h := accept(t, "GET / HTTP/1.0\r\n\r\n"); h.Minor != 0 || !h.Close {
		t.Fatalf("%+v", h)
	}
	for _, v := range []string{"HTTP/1.2", "HTTP/1.9", "HTTP/2.0", "HTTP/0.9", "HTTP/9.1", "HTTP/3.0"} {
		refuse(t, 505, "GET / "+v+"\r\nHost: a\r\n\r\n")
	}
	for _, v := range []string{
		"http/1.1", "HTTP/1.1x", "HTTP/1.10", "HTTP/01.1", "HTTP/1", "HTTP/1,1", "HTTP1.1", "HTTP /1.1", "HTTP/+1.1",
		"HTTP/1.\xb1", "ICAP/1.0", "HTTP/2", "HTTP/1.1\t",
	} {
		refuse(t, 400, "GET / "+v+"\r\nHost: a\r\n\r\n")
	}
}

// fasthttp takes a minor version above 1 for HTTP/1.0, which is why the gate
// does not take it for HTTP/1.1.
func TestRFC9110_2_5_HigherMinorVersionIsFramedOtherwiseByFasthttp(t *testing.T) {
	const s = "POST / HTTP/1.2\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	if err := fastHead(s); err == nil {
		t.Fatal("fasthttp frames HTTP/1.2 as HTTP/1.1 now: the gate may take it")
	}
	refuse(t, 505, s)
}

func TestRFC9113_3_4_PrefaceOfHTTP2(t *testing.T) {
	refuse(t, 505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
}

func TestRFC8446_5_1_HandshakeOnPlainPort(t *testing.T) {
	var h Head
	if _, err := h.Parse([]byte("\x16"), testMax); err != errTLS || !strings.Contains(err.Error(), "tls") {
		t.Fatal(err)
	}
	refuse(t, 400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
}

func TestRFC9112_2_2_EmptyLinesBeforeRequest(t *testing.T) {
	const s = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	for n := range maxEmptyLines + 1 {
		h := accept(t, strings.Repeat("\r\n", n)+s)
		if h.Skip != 2*n || string(h.Method) != "GET" || string(h.Host) != "a" {
			t.Fatalf("%d: %+v", n, h)
		}
	}
	refuse(t, 400, strings.Repeat("\r\n", maxEmptyLines+1)+s)
	refuse(t, 400, "\n"+s)
	refuse(t, 400, "\r"+s)
	refuse(t, 400, "\r\n\n"+s)
	var h Head
	if done, err := h.Parse([]byte("\r\n\r\n"), testMax); done || err != nil || h.Skip != 4 {
		t.Fatal(done, err, h.Skip)
	}
}

func TestRFC9110_15_5_15_TargetTooLong(t *testing.T) {
	const max = 1000
	line := func(n int) string { // a request-line of n octets
		return "GET /" + strings.Repeat("a", n-len("GET / HTTP/1.1\r\n")) + " HTTP/1.1\r\n"
	}
	for _, c := range []struct {
		s      string
		status int
	}{
		{line(max/2) + "Host: a\r\n\r\n", 0},
		{line(max/2+1) + "Host: a\r\n\r\n", 414},
		{line(3*max) + "Host: a\r\n\r\n", 414},
		{"GET /" + strings.Repeat("a", max/2), 414},
		{"GET /" + strings.Repeat("a", max/2-6), 0},
		{"\r\n" + line(max/2) + "Host: a\r\n\r\n", 0},
		// What is beyond the limit is not judged, however the octets arrive.
		{"GET /" + strings.Repeat("a", max/2) + "\x00", 414},
	} {
		_, _, err := parse(t, c.s, max)
		if got := status(err); got != c.status {
			t.Errorf("%.20q... of %d octets: %d, want %d", c.s, len(c.s), got, c.status)
		}
	}
}

func TestRFC6585_5_HeadTooLarge(t *testing.T) {
	const max = 1000
	head := func(n int) string { // a head of n octets
		const rest = "GET / HTTP/1.1\r\nHost: a\r\nA: \r\n\r\n"
		return "GET / HTTP/1.1\r\nHost: a\r\nA: " + strings.Repeat("a", n-len(rest)) + "\r\n\r\n"
	}
	for _, c := range []struct {
		s      string
		status int
	}{
		{head(max), 0},
		{head(max) + "more", 0},
		{head(max + 1), 431},
		{head(3 * max), 431},
		{head(max)[:max-1], 0},
		{head(max + 1)[:max], 431},
		{strings.Repeat("\r\n", 3) + head(max-6), 0},
		{strings.Repeat("\r\n", 3) + head(max-5), 431},
	} {
		_, _, err := parse(t, c.s, max)
		if got := status(err); got != c.status {
			t.Errorf("%.20q... of %d octets: %d, want %d", c.s, len(c.s), got, c.status)
		}
	}
	accept(t, get(strings.Repeat("a:\r\n", maxFields-1)))
	refuse(t, 431, get(strings.Repeat("a:\r\n", maxFields)))
	for max := -1; max < 16; max++ {
		if _, done, err := parse(t, "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", max); done || err == nil {
			t.Errorf("max %d: %v %v", max, done, err)
		}
	}
}

func TestRFC9112_3_2_FormsOfTarget(t *testing.T) {
	for _, c := range []struct {
		method, target string
		form           Form
		host           string
	}{
		{"GET", "/", Origin, "h"},
		{"GET", "//x/y", Origin, "h"},
		{"OPTIONS", "/", Origin, "h"},
		{"OPTIONS", "*", Asterisk, "h"},
		{"GET", "http://example.org", Absolute, "example.org"},
		{"GET", "HTTPS://example.org:8443/a?b", Absolute, "example.org:8443"},
		{"GET", "http://example.org?b://c", Absolute, "example.org"},
		{"GET", "http://[::1]:80/", Absolute, "[::1]:80"},
		{"GET", "/a://b", Origin, "h"},
		{"CONNECT", "example.org:443", Authority, "example.org:443"},
		{"CONNECT", "[2001:db8::1]:443", Authority, "[2001:db8::1]:443"},
	} {
		h := accept(t, c.method+" "+c.target+" HTTP/1.1\r\nHost: h\r\n\r\n")
		if h.Form != c.form || h.Form.String() == "unknown" || string(h.Host) != c.host || string(h.Target) != c.target {
			t.Errorf("%s %s: %v %q %q", c.method, c.target, h.Form, h.Host, h.Target)
		}
	}
	for _, line := range []string{
		"GET *", "OPTIONS **", "options *", "GET example.org:443", "CONNECT /", "CONNECT *", "CONNECT example.org",
		"CONNECT example.org:", "CONNECT example.org:65536", "CONNECT http://example.org:80", "CONNECT u@example.org:443",
		"CONNECT :443", "GET ftp://example.org/", "GET http:/a", "GET http:a", "GET http://", "GET http:///a",
		"GET http://?a", "GET http://u@h/", "GET http://u:p@h/", "GET http://h:x/", "GET http://h:99999/",
		"GET http://[::1/", "GET http://a%41/", "GET http://a\\b/", "GET ://a/", "GET httpx://a/", "GET http://:80/",
		"GET http://h/%", "connect example.org:443",
	} {
		refuse(t, 400, line+" HTTP/1.1\r\nHost: h\r\n\r\n")
	}
}

// status is 0 without an error.
func status(err *Error) int {
	if err == nil {
		return 0
	}
	return err.Status
}

// fastHead is what fasthttp says of the head s.
func fastHead(s string) error {
	var h fasthttp.RequestHeader
	return h.Read(bufio.NewReaderSize(bytes.NewReader([]byte(s)), len(s)+16))
}
