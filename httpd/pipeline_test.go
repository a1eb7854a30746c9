package httpd_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// TestPipelinedWrites: answers to requests that came together go out together.
// What the client reads is what the server has written, or more of it at a time. On a
// busy machine some do not wait for the next one, as TestPipelinedSlow has it.
func TestPipelinedWrites(t *testing.T) {
	each(t, handlerKinds(), func(t *testing.T, k kind) {
		const depth, rounds = 16, 50
		s := start(t, k, probePool)
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(patience))
		one := "GET /state HTTP/1.1\r\nHost: t\r\n\r\n"
		reads, buf := 0, make([]byte, 64<<10)
		for range rounds {
			if _, err := io.WriteString(conn, strings.Repeat(one, depth)); err != nil {
				t.Fatal(err)
			}
			for text := ""; strings.Count(text, "state of") < depth || !strings.HasSuffix(text, "\n"); {
				n, err := conn.Read(buf)
				if err != nil {
					t.Fatal(err)
				}
				reads++
				text += string(buf[:n])
			}
		}
		if most := rounds * depth / 2; reads > most {
			t.Errorf("%d answers came in %d pieces, expected %d at most", rounds*depth, reads, most)
		}
	})
}

// TestPipelinedSlow: an answer that is ready does not wait for the next request's
// handler.
func TestPipelinedSlow(t *testing.T) {
	each(t, handlerKinds(), func(t *testing.T, k kind) {
		s, d := start(t, k, probePool), conduct(t)
		for range 3 {
			c := dialed(t, s.url)
			c.push("GET /pid HTTP/1.1\r\nHost: t\r\n\r\nGET /held" + d.by() + " HTTP/1.1\r\nHost: t\r\n\r\n")
			p := d.next()
			_ = c.conn.SetDeadline(time.Now().Add(patience / 6))
			resp, err := c.read("GET")
			if err != nil || !strings.HasPrefix(resp.text, "pid=") {
				t.Fatalf("the answer waits for the one behind it: %+v %v", resp, err)
			}
			_ = c.conn.SetDeadline(time.Now().Add(patience))
			p.cue("go")
			if resp, err := c.read("GET"); err != nil || resp.text != "held\n" {
				t.Fatalf("%+v %v", resp, err)
			}
			c.close()
		}
	})
}

// TestPipelinedPart: an answer that is ready does not wait for the rest of the
// next request, wherever that is cut.
func TestPipelinedPart(t *testing.T) {
	const next = "POST /see HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX-Field: a\r\n\r\n"
	each(t, probeHandlerKinds(), func(t *testing.T, k kind) {
		s := start(t, k, probePool)
		c := dialed(t, s.url)
		for cut := 1; cut < len(next); cut++ {
			c.push("GET /pid HTTP/1.1\r\nHost: t\r\n\r\n" + next[:cut])
			if resp, err := c.read("GET"); err != nil || !strings.HasPrefix(resp.text, "pid=") {
				t.Fatalf("%d octets of the next request: %+v %v", cut, resp, err)
			}
			c.push(next[cut:])
			if resp, err := c.read("POST"); err != nil || resp.text != seen("POST", "t", "a", "hello") {
				t.Fatalf("next request, cut after %d octets: %+v %v", cut, resp, err)
			}
		}
	})
}

