package httpd_test

import (
	"strings"
	"testing"
)

// accepted are requests that have one meaning. Each is answered with what the
// handler has seen of it.
var accepted = []struct {
	name    string // with the clause: RFC and section
	request string
	method  string // of the handler, POST if it is empty
	host    string // the same, t
	field   string
	body    string
	closes  bool
}{
	{name: "9112-2.2 four empty lines", request: "\r\n\r\n\r\n\r\nPOST /see HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello", body: "hello"},
	{name: "9112-3.2.2 host of the target", request: "GET http://u:8080/see HTTP/1.1\r\nHost: t\r\n\r\n", method: "GET", host: "u:8080"},
	{name: "9110-7.2 address and port", request: "GET /see HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", method: "GET", host: "[::1]:80"},
	{name: "9112-5.1 no whitespace around a value", request: "GET /see HTTP/1.1\r\nHost:t\r\nX-Field:a b\r\n\r\n", method: "GET", field: "a b"},
	{name: "9112-5.1 much whitespace around a value", request: "GET /see HTTP/1.1\r\nHost: \t t \t\r\nX-Field:\t a\tb \t \r\n\r\n", method: "GET", field: "a\tb"},
	{name: "9110-5.5 octets beyond ASCII", request: "GET /see HTTP/1.1\r\nHost: t\r\nX-Field: \xe4\xff\r\n\r\n", method: "GET", field: "\xe4\xff"},
	{name: "9110-5.1 case of names", request: "POST /see HTTP/1.1\r\nhOST: t\r\ncONTENT-lENGTH: 5\r\nx-fIELD: a\r\n\r\nhello", field: "a", body: "hello"},
	{name: "9110-8.6 zeros before the length", request: "POST /see HTTP/1.1\r\nHost: t\r\nContent-Length: 005\r\n\r\nhello", body: "hello"},
	{name: "9112-6.3 no body", request: "POST /see HTTP/1.1\r\nHost: t\r\n\r\n"},
	{name: "9112-6.3 body of a GET", request: "GET /see HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello", method: "GET", body: "hello"},
	{name: "9112-7.1 chunks", request: asks("Transfer-Encoding: chunked\r\n") + "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", body: "hello"},
	{name: "9112-7 case of the coding", request: asks("Transfer-Encoding: Chunked\r\n") + "5\r\nhello\r\n0\r\n\r\n", body: "hello"},
	{name: "9112-7.1 no chunks", request: asks("Transfer-Encoding: chunked\r\n") + "0\r\n\r\n"},
	{name: "9112-7.1 zeros and capitals", request: asks("Transfer-Encoding: chunked\r\n") + "00000000000001A\r\n" + strings.Repeat("b", 26) + "\r\n00\r\n\r\n", body: strings.Repeat("b", 26)},
	{name: "9112-7.1.1 extensions", request: asks("Transfer-Encoding: chunked\r\n") + "3;a\r\nhel\r\n2;a=b ; c = \"d;\\\"\t e\"\r\nlo\r\n0;z=\"\"\r\n\r\n", body: "hello"},
	{name: "9112-7.1.2 trailer", request: asks("Transfer-Encoding: chunked\r\nTrailer: X-Field\r\n") + "5\r\nhello\r\n0\r\nX-Field: late\r\n\r\n", field: "late", body: "hello"},
	{name: "9110-6.6.2 trailer that was not promised", request: asks("Transfer-Encoding: chunked\r\n") + "5\r\nhello\r\n0\r\nX-Field: late\r\n\r\n", field: "late", body: "hello"},
	{name: "9112-7.1 data that looks like the end", request: asks("Transfer-Encoding: chunked\r\n") + "7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n", body: "\r\n0\r\n\r\n"},
	{name: "9110-10.1.1 body sent without waiting", request: asks("Content-Length: 5\r\nExpect: 100-continue\r\n") + "hello", body: "hello"},
	{name: "9110-10.1.1 nothing to wait for", request: asks("Expect: 100-continue\r\n")},
	{name: "9110-10.1.1 expectation in HTTP/1.0", request: "POST /see HTTP/1.0\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello", body: "hello", closes: true},
	{name: "9112-9.6 close", request: asks("Connection: close\r\n"), closes: true},
	{name: "9110-7.6.1 close in a list", request: asks("Connection: a, ClosE ,b\r\n"), closes: true},
	{name: "9110-7.6.1 close in a second field", request: asks("Connection: keep-alive\r\nConnection: close\r\n"), closes: true},
	{name: "9110-7.6.1 no close in a list", request: asks("Connection: closed, un-close\r\n")},
	{name: "9112-9.3 HTTP/1.0", request: "GET /see HTTP/1.0\r\n\r\n", method: "GET", host: "-", closes: true},
	{name: "9112-9.3 HTTP/1.0 keeps", request: "GET /see HTTP/1.0\r\nHost: t\r\nConnection: Keep-Alive\r\n\r\n", method: "GET"},
	{name: "9112-9.3 HTTP/1.0 keeps in a list", request: "GET /see HTTP/1.0\r\nHost: t\r\nConnection: a, keep-alive\r\n\r\n", method: "GET"},
	{name: "9112-9.3 HTTP/1.0 keeps and closes", request: "GET /see HTTP/1.0\r\nHost: t\r\nConnection: keep-alive, close\r\n\r\n", method: "GET", closes: true},
}

