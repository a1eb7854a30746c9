package httpd_test

import (
	"fmt"
	"net/http"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

const unavailable, badGateway = "503 service unavailable\n", "502 bad gateway\n"

// oneLane is a configuration with one lane, whose connection is the only one.
var oneLane = pool.Config{MaxServers: 1}

func keepLong(s *httpd.Server) { s.UpstreamKeep = time.Hour }

// TestUpstreamKept: one connection carries one request after the other; a POST has a
// new one, which cannot be about to end.
func TestUpstreamKept(t *testing.T) {
	networks(t, func(t *testing.T, p *playedUpstream) {
		s := p.front(keepLong, oneLane)
		got := request(t, s.url, "GET", "/0", "")
		w := p.next()
		for i := range 3 {
			if a := w.expect(fmt.Sprintf("GET /%d", i)); !a.keep {
				t.Error("the request does not ask to keep the connection")
			}
			w.say(answer("yes"))
			got.is(t, "200 yes")
			got = request(t, s.url, "GET", fmt.Sprintf("/%d", i+1), "")
		}
		w.expect("GET /3")
		w.say(answer("yes"))
		got.is(t, "200 yes")
		got = request(t, s.url, "POST", "/", "body")
		w.over()
		w = p.next()
		if a := w.expect("POST /"); a.body != "body" {
			t.Errorf("body %q", a.body)
		}
		w.say(answer("posted"))
		got.is(t, "200 posted")
		got = request(t, s.url, "GET", "/last", "")
		w.expect("GET /last")
		w.say(answer("yes"))
		got.is(t, "200 yes")
		st := s.awaitStatus(t, "a lane at rest", func(st *httpd.Status) bool { return len(st.Upstreams) == 1 && st.Upstreams[0].Idle == 1 })
		if u := st.Upstreams[0]; u.URL != p.url || !u.Up || u.Connections != 1 || u.Opened != 2 || u.Requests != 6 || u.Failures+u.Retries+u.Errors != 0 {
			t.Errorf("status: %+v", u)
		}
		if err := s.stop(); err != nil {
			t.Error(err)
		}
		w.over()
		p.none()
	})
}

// TestUpstreamIdle: an idle connection is closed after UpstreamKeep, at once if that
// is negative; then nobody is asked to keep it.
func TestUpstreamIdle(t *testing.T) {
	for _, keep := range []time.Duration{time.Millisecond, -1} {
		p := play(t, "unix")
		s := p.front(func(s *httpd.Server) { s.UpstreamKeep = keep }, oneLane)
		for range 2 {
			got := request(t, s.url, "GET", "/", "")
			w := p.next()
			if a := w.expect("GET /"); a.keep != (keep > 0) {
				t.Errorf("UpstreamKeep %s: KEEP_CONN is %t", keep, a.keep)
			}
			w.say(answer("yes"))
			got.is(t, "200 yes")
			w.over()
		}
	}
}

// TestUpstreamCloses: a kept connection may end at any time. What it took with it at
// once is sent again, over a new one; what was lost later is not, and neither is
// anything over a connection that was new.
func TestUpstreamCloses(t *testing.T) {
	networks(t, func(t *testing.T, p *playedUpstream) {
		s := p.front(keepLong, oneLane)
		got := request(t, s.url, "GET", "/first", "")
		w := p.next()
		w.expect("GET /first")
		w.say(answer("yes"))
		got.is(t, "200 yes")
		w.Close()

		got = request(t, s.url, "GET", "/noticed", "") // before it was sent
		w = p.next()
		w.expect("GET /noticed")
		w.say(answer("yes"))
		got.is(t, "200 yes")

		got = request(t, s.url, "GET", "/unread", "") // after it was sent
		w.unread()
		w = p.next()
		w.expect("GET /unread")
		w.say(answer("yes"))
		got.is(t, "200 yes")

		got = request(t, s.url, "GET", "/twice", "") // and the new one, too
		w.unread()
		p.next().unread()
		got.is(t, badGateway)
		p.none()

		got = request(t, s.url, "GET", "/first", "")
		w = p.next()
		w.expect("GET /first")
		w.say(answer("yes"))
		got.is(t, "200 yes")
		got = request(t, s.url, "GET", "/read", "")
		w.expect("GET /read") // and thrown away
		w.Close()
		w = p.next()
		w.expect("GET /read")
		w.say(answer("yes"))
		got.is(t, "200 yes")

		got = request(t, s.url, "GET", "/late", "") // it was run, then
		w.expect("GET /late")
		time.Sleep(150 * time.Millisecond)
		w.Close()
		got.is(t, badGateway)
		p.none()

		got = request(t, s.url, "POST", "/", "body")
		p.next().unread()
		got.is(t, badGateway)
		p.none()
		if u := s.upstream(t); u.Retries != 3 || u.Connections != 0 || u.Idle != 0 {
			t.Errorf("status: %+v", u)
		}
	})
}

// unread closes the connection with a request on it.
func (w *wire) unread() {
	w.t.Helper()
	_ = w.SetReadDeadline(time.Now().Add(patience))
	var b [1]byte
	if _, err := w.Conn.Read(b[:]); err != nil {
		w.t.Fatal(err)
	}
	w.Close()
}

// upstream is the state of the only upstream, as status has it.
func (s *server) upstream(t *testing.T) httpd.StatusUpstream {
	t.Helper()
	st, err := s.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(st.Upstreams) != 1 {
		t.Fatalf("upstreams: %+v", st.Upstreams)
	}
	return st.Upstreams[0]
}

// TestUpstreamTimeout: what takes longer than RequestTimeout is 504, and the
// connection is closed.
func TestUpstreamTimeout(t *testing.T) {
	p := play(t, "unix")
	s := p.front(keepLong, pool.Config{MaxServers: 1, RequestTimeout: 20 * time.Millisecond})
	for range 3 {
		got := request(t, s.url, "GET", "/slow", "")
		w := p.next()
		w.expect("GET /slow")
		got.is(t, "504 Gateway Timeout\n")
		w.over()
	}
	s.await(t, func(state string) bool { return state == "_" })
}

// TestUpstreamClientLeaves: the program is told, and if it does not care the
// connection is closed.
func TestUpstreamClientLeaves(t *testing.T) {
	networks(t, func(t *testing.T, p *playedUpstream) {
		s := p.front(keepLong, oneLane)
		for _, heeds := range []bool{true, false} {
			c := newClient(t, s.url)
			c.send(t, "GET /long HTTP/1.1\r\nHost: test\r\n\r\n")
			w := p.next()
			w.expect("GET /long")
			c.close()
			if kind, _, err := w.record(); err != nil || kind != 2 {
				t.Fatalf("record %d, %v, expected FCGI_ABORT_REQUEST", kind, err)
			}
			if heeds {
				w.say(end(0))
			}
			w.over()
		}
		s.await(t, func(state string) bool { return state == "_" })
	})
}

// TestUpstreamOverloaded: what the program has no time for is 503, with Retry-After.
func TestUpstreamOverloaded(t *testing.T) {
	p := play(t, "unix")
	s := p.front(keepLong, oneLane)
	c := newClient(t, s.url)
	c.send(t, "GET / HTTP/1.1\r\nHost: test\r\n\r\n")
	w := p.next()
	w.expect("GET /")
	w.say(end(2))
	resp := c.receive(t, "GET")
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("%s, Retry-After %q", resp.Status, resp.Header.Get("Retry-After"))
	}
}

