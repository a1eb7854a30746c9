package httpd_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// TestContinue: RFC 9110, section 10.1.1: a client that waits is told to go on
// once, when a body is wanted, and never otherwise.
func TestContinue(t *testing.T) {
	const expects = "Expect: 100-continue\r\n"
	each(t, probeKinds(), func(t *testing.T, k kind) {
		s := start(t, k.with(gateLimits), probePool)
		for name, framing := range map[string]struct{ field, body string }{
			"length":  {"Content-Length: 5\r\n", "hello"},
			"long":    {"Content-Length: 20000\r\n", strings.Repeat("a", 20000)},
			"chunked": {"Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"},
		} {
			t.Run("RFC 9110-10.1.1 "+name, func(t *testing.T) {
				c := dialed(t, s.url)
				for range 3 {
					c.push(asks(framing.field + expects))
					if resp, err := c.read("POST"); err != nil || resp.StatusCode != http.StatusContinue || len(resp.Header) > 0 {
						t.Fatalf("%+v %v, expected 100", resp, err)
					}
					c.push(framing.body)
					if resp, err := c.read("POST"); err != nil || resp.StatusCode != 200 {
						t.Fatalf("%+v %v", resp, err)
					}
					// Not waited for: told, or not, and understood.
					c.push(asks(framing.field+expects) + framing.body)
					resp, err := c.read("POST")
					if err == nil && resp.StatusCode == http.StatusContinue {
						resp, err = c.read("POST")
					}
					if err != nil || resp.StatusCode != 200 {
						t.Fatalf("%+v %v", resp, err)
					}
				}
			})
		}
		for name, r := range map[string]struct {
			request string
			status  int
		}{
			"no body":        {asks(expects), 200},
			"length of zero": {asks("Content-Length: 0\r\n" + expects), 200},
			"HTTP/1.0":       {"POST /see HTTP/1.0\r\nContent-Length: 1\r\n" + expects + "\r\na", 200},
			"too large":      {asks("Content-Length: 65537\r\n" + expects), 413},
			"unknown":        {asks("Content-Length: 5\r\nExpect: 100-continue, more\r\n"), 417},
		} {
			t.Run("RFC 9110-10.1.1 none: "+name, func(t *testing.T) {
				c := dialed(t, s.url)
				c.push(r.request)
				if resp, err := c.read("POST"); err != nil || resp.StatusCode != r.status {
					t.Errorf("%+v %v, expected %d", resp, err, r.status)
				}
			})
		}
	})
}

// TestContinuePipelined: answers that have gathered come before the 100.
func TestContinuePipelined(t *testing.T) {
	each(t, probeKinds(), func(t *testing.T, k kind) {
		s := start(t, k, probePool)
		c := dialed(t, s.url)
		c.push("GET /pid HTTP/1.1\r\nHost: t\r\n\r\n" + asks("Content-Length: 5\r\nExpect: 100-continue\r\n"))
		if resp, err := c.read("GET"); err != nil || !strings.HasPrefix(resp.text, "pid=") {
			t.Fatalf("%+v %v", resp, err)
		}
		if resp, err := c.read("POST"); err != nil || resp.StatusCode != http.StatusContinue {
			t.Fatalf("%+v %v", resp, err)
		}
		c.push("hello")
		if resp, err := c.read("POST"); err != nil || resp.text != seen("POST", "t", "", "hello") {
			t.Fatalf("%+v %v", resp, err)
		}
	})
}

// full makes a server with one lane that is held, and fills its queue. served is
// how many requests the lane has had, the one that is held among them.
func full(t *testing.T, k kind) (s *server, p *player, waiting *client, served int) {
	t.Helper()
	d := conduct(t)
	s = start(t, k, pool.Config{MaxServers: 1, QueueSize: 1, QueueTimeout: pool.NoLimit, MaxRequests: pool.NoLimit})
	served = 1 + warm(t, s)
	_, p = hold(t, s, d)
	before := s.waited(t)
	waiting = dialed(t, s.url)
	waiting.push("GET /pid HTTP/1.1\r\nHost: t\r\n\r\n")
	s.queued(t, before+1)
	return s, p, waiting, served
}