// TestSmuggling: after each request there are exactly as many answers as there
// are requests, by the one reading that there is.
func TestSmuggling(t *testing.T) {
	const pid = "GET /pid HTTP/1.1\r\nHost: t\r\n\r\n"
	each(t, probeKinds(), func(t *testing.T, k kind) {
		s := start(t, k.with(gateLimits), probePool)
		for _, r := range []struct {
			name     string
			sent     string
			statuses string
		}{
			{"body that is a request", asks(fmt.Sprintf("Content-Length: %d\r\n", len(pid))) + pid + pid, "200 200"},
			{"chunk that is a request", asks("Transfer-Encoding: chunked\r\n") + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(pid), pid) + pid, "200 200"},
			{"extension that is a request", asks("Transfer-Encoding: chunked\r\n") + "1;a=\"GET /pid HTTP/1.1\"\r\na\r\n0\r\n\r\n" + pid, "200 200"},
			{"body of a GET", "GET /pid HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nGET /" + pid, "200 200"},
			{"body of a HEAD", "HEAD /pid HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nGET /", "200"},
			{"body of OPTIONS *", fmt.Sprintf("OPTIONS * HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n", len(pid)) + pid + pid, "404 200"},
			{"length behind a field without colon", "POST /see HTTP/1.1\r\nHost: t\r\nContent-Length\r\n\r\n" + pid, "400"},
			{"both framings behind a request", pid + asks("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n" + pid, "200 400"},
			{"odd chunk behind a request", pid + asks("Transfer-Encoding: chunked\r\n") + "0x0\r\n\r\n" + pid, "200 400"},
			{"chunk of 2^64 octets", asks("Transfer-Encoding: chunked\r\n") + "10000000000000000\r\n\r\n0\r\n\r\n" + pid, "400"},
			{"empty lines between", pid + "\r\n\r\n" + pid, "200 200"},
			{"close in the middle", strings.Replace(pid, "Host", "Connection: close\r\nHost", 1) + pid, "200"},
			{"upgrade that nobody wants", strings.Replace(pid, "Host", "Connection: upgrade\r\nUpgrade: h2c\r\nHost", 1) + pid, "200 200"},
		} {
			t.Run(r.name, func(t *testing.T) {
				c := dialed(t, s.url)
				c.push(r.sent)
				method, _, _ := strings.Cut(r.sent, " ")
				var statuses []string
				last := false
				for want := strings.Count(r.statuses, " ") + 1; want > 0 && !last; want-- {
					resp, err := c.read(method)
					if err != nil {
						t.Fatalf("after %s: %v", statuses, err)
					}
					method, last = "GET", resp.Close
					statuses = append(statuses, fmt.Sprint(resp.StatusCode))
				}
				if !last {
					c.push("GET /nowhere HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
					if resp, err := c.read("GET"); err != nil || resp.StatusCode != 404 {
						t.Errorf("next: %+v %v", resp, err)
					}
				}
				c.over(t)
				if got := strings.Join(statuses, " "); got != r.statuses {
					t.Errorf("answers: %s, expected %s", got, r.statuses)
				}
			})
		}
	})
}

// TestLeftovers: nothing of a request whose client has left is visible in
// another one.
func TestLeftovers(t *testing.T) {
	secret := strings.Repeat("secret", 10_000)
	each(t, probeKinds(), func(t *testing.T, k kind) {
		s := start(t, k.with(func(s *httpd.Server) {
			s.Limits.MaxBodySize = 8 << 20
		}), pool.Config{MaxRequests: pool.NoLimit})
		for _, begun := range []string{
			asks("Content-Length: 400000\r\nX-Field: secret\r\n") + secret,
			asks("Content-Length: 4000000\r\nX-Field: secret\r\n") + secret,
			asks("Transfer-Encoding: chunked\r\nX-Field: secret\r\n") + fmt.Sprintf("%x\r\n%s\r\n9\r\n", len(secret), secret),
			"GET /see HTTP/1.1\r\nHost: t\r\nX-Field: sec",
		} {
			for range 8 { // so that each worker has had some
				var left []*client
				for range 4 {
					c := dialed(t, s.url)
					c.push(begun)
					left = append(left, c)
				}
				for _, c := range left {
					c.close()
				}
				for _, next := range []struct{ request, method, body string }{
					{asks("Transfer-Encoding: chunked\r\n") + "5\r\nhello\r\n0\r\n\r\n", "POST", "hello"},
					{asks("Content-Length: 5\r\n") + "hello", "POST", "hello"},
					{asks("Content-Length: 20000\r\n") + strings.Repeat("a", 20000), "POST", strings.Repeat("a", 20000)},
					{"GET /see HTTP/1.1\r\nHost: t\r\n\r\n", "GET", ""},
				} {
					c := dialed(t, s.url)
					c.push(next.request)
					resp, err := c.read(next.method)
					if err != nil || resp.text != seen(next.method, "t", "", next.body) {
						t.Fatalf("%.200q %v: another client's request is visible", resp.text, err)
					}
					c.close()
				}
			}
		}
	})
}
