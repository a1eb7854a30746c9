package httpd_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/internal/fcgi"
	"github.com/bident/bident/pool"
)

// directed is a path that a conductor directs.
func directed(c *conductor, path string) []variable { return params("GET", path+c.by(), 0) }

// TestFCGIAbort: FCGI_ABORT_REQUEST ends the context of the request, which has exactly
// one end, and the connection goes on.
func TestFCGIAbort(t *testing.T) {
	each(t, fcgiKinds, func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{MaxServers: 1})
		c, w := conduct(t), dialFCGI(t, s.url)
		for range 2 {
			id := w.send(directed(c, "/watch"), nil)
			p := c.next()
			p.line() // it watches
			w.write(fcgi.AppendAbort(nil, id))
			if cause := p.line(); cause != httpd.ErrClientLeft.Error() {
				t.Errorf("cause %q", cause)
			}
			if _, err := w.answer(id); err != nil {
				t.Error(err)
			}
			w.idle()
		}
		// In the middle of a stream whose handler does not look out.
		id := w.send(directed(c, "/flood"), nil)
		p := c.next()
		p.line()
		w.write(fcgi.AppendAbort(nil, id))
		if _, err := w.answer(id); err != nil {
			t.Error(err)
		}
		for line := p.line(); line != "over: true"; line = p.line() {
			if strings.HasPrefix(line, "over") {
				t.Fatal(line)
			}
		}
		p.gone()
		w.idle()
		// While the body comes.
		b := octetsOf(6, fcgi.RoleResponder, 1, params("POST", "/echo", 100), []byte("half"))
		w.write(fcgi.AppendAbort(b[:len(b)-fcgi.HeaderLen], 6))
		if a, err := w.answer(6); err == nil || a.end != (fcgi.EndRequest{}) {
			t.Errorf("%+v %v", a, err)
		}
		w.idle()
	})
}

// TestFCGIAbortQueued: a request that is aborted while it waits is never begun.
func TestFCGIAbortQueued(t *testing.T) {
	each(t, []kind{fcgiKinds[0], fcgiKinds[2]}, func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{MaxServers: 1})
		c, busy, w := conduct(t), dialFCGI(t, s.url), dialFCGI(t, s.url)
		until(t, func() string { // the one lane is there: from now on it is found
			if a := w.do(params("GET", "/pid", 0), nil); a.status != http.StatusOK {
				return fmt.Sprint("status ", a.status)
			}
			return ""
		})
		first := busy.send(directed(c, "/held"), nil)
		p := c.next()
		id := w.send(directed(c, "/held"), nil)
		s.awaitStatus(t, "queued", func(st *httpd.Status) bool { return st.Totals.Queued == 1 })
		w.write(fcgi.AppendAbort(nil, id))
		if a, err := w.answer(id); err != nil || a.status != 0 || a.end != (fcgi.EndRequest{}) {
			t.Errorf("%+v %v", a, err)
		}
		p.cue("go")
		if a, err := busy.answer(first); err != nil || a.body != "held\n" {
			t.Errorf("%+v %v", a, err)
		}
		w.idle()
		if st, err := s.Status(t.Context()); err != nil || st.Totals.Requests != 3 {
			t.Errorf("%+v %v", st.Totals, err)
		}
	})
}

// TestFCGIWebServerLeaves: the end of the connection is the end of its request.
func TestFCGIWebServerLeaves(t *testing.T) {
	each(t, fcgiKinds, func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{MaxServers: 1})
		c, w := conduct(t), dialFCGI(t, s.url)
		w.send(directed(c, "/watch"), nil)
		p := c.next()
		p.line()
		w.conn.Close()
		if cause := p.line(); cause != httpd.ErrClientLeft.Error() {
			t.Errorf("cause %q", cause)
		}
		dialFCGI(t, s.url).idle()
	})
}

// TestFCGIOverloaded: who finds the queue full is told so in both ways.
func TestFCGIOverloaded(t *testing.T) {
	each(t, []kind{fcgiKinds[0], fcgiKinds[2]}, func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{MaxServers: 1, QueueSize: pool.NoLimit})
		c, busy, w := conduct(t), dialFCGI(t, s.url), dialFCGI(t, s.url)
		first := busy.send(directed(c, "/held"), nil)
		p := c.next()
		big := bytes.Repeat([]byte{'b'}, 100<<10)
		for _, body := range [][]byte{nil, []byte("x"), big} {
			a := w.do(params("POST", "/echo", len(body)), body)
			if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" || a.end.ProtocolStatus != fcgi.Overloaded {
				t.Errorf("%+v", a)
			}
		}
		p.cue("go")
		if a, err := busy.answer(first); err != nil || a.body != "held\n" {
			t.Errorf("%+v %v", a, err)
		}
		w.idle()
	})
}

