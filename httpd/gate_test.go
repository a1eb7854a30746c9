package httpd_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bident/bident/httpd"
)

// gateHeader is the limit that the tables are written for.
const gateHeader = 8 << 10

// refused are requests that have no meaning, or none that all agree on. Each is
// answered, and the connection ends.
var refused = []struct {
	name    string // with the clause: RFC and section
	request string
	status  int
}{
	{"9112-2.2 bare LF after the request-line", "GET /pid HTTP/1.1\nHost: t\r\n\r\n", 400},
	{"9112-2.2 bare LF after a field", "GET /pid HTTP/1.1\r\nHost: t\n\r\n", 400},
	{"9112-2.2 bare LF as the empty line", "GET /pid HTTP/1.1\r\nHost: t\r\n\n", 400},
	{"9112-2.2 bare LF in a value", "GET /pid HTTP/1.1\r\nHost: t\r\nA: b\nc\r\n\r\n", 400},
	{"9112-2.2 bare CR in a value", "GET /pid HTTP/1.1\r\nHost: t\r\nA: b\rc\r\n\r\n", 400},
	{"9112-2.2 bare CR after a field", "GET /pid HTTP/1.1\r\nHost: t\rA: b\r\n\r\n", 400},
	{"9112-2.2 bare CR in the request-line", "GET /p\rid HTTP/1.1\r\nHost: t\r\n\r\n", 400},
	{"9112-2.2 CR CR LF", "GET /pid HTTP/1.1\r\r\nHost: t\r\n\r\n", 400},
	{"9112-2.2 whitespace before the first field", "GET /pid HTTP/1.1\r\n Host: t\r\nHost: t\r\n\r\n", 400},
	{"9112-2.2 five empty lines", "\r\n\r\n\r\n\r\n\r\nGET /pid HTTP/1.1\r\nHost: t\r\n\r\n", 400},
	{"9112-2.2 bare LF as an empty line before", "\nGET /pid HTTP/1.1\r\nHost: t\r\n\r\n", 400},
	{"9110-2.5 HTTP/2.0", "GET /pid HTTP/2.0\r\nHost: t\r\n\r\n", 505},
	{"9113-3.4 preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
	{"9110-2.5 HTTP/1.2", "GET /pid HTTP/1.2\r\nHost: t\r\n\r\n", 505},
	{"9110-2.5 HTTP/0.9 by name", "GET /pid HTTP/0.9\r\nHost: t\r\n\r\n", 505},
	{"9112-2.3 lower case", "GET /pid http/1.1\r\nHost: t\r\n\r\n", 400},
	{"9112-2.3 two digits", "GET /pid HTTP/1.10\r\nHost: t\r\n\r\n", 400},
	{"9112-2.3 no version", "GET /pid\r\nHost: t\r\n\r\n", 400},
	{"1945-5.1 HTTP/0.9", "GET /pid\r\n", 400},
	{"8446-5.1 TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400},
	{"9112-3 no method", " /pid HTTP/1.1\r\nHost: t\r\n\r\n", 400},
	{"9112-3 method is no token", "G@T /pid HTTP/1.1\r\nHost: t\r\n\r\n", 400},
	{"9112-3 two spaces", "GET  /pid HTTP/1.1\r\nHost: t\r\n\r\n", 400},
	{"9112-3 two spaces before the version", "GET /pid  HTTP/1.1\r\nHost: t\r\n\r\n", 400},
	{"9112-3 HTAB for a space", "GET\t/pid HTTP/1.1\r\nHost: t\r\n\r\n", 400},
	{"9112-3 space after the version", "GET /pid HTTP/1.1 \r\nHost: t\r\n\r\n", 400},
	{"9112-3 method too long", strings.Repeat("G", 33) + " /pid HTTP/1.1\r\nHost: t\r\n\r\n", 501},
	{"9110-15.5.15 target too long", "GET /" + strings.Repeat("p", gateHeader/2) + " HTTP/1.1\r\nHost: t\r\n\r\n", 414},
	{"9112-3.2 no Host", "GET /pid HTTP/1.1\r\n\r\n", 400},
	{"9112-3.2 two Hosts", "GET /pid HTTP/1.1\r\nHost: t\r\nHost: u\r\n\r\n", 400},
	{"9112-3.2 the same Host twice", "GET /pid HTTP/1.1\r\nHost: t\r\nHost: t\r\n\r\n", 400},
	{"9112-3.2 two Hosts in HTTP/1.0", "GET /pid HTTP/1.0\r\nHost: t\r\nHost: u\r\n\r\n", 400},
	{"9110-4.2.1 empty Host", "GET /pid HTTP/1.1\r\nHost:\r\n\r\n", 400},
	{"9110-7.2 Host with space", "GET /pid HTTP/1.1\r\nHost: t u\r\n\r\n", 400},
	{"9110-7.2 Host with path", "GET /pid HTTP/1.1\r\nHost: t/u\r\n\r\n", 400},
	{"9110-7.2 Host with user", "GET /pid HTTP/1.1\r\nHost: u@t\r\n\r\n", 400},
	{"9110-7.2 Host with a wrong port", "GET /pid HTTP/1.1\r\nHost: t:65536\r\n\r\n", 400},
	{"9110-7.2 Host with a wrong address", "GET /pid HTTP/1.1\r\nHost: [::1\r\n\r\n", 400},
	{"3986-3.5 fragment", "GET /pid#a HTTP/1.1\r\nHost: t\r\n\r\n", 400},
	{"3986-2.1 half an octet", "GET /p%6 HTTP/1.1\r\nHost: t\r\n\r\n", 400},
	{"9112-3.2.1 octet beyond ASCII", "GET /p\xe4d HTTP/1.1\r\nHost: t\r\n\r\n", 400},
	{"9112-3.2.1 NUL", "GET /p\x00d HTTP/1.1\r\nHost: t\r\n\r\n", 400},
	{"9112-3.2.1 no slash", "GET pid HTTP/1.1\r\nHost: t\r\n\r\n", 400},
	{"9112-3.2.2 another scheme", "GET ftp://t/pid HTTP/1.1\r\nHost: t\r\n\r\n", 400},
	{"9112-3.2.2 no host", "GET http:///pid HTTP/1.1\r\nHost: t\r\n\r\n", 400},
	{"9110-4.2.4 user", "GET http://u@t/pid HTTP/1.1\r\nHost: t\r\n\r\n", 400},
	{"9112-3.2.2 no Host field", "GET http://t/pid HTTP/1.1\r\n\r\n", 400},
	{"9110-9.3.6 CONNECT", "CONNECT t:80 HTTP/1.1\r\nHost: t\r\n\r\n", 501},
	{"9110-9.3.6 CONNECT without port", "CONNECT t HTTP/1.1\r\nHost: t\r\n\r\n", 400},
	{"9112-3.2.3 CONNECT with a path", "CONNECT /pid HTTP/1.1\r\nHost: t\r\n\r\n", 400},
	{"9112-3.2.3 authority for another method", "GET t:80 HTTP/1.1\r\nHost: t\r\n\r\n", 400},
	{"9112-3.2.4 asterisk for another method", "GET * HTTP/1.1\r\nHost: t\r\n\r\n", 400},
	{"9112-5.1 space before the colon", "GET /pid HTTP/1.1\r\nHost : t\r\n\r\n", 400},
	{"9112-5.1 HTAB before the colon", "GET /pid HTTP/1.1\r\nHost: t\r\nA\t: b\r\n\r\n", 400},
	{"9112-5.1 space before the colon of a length", "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length : 5\r\n\r\nhello", 400},
	{"9110-5.1 empty name", "GET /pid HTTP/1.1\r\nHost: t\r\n: b\r\n\r\n", 400},
	{"9110-5.1 name is no token", "GET /pid HTTP/1.1\r\nHost: t\r\nA(b): c\r\n\r\n", 400},
	{"9112-5 no colon", "GET /pid HTTP/1.1\r\nHost: t\r\nnothing\r\n\r\n", 400},
	{"9112-5.2 folded with a space", "GET /pid HTTP/1.1\r\nHost: t\r\nA: b\r\n c\r\n\r\n", 400},
	{"9112-5.2 folded with HTAB", "GET /pid HTTP/1.1\r\nHost: t\r\nA: b\r\n\tc\r\n\r\n", 400},
	{"9112-5.2 folded coding", "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400},
	{"9110-5.5 NUL", "GET /pid HTTP/1.1\r\nHost: t\r\nA: b\x00c\r\n\r\n", 400},
	{"9110-5.5 control", "GET /pid HTTP/1.1\r\nHost: t\r\nA: b\x0bc\r\n\r\n", 400},
	{"9112-6.1 length and coding", "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
	{"9112-6.1 coding and length", "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400},
	{"9112-6.1 coding in HTTP/1.0", "POST /echo HTTP/1.0\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
	{"9112-6.1 unknown coding", "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
	{"9112-6.1 chunked is not the last", "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400},
	{"9112-6.3 identity", "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400},
	{"9112-6.1 chunked twice", "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400},
	{"9112-6.1 two fields", "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400},
	{"9112-6.1 almost chunked", "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400},
	{"9112-6.1 chunked with a parameter", "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n", 400},
	{"9112-6.1 quoted", "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 400},
	{"9112-6.1 empty", "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding:\r\n\r\n0\r\n\r\n", 400},
	{"9112-6.3 two lengths", "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400},
	{"9112-6.3 the same length twice", "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400},
	{"9112-6.3 list of lengths", "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 5, 5\r\n\r\nhello", 400},
	{"9110-8.6 signed", "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: +5\r\n\r\nhello", 400},
	{"9110-8.6 negative", "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: -5\r\n\r\nhello", 400},
	{"9110-8.6 hexadecimal", "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 0x5\r\n\r\nhello", 400},
	{"9110-8.6 empty", "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length:\r\n\r\nhello", 400},
	{"9110-8.6 two words", "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 5 5\r\n\r\nhello", 400},
	{"9110-8.6 beyond all numbers", "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 18446744073709551621\r\n\r\nhello", 413},
	{"9110-15.5.14 too long", "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 65537\r\n\r\nhello", 413},
	{"9110-15.5.14 too long, and asked before", "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 65537\r\nExpect: 100-continue\r\n\r\n", 413},
	{"9110-10.1.1 unknown expectation", "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nExpect: 200-ok\r\n\r\nhello", 417},
	{"9110-6.5.1 trailer promised that is none", "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nTrailer: Content-Length\r\n\r\n0\r\n\r\n", 400},
	{"6585-5 head too large", "GET /pid HTTP/1.1\r\nHost: t\r\nA: " + strings.Repeat("b", gateHeader) + "\r\n\r\n", 431},
	{"6585-5 too many fields", "GET /pid HTTP/1.1\r\nHost: t\r\n" + strings.Repeat("A:\r\n", 1025) + "\r\n", 431},
	{"9112-7.1 no size", chunked("\r\nhello\r\n0\r\n\r\n"), 400},
	{"9112-7.1 no digit", chunked("g\r\nhello\r\n0\r\n\r\n"), 400},
	{"9112-7.1 negative", chunked("-5\r\nhello\r\n0\r\n\r\n"), 400},
	{"9112-7.1 prefix", chunked("0x5\r\nhello\r\n0\r\n\r\n"), 400},
	{"9112-7.1 too many digits", chunked("0000000000000005\r\nhello\r\n0\r\n\r\n"), 400},
	{"9112-7.1 wraps around", chunked("10000000000000005\r\nhello\r\n0\r\n\r\n"), 400},
	{"9112-7.1 space before", chunked(" 5\r\nhello\r\n0\r\n\r\n"), 400},
	{"9112-7.1 space after", chunked("5 \r\nhello\r\n0\r\n\r\n"), 400},
	{"9112-7.1 bare LF after the size", chunked("5\nhello\r\n0\r\n\r\n"), 400},
	{"9112-7.1 bare CR after the size", chunked("5\rhello\r\n0\r\n\r\n"), 400},
	{"9112-7.1 too much data", chunked("4\r\nhello\r\n0\r\n\r\n"), 400},
	{"9112-7.1 bare LF after the data", chunked("5\r\nhello\n0\r\n\r\n"), 400},
	{"9112-7.1 too large", chunked("10001\r\n" + strings.Repeat("b", 65537) + "\r\n0\r\n\r\n"), 413},
	{"9112-7.1.1 bare LF in an extension", chunked("5;a\nhello\r\n0\r\n\r\n"), 400},
	{"9112-7.1.1 malformed", chunked("5;=b\r\nhello\r\n0\r\n\r\n"), 400},
	{"9112-7.1.1 open quotation", chunked("5;a=\"b\r\nhello\r\n0\r\n\r\n"), 400},
	{"9112-7.1.1 too long", chunked("5;" + strings.Repeat("a", 256) + "\r\nhello\r\n0\r\n\r\n"), 400},
	{"9110-6.5.1 trailer that frames", chunked("0\r\nContent-Length: 5\r\n\r\n"), 400},
	{"9112-7.1.2 space before the colon", chunked("0\r\nX-Field : a\r\n\r\n"), 400},
	{"9112-7.1.2 folded", chunked("0\r\nX-Field: a\r\n b\r\n\r\n"), 400},
	{"9112-7.1.2 bare LF", chunked("0\r\nX-Field: a\n\r\n"), 400},
	{"6585-5 trailers too large", chunked("0\r\nX-Field: " + strings.Repeat("a", gateHeader) + "\r\n\r\n"), 431},
}

// chunked is a request with that for its body.
func chunked(body string) string {
	return "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n" + body
}

// gateLimits are the limits that the tables are written for.
func gateLimits(s *httpd.Server) {
	s.Limits = httpd.Limits{MaxHeaderSize: gateHeader, MaxBodySize: 64 << 10}
}

// TestRefused: a request that is ambiguous, or that nobody can serve, is answered
// once, the connection ends in an orderly way, and no handler hears of it. What
// follows it is never taken for a request.
func TestRefused(t *testing.T) {
	const next = "GET /pid HTTP/1.1\r\nHost: smuggled\r\n\r\n"
	flood := strings.Repeat(next, (1<<18)/len(next)) // more than the server reads at once
	sideBySide(t, frontKinds(), func(t *testing.T, k kind) {
		s := start(t, overBoth(t, k.with(gateLimits)), probePool)
		s.eachAddress(t, func(t *testing.T, url string) {
			for _, r := range refused {
				t.Run(fmt.Sprint(r.status, " RFC ", r.name), func(t *testing.T) {
					refuses(t, url, r.status, func(c *client) { c.push(r.request + next) })
					refuses(t, url, r.status, func(c *client) { c.push(r.request + flood) })
					if len(r.request) < 1<<10 {
						refuses(t, url, r.status, func(c *client) { c.trickle(r.request + next) })
					}
				})
			}
		})
		if n := s.requests(t); n != 0 {
			t.Errorf("%d requests have reached a handler", n)
		}
		newClient(t, s.url).pid(t)
	})
}

// refuses checks that what send sends is refused.
func refuses(t *testing.T, url string, status int, send func(*client)) {
	t.Helper()
	c := dialed(t, url)
	defer c.close()
	send(c)
	resp, err := c.read("GET")
	if err != nil {
		t.Fatalf("the answer cannot be read: %v", err)
	}
	if resp.StatusCode != status || !resp.Close || len(resp.text) < 2 {
		t.Errorf("%s %q %q, expected %d", resp.Status, resp.Header, resp.text, status)
	}
	c.over(t)
}

// TestRefusedAfterHead: that an answer has no body is not remembered from the
// request before.
func TestRefusedAfterHead(t *testing.T) {
	everyKind(t, func(t *testing.T, k kind) {
		s := start(t, k, probePool)
		for _, r := range []struct {
			request string
			status  int
		}{
			{"GET /pid HTTP/1.1\r\n\r\n", 400}, {"CONNECT t:80 HTTP/1.1\r\nHost: t\r\n\r\n", 501},
		} {
			c := dialed(t, s.url)
			c.send(t, "HEAD /pid HTTP/1.1\r\nHost: t\r\n\r\n"+r.request)
			if resp, err := c.read("HEAD"); err != nil || resp.StatusCode != 200 {
				t.Fatalf("%+v %v", resp, err)
			}
			if resp, err := c.read("GET"); err != nil || resp.StatusCode != r.status || resp.text == "" {
				t.Errorf("%+v %v, expected %d", resp, err, r.status)
			}
			c.over(t)
		}
	})
}