// asks is the head of a request with these fields.
func asks(fields string) string { return "POST /see HTTP/1.1\r\nHost: t\r\n" + fields + "\r\n" }

// TestAccepted: what has one meaning reaches the handler with it, however it is
// cut on its way, and the connection goes on, or ends, as it says.
func TestAccepted(t *testing.T) {
	const next = "GET /pid HTTP/1.1\r\nHost: t\r\n\r\n"
	each(t, probeKinds(), func(t *testing.T, k kind) {
		program := strings.HasPrefix(k.name, "program")
		s := start(t, overBoth(t, k.with(gateLimits)), probePool)
		s.eachAddress(t, func(t *testing.T, url string) {
			for _, r := range accepted {
				t.Run("RFC "+r.name, func(t *testing.T) {
					if program && r.field == "late" {
						r.field = "" // CGI has no trailers
					}
					if program && strings.Contains(r.request, "http://") {
						// net/http/fcgi takes a REQUEST_URI for a path only.
						r.request = strings.Replace(r.request, "http://u:8080", "", 1)
						r.request = strings.Replace(r.request, "Host: t", "Host: u:8080", 1)
					}
					method, host := "POST", "t"
					if r.method != "" {
						method = r.method
					}
					if r.host != "" {
						host = strings.Trim(r.host, "-")
					}
					want := seen(method, host, r.field, r.body)
					for _, send := range []func(*client){
						func(c *client) { c.push(r.request + next) },
						func(c *client) { c.trickle(r.request + next) },
					} {
						c := dialed(t, url)
						send(c)
						resp, err := c.read(method)
						if err == nil && resp.StatusCode == 100 && strings.Contains(r.request, "Expect") {
							resp, err = c.read(method) // the body was not there at once
						}
						// A program that does not say its length ends HTTP/1.0.
						closes := r.closes || err == nil && resp.ContentLength < 0 && len(resp.TransferEncoding) == 0
						if err != nil || resp.StatusCode != 200 || resp.text != want || resp.Close != closes {
							t.Fatalf("%+v %v, expected %q", resp, err, want)
						}
						if closes {
							c.over(t)
						} else {
							if resp, err := c.read("GET"); err != nil || !strings.HasPrefix(resp.text, "pid=") {
								t.Fatalf("next: %+v %v", resp, err)
							}
							c.shut(t)
							c.over(t)
						}
						c.close()
					}
				})
			}
		})
	})
}