// TestFCGIFailures: what goes wrong in a handler.
func TestFCGIFailures(t *testing.T) {
	each(t, fcgiKinds, func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{RequestTimeout: 300 * time.Millisecond})
		w := dialFCGI(t, s.url)
		if a := w.get("/panic"); a.status != 500 || a.end != (fcgi.EndRequest{AppStatus: 1}) {
			t.Errorf("panic: %+v", a)
		}
		w.idle()
		if a, err := w.answer(w.send(params("GET", "/cut", 0), nil)); !errors.Is(err, io.EOF) || !strings.Contains(err.Error(), "the beginning") {
			t.Errorf("cut: %+v %v", a, err)
		}
		w = dialFCGI(t, s.url)
		if a := w.get("/sleep?ms=100000"); a.status != http.StatusGatewayTimeout {
			t.Errorf("timeout: %+v", a)
		}
		w.idle()
		if a := w.do(params("HEAD", "/echo", 0), nil); a.status != 200 || a.body != "" {
			t.Errorf("HEAD: %+v", a)
		}
	})
}

// TestFCGISlow: web servers that are slow with what they send or take are not waited
// for, and hold nobody.
func TestFCGISlow(t *testing.T) {
	k := fcgiKinds[0].with(func(s *httpd.Server) {
		s.Limits.HeaderTimeout, s.Limits.ReadTimeout = 150*time.Millisecond, 150*time.Millisecond
		s.Limits.IdleTimeout, s.Limits.WriteTimeout = 150*time.Millisecond, 300*time.Millisecond
	})
	s := start(t, k, pool.Config{MaxServers: 1})
	whole := octetsOf(1, fcgi.RoleResponder, 1, params("POST", "/echo", 5), []byte("hello"))
	for _, kept := range []bool{false, true} {
		for _, cut := range []int{5, 20, 100, len(whole) - 12} {
			w := dialFCGI(t, s.url)
			if kept {
				w.idle()
			}
			w.write(whole[:cut])
			a, err := w.answer(1)
			if cut > 16 && (err != nil || a.status != http.StatusRequestTimeout) {
				t.Errorf("cut at %d: %+v %v", cut, a, err)
			}
			if _, err := w.r.Next(); err != io.EOF {
				t.Errorf("cut at %d: the connection stays: %v", cut, err)
			}
		}
	}
	w := dialFCGI(t, s.url)
	w.idle()
	if _, err := w.r.Next(); err != io.EOF {
		t.Errorf("idle: %v", err)
	}
	c := conduct(t)
	w = dialFCGI(t, s.url)
	w.send(directed(c, "/flood"), nil)
	p := c.next()
	for line := p.line(); line != "over: true"; line = p.line() {
	}
	dialFCGI(t, s.url).idle()
}

// TestFCGIHalfClosed: a web server that has nothing more to send gets its answer.
func TestFCGIHalfClosed(t *testing.T) {
	each(t, fcgiKinds, func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{MaxServers: 1})
		w := dialFCGI(t, s.url)
		w.write(octetsOf(1, fcgi.RoleResponder, 0, params("GET", "/pid", 0), nil))
		if err := w.conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if a, err := w.answer(1); err != nil || a.status != 200 {
			t.Errorf("%+v %v", a, err)
		}
		if _, err := w.r.Next(); err != io.EOF {
			t.Errorf("the connection stays: %v", err)
		}
		// Nor does it, without KEEP_CONN.
		w = dialFCGI(t, s.url)
		w.write(octetsOf(1, fcgi.RoleResponder, 0, params("GET", "/pid", 0), nil))
		if a, err := w.answer(1); err != nil || a.status != 200 {
			t.Errorf("%+v %v", a, err)
		}
		if _, err := w.r.Next(); err != io.EOF {
			t.Errorf("the connection stays: %v", err)
		}
	})
}

// TestFCGIGarbage: what is no FastCGI ends its connection, and nothing else.
func TestFCGIGarbage(t *testing.T) {
	s := start(t, fcgiKinds[0], pool.Config{MaxServers: 1})
	begin := fcgi.AppendBegin(nil, 1, fcgi.RoleResponder, 1)
	for _, octets := range []string{
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x02\x01\x00\x01\x00\x00\x00\x00", string(begin) + string(begin),
		string(begin) + string(fcgi.AppendStream(nil, fcgi.TypeParams, 1, []byte{10, 0, 1})) + string(fcgi.AppendStreamEnd(nil, fcgi.TypeParams, 1)),
		string(fcgi.AppendRecord(nil, fcgi.TypeBeginRequest, 1, []byte("four"))),
	} {
		w := dialFCGI(t, s.url)
		w.write([]byte(octets))
		if f, err := w.r.Next(); err == nil {
			t.Errorf("%q is answered: %+v", octets, f)
		}
	}
	dialFCGI(t, s.url).idle()
}