// TestOverloadEarly: RFC 9110, section 15.6.4: what finds the queue full is
// refused before its body is read, without a 100, also while the client sends.
func TestOverloadEarly(t *testing.T) {
	each(t, queueKinds(), func(t *testing.T, k kind) {
		s, p, waiting, served := full(t, k)
		for name, request := range map[string]string{
			"waits":   asks("Content-Length: 5\r\nExpect: 100-continue\r\n"),
			"idles":   asks("Content-Length: 5\r\n"),
			"chunks":  asks("Transfer-Encoding: chunked\r\n"),
			"sending": asks("Content-Length: 1048576\r\n") + strings.Repeat("a", 1<<20),
			"whole":   asks("Content-Length: 5\r\n") + "hello",
		} {
			c := dialed(t, s.url)
			c.push(request)
			resp, err := c.read("POST")
			if err != nil || resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
				t.Errorf("%s: %+v %v", name, resp, err)
			}
			if name != "whole" {
				c.over(t)
			} else if resp.Close {
				t.Error("a request that was read was refused with its connection")
			}
			c.close()
		}
		p.cue("go")
		want := fmt.Sprint("served=", served+1, "\n") // and none in between
		if resp, err := waiting.read("GET"); err != nil || !strings.HasSuffix(resp.text, want) {
			t.Errorf("the request that waited: %+v %v, expected %s", resp, err, want)
		}
	})
}

// TestLeftQueue: a client that has left while its request waited costs no call of
// the handler, and its place in the queue is free again.
func TestLeftQueue(t *testing.T) {
	each(t, queueKinds(), func(t *testing.T, k kind) {
		k = k.with(func(s *httpd.Server) { s.Limits.IdleTimeout = 400 * time.Millisecond }) // how often it is looked
		s, p, waiting, served := full(t, k)
		waiting.close()
		// Once the sweeper has seen it another one finds the place.
		var c *client
		for until := time.Now().Add(patience); c == nil; {
			if time.Now().After(until) {
				t.Fatal("the place of a client that has left is not free")
			}
			queued, shed := s.places(t)
			c = dialed(t, s.url)
			c.push("GET /pid HTTP/1.1\r\nHost: t\r\n\r\n")
			for {
				q, refused := s.places(t)
				if refused > shed {
					c.close()
					c = nil
				}
				if q > queued || refused > shed {
					break
				}
			}
		}
		p.cue("go")
		want := fmt.Sprint("served=", served+1, "\n")
		if resp, err := c.read("GET"); err != nil || !strings.HasSuffix(resp.text, want) {
			t.Errorf("the request behind the one that left: %+v %v, expected %s", resp, err, want)
		}
	})
}

// places is how many requests have found a place in the queue, and how many have
// not.
func (s *server) places(t *testing.T) (queued, shed int64) {
	t.Helper()
	st, err := s.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return st.Totals.Queued, st.Totals.Shed
}

// TestLeftQueueStop: a stop does not wait for clients that have left.
func TestLeftQueueStop(t *testing.T) {
	each(t, queueKinds(), func(t *testing.T, k kind) {
		s, p, waiting, _ := full(t, k)
		waiting.close()
		ended := make(chan error, 1)
		go func() { ended <- s.stop() }()
		p.cue("go")
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// TestHalfClosed: a client that says that it sends nothing more is answered when
// a lane is free.
func TestHalfClosed(t *testing.T) {
	each(t, probeKinds(), func(t *testing.T, k kind) {
		s := start(t, overBoth(t, k), probePool)
		warm(t, s)
		s.idle(t)
		s.eachAddress(t, func(t *testing.T, url string) {
			for i, request := range []string{
				"GET /see HTTP/1.1\r\nHost: t\r\n\r\n",
				"GET /see HTTP/1.0\r\nHost: t\r\n\r\n",
				asks("Content-Length: 5\r\n") + "hello",
				asks("Transfer-Encoding: chunked\r\n") + "5\r\nhello\r\n0\r\n\r\n",
			} {
				c := dialed(t, url)
				c.push(request)
				c.shut(t)
				method, _, _ := strings.Cut(request, " ")
				if resp, err := c.read(method); err != nil || resp.StatusCode != 200 {
					t.Fatalf("request %d: %+v %v", i, resp, err)
				}
				c.over(t)
			}
		})
	})
}

// TestIncomplete: a request that does not come to its end is no request.
func TestIncomplete(t *testing.T) {
	each(t, probeKinds(), func(t *testing.T, k kind) {
		s := start(t, k, probePool)
		for _, request := range []string{
			"G", "GET /pid HTTP/1.1\r\nHost: t\r\n", "GET /pid HTTP/1.1\r\nHost: t\r\n\r",
			asks("Content-Length: 5\r\n"), asks("Content-Length: 5\r\n") + "hell",
			asks("Content-Length: 50000\r\n") + "hell",
			asks("Transfer-Encoding: chunked\r\n") + "5\r\nhello\r\n", asks("Transfer-Encoding: chunked\r\n") + "5\r\nhello\r\n0\r\n\r",
		} {
			c := dialed(t, s.url)
			c.push(request)
			c.shut(t)
			if rest, err := io.ReadAll(c.r); err != nil || len(rest) > 0 {
				t.Errorf("%q was answered: %q %v", request, rest, err)
			}
		}
		if n := s.requests(t); n != 0 {
			t.Errorf("%d requests have reached a handler", n)
		}
	})
}