// TestOptions: RFC 9110, section 9.3.7: a question about the server as a whole
// needs no handler.
func TestOptions(t *testing.T) {
	everyKind(t, func(t *testing.T, k kind) {
		s := start(t, k, probePool)
		c := dialed(t, s.url)
		for range 2 {
			c.push("OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n")
			resp, err := c.read("OPTIONS")
			if err != nil || resp.StatusCode != 200 || resp.ContentLength != 0 || resp.Header.Get("Allow") == "" || resp.Close {
				t.Fatalf("%+v %v", resp, err)
			}
		}
		if n := s.requests(t); n != 0 {
			t.Errorf("%d requests have reached a handler", n)
		}
	})
}

// TestBodiless: RFC 9110, section 6.4.1: answers that have no body have none,
// whatever the handler makes of it, and the next answer is where it belongs.
func TestBodiless(t *testing.T) {
	each(t, probeHandlerKinds(), func(t *testing.T, k kind) {
		s := start(t, k, probePool)
		for _, how := range []string{"whole", "stream", "reader", "sized"} {
			for _, method := range []string{"GET", "HEAD"} {
				for _, n := range []string{"204", "205", "304", "200"} {
					t.Run("RFC 9110-6.4.1 "+method+" "+n+" "+how, func(t *testing.T) {
						c := dialed(t, s.url)
						one := method + " /status?n=" + n + "&how=" + how + " HTTP/1.1\r\nHost: t\r\n\r\n"
						c.push(strings.Repeat(one, 3) + "GET /pid HTTP/1.1\r\nHost: t\r\n\r\n")
						for range 3 {
							resp, err := c.read(method)
							body := method == "GET" && n == "200"
							if err != nil || !strings.HasPrefix(resp.Status, n) || (resp.text != "") != body {
								t.Fatalf("%+v %v", resp, err)
							}
							if n == "204" && (resp.Header.Get("Content-Length") != "" || len(resp.TransferEncoding) > 0) {
								t.Errorf("a 204 with the length of a body: %+v", resp)
							}
						}
						if resp, err := c.read("GET"); err != nil || !strings.HasPrefix(resp.text, "pid=") {
							t.Fatalf("next: %+v %v", resp, err)
						}
					})
				}
			}
		}
	})
}

// TestClosingAnswer: RFC 9110, section 7.6.1: a handler ends the connection with
// a list, too.
func TestClosingAnswer(t *testing.T) {
	each(t, probeHandlerKinds(), func(t *testing.T, k kind) {
		s := start(t, k, probePool)
		for field, closes := range map[string]bool{
			"close": true, "a,%20Close": true, "close%20,b": true, "closed": false, "a,b": false, "keep-alive": false,
		} {
			c := dialed(t, s.url)
			one := "GET /connection?is=" + field + " HTTP/1.1\r\nHost: t\r\n\r\n"
			c.push(one + "GET /pid HTTP/1.1\r\nHost: t\r\n\r\n")
			resp, err := c.read("GET")
			if err != nil || resp.text != "answer\n" || resp.Close != closes {
				t.Fatalf("%q: %+v %v", field, resp, err)
			}
			if closes {
				c.over(t)
			} else if resp, err := c.read("GET"); err != nil || !strings.HasPrefix(resp.text, "pid=") {
				t.Errorf("%q: next: %+v %v", field, resp, err)
			}
		}
	})
}

// TestOldStream: RFC 9112, section 6.1: a client of HTTP/1.0 gets no chunks; a
// streamed answer ends with the connection, even one that the client would keep.
func TestOldStream(t *testing.T) {
	each(t, handlerKinds(), func(t *testing.T, k kind) {
		s := start(t, k, probePool)
		for _, field := range []string{"", "Connection: keep-alive\r\n"} {
			c := dialed(t, s.url)
			c.push("GET /stream HTTP/1.0\r\n" + field + "\r\nGET /pid HTTP/1.0\r\n\r\n")
			resp, err := c.read("GET")
			if err != nil || resp.text != "piece 0\npiece 1\npiece 2\n" || len(resp.TransferEncoding) > 0 || !resp.Close {
				t.Errorf("%+v %v", resp, err)
			}
			c.over(t)
		}
	})
}