// TestUpstreamFewProcesses: a daemon with fewer processes than there are lanes, each of
// which serves one connection until it ends, starves nobody.
func TestUpstreamFewProcesses(t *testing.T) {
	p := play(t, "unix")
	s := p.front(keepLong, pool.Config{MaxServers: 4, Concurrency: 2})
	var processes sync.WaitGroup
	defer processes.Wait()
	defer p.l.Close()
	for range 2 {
		processes.Go(func() {
			for {
				conn, err := p.l.Accept()
				if err != nil {
					return
				}
				broken(conn)
			}
		})
	}
	var clients sync.WaitGroup
	for range 16 {
		c := newClient(t, s.url)
		clients.Go(func() {
			for range 50 {
				if status, text, err := c.try("GET", "/good", ""); status != 200 || text != "good\n" || err != nil {
					t.Errorf("%d %q %v", status, text, err)
					return
				}
				runtime.Gosched()
			}
		})
	}
	clients.Wait()
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}

// TestBrokenUpstream: what a program does to the protocol harms no other request.
func TestBrokenUpstream(t *testing.T) {
	networks(t, func(t *testing.T, p *playedUpstream) {
		s := p.front(keepLong, pool.Config{})
		var conns sync.WaitGroup
		defer conns.Wait()
		t.Cleanup(func() { s.stop() })
		defer p.l.Close()
		conns.Go(func() {
			for {
				_ = p.l.(interface{ SetDeadline(time.Time) error }).SetDeadline(time.Time{})
				conn, err := p.l.Accept()
				if err != nil {
					return
				}
				go broken(conn)
			}
		})
		breakAll(t, s, func(b breakage) bool { return !b.dies })
	})
}

// TestUpstreamAbsent: the server starts without its upstream, says so, and serves when
// that has come.
func TestUpstreamAbsent(t *testing.T) {
	p := play(t, "unix")
	p.l.Close()
	s := start(t, kind{make: func(_ *testing.T, s *httpd.Server) { s.Handler = httpd.Upstream(p.url) }}, oneLane)
	s.awaitStatus(t, "an upstream that is down", func(st *httpd.Status) bool { return !st.Upstreams[0].Up })
	request(t, s.url, "GET", "/", "").is(t, unavailable)
	p.again()
	p.next().over() // the probe
	s.awaitStatus(t, "an upstream that is up", func(st *httpd.Status) bool { return st.Upstreams[0].Up })
	got := request(t, s.url, "GET", "/", "")
	w := p.next()
	w.expect("GET /")
	w.say(answer("yes"))
	got.is(t, "200 yes")
}

// TestUpstreamRestarts: a request that finds nobody waits for a while, and goes
// through when the upstream is back; if it does not come back, it is 503.
func TestUpstreamRestarts(t *testing.T) {
	networks(t, func(t *testing.T, p *playedUpstream) {
		s := p.front(keepLong, pool.Config{MaxServers: 2})
		p.l.Close()
		got := request(t, s.url, "POST", "/", "body")
		s.awaitStatus(t, "a refused connection", func(st *httpd.Status) bool { return st.Upstreams[0].Failures > 0 })
		p.again()
		w := p.next()
		w.expect("POST /")
		w.say(answer("yes"))
		got.is(t, "200 yes")

		p.l.Close()
		w.Close()
		if name := p.l.Addr().String(); p.l.Addr().Network() == "unix" {
			_ = os.Remove(name)
		}
		other := request(t, s.url, "GET", "/", "")
		request(t, s.url, "GET", "/", "").is(t, unavailable)
		other.is(t, unavailable)
		if u := s.upstream(t); u.Up {
			t.Errorf("status: %+v", u)
		}
	})
}
