package httpd

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"github.com/bident/bident/internal/fcgi"
	"github.com/bident/bident/internal/poller"
	"github.com/bident/bident/pool"
)

// errUnbegun says that no request has begun, and nothing more is there: the
// connection is idle.
var errUnbegun = errors.New("httpd: no request has begun")

// errAside says that the connection is to be given away in the middle of the head of a
// request.
var errAside = errors.New("httpd: somebody else is to read the rest")

// webServer is what a connection that speaks FastCGI needs beside its desk while
// there is something on it: the web server's end of the exchange. It is the
// net.Conn of the ServerConn, so that what that reads and writes counts as the
// connection's, with its limits of time.
//
// The head of a request stands at the beginning of the desk's buffer, composed as
// one of HTTP/1.1, and is parsed as such (fcgirequest.go). The answer is one of CGI
// (fcgianswer.go).
type webServer struct {
	net.Conn
	conn   *conn
	server *fcgi.ServerConn
	rest   []byte // was read, and had to leave the desk's buffer to a head

	composed bool // the desk's buffer holds the head of the request in hand
	waited   bool // the time for the head has begun
	moved    bool // there was more of the body since the web server was waited for
	glancing bool // a Read does not wait
	glanced  int  // octets that such Reads have got
	lookout  atomic.Pointer[lookout]

	role    fcgi.Role
	keep    bool // the connection stays after the request
	last    bool // it does not, whatever the web server wants
	aborted bool
	status  fcgi.ProtocolStatus // of the answer
	length  int64               // of the body as announced, -1 if it was not
	most    int64

	said   []byte         // of the client of the last request: address, and port
	parted int            // where that begins
	client netip.AddrPort // which is this one, and
	addr   net.Addr       // the same for handlers

	take  func(p []byte) error
	try   func(fd uintptr)
	into  []byte
	tried int
	err   error
	text  []byte
	pair  [2][]byte // for a write of two pieces
	both  net.Buffers
}

// paramsBeside is how many octets of FCGI_PARAMS may be the web server's own, beside
// those that make the head of the request.
const paramsBeside = 64 << 10

// headBeside is how much longer the composed head may be than what the client has
// sent: Host and the like, if the web server did not say it otherwise.
const headBeside = 8 << 10

func (f *front) newWebServer() *webServer {
	w := new(webServer)
	w.take, w.try = w.takeBody, w.tryRead
	w.server = fcgi.NewServerConn(nil, fcgi.ServerConfig{
		MaxParamBytes: f.limits.MaxHeaderSize + paramsBeside,
		MaxBody:       -1,
		Roles:         []fcgi.Role{fcgi.RoleResponder, fcgi.RoleAuthorizer},
		Limits: func() (conns, reqs int) {
			n := f.takes() // a connection carries one request at a time
			return n, n
		},
	})
	return w
}

// takes is how many requests the server takes at a time: those in hand, and those that
// wait for a lane. What comes beyond is answered FCGI_OVERLOADED.
func (r *instance) takes() int {
	limited, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	n := taken(limited, r.supervisor, r.plan.pool)
	for _, a := range r.annexes {
		n += taken(limited, a.supervisor, a.config)
	}
	return n
}

// taken is how many requests a pool takes, with its first configuration if it does not
// tell the present one.
func taken(ctx context.Context, s *pool.Supervisor, first pool.Config) int {
	c, err := s.Config(ctx)
	if err != nil {
		c = first
	}
	return capacity(&c)
}

// capacity is how many requests a pool takes at a time.
func capacity(c *pool.Config) int { return c.MaxServers*c.Concurrency + c.QueueSize }

// greet gives a connection the means to speak with its web server.
func (c *conn) greet() *webServer {
	if c.web == nil {
		w, _ := c.front.greetings.Get().(*webServer)
		if w == nil {
			w = c.front.newWebServer()
		}
		w.conn, w.Conn = c, c.Conn
		w.server.Reset(w)
		c.web = w
	}
	return c.web
}

// part gives them back, with nothing on them.
func (c *conn) part() {
	w := c.web
	c.web = nil
	w.server.Reset(nil)
	w.conn, w.Conn, w.rest = nil, nil, nil
	w.composed, w.waited, w.moved, w.aborted, w.last = false, false, false, false, false
	if cap(w.text) > deskMost {
		w.text = nil
	}
	c.front.greetings.Put(w)
}

// hangUp is part for a connection that was closed.
func (c *conn) hangUp() {
	if c.shared {
		return // somebody may still want to say something on it
	}
	c.web.unwatch()
	c.part()
}

// pending reports whether something of a next request was read.
func (w *webServer) pending() bool {
	return !w.server.AtBoundary() || len(w.server.Buffered()) > 0 || len(w.rest) > 0
}

// runFCGI is the life of a connection that speaks FastCGI, once it was admitted.
func (c *conn) runFCGI() {
	for {
		if c.web != nil && !c.web.pending() {
			c.part() // an idle connection holds nothing
		}
		if !c.begun() && c.await() != nil || c.leaves() && c.depart() || !c.exchange() {
			return
		}
	}
}

// exchange takes one request to its answer. It reports whether the connection can
// carry another one. It returns early if what has come was no request.
func (c *conn) exchange() (more bool) {
	c.greet()
	c.sit()
	return c.request()
}

// Read implements net.Conn: first what the desk has, then what the web server sends.
func (w *webServer) Read(p []byte) (int, error) {
	c := w.conn
	if len(w.rest) > 0 {
		n := copy(p, w.rest)
		w.rest = w.rest[n:]
		return n, nil
	}
	if d := c.desk; !w.composed && d != nil && d.r < d.w {
		n := copy(p, d.in[d.r:d.w])
		if d.r += n; d.r == d.w {
			d.r, d.w = 0, 0
		}
		return n, nil
	}
	o := w.lookout.Load()
	switch {
	case w.glancing:
		return w.glance(p)
	case o != nil:
	case w.composed:
		if w.moved {
			w.moved = false
			c.enter(phaseBody)
		}
	case w.server.AtBoundary() && len(w.server.Buffered()) == 0:
		return 0, errUnbegun
	case !w.waited:
		w.waited = true
		if c.requests > 0 { // the time for the first one has begun with the connection
			c.resume(phaseHead)
		}
	}
	heading := o == nil && !w.composed
	for {
		n, err := w.readOn(p, o == nil, heading)
		switch {
		case n > 0:
			return n, nil
		case !errors.Is(err, os.ErrDeadlineExceeded): // errAside is one of them
			return 0, err
		case o != nil && o.stopping.Load():
			return 0, err
		case o == nil && c.overdue():
			return 0, errSlow
		}
		// Woken because the front drains, or late by the sweeper: the request goes on.
		_ = c.Conn.SetReadDeadline(noDeadline)
		if heading && c.leaves() {
			return 0, errAside
		}
		if o != nil && o.stopping.Load() {
			return 0, os.ErrDeadlineExceeded // it may have been that one
		}
	}
}

// readOn reads once. alone says that nobody else does something with the connection,
// and heading that it is for a head: one who serves one connection at a time does not
// wait for that for long.
func (w *webServer) readOn(p []byte, alone, heading bool) (int, error) {
	c := w.conn
	switch s := c.sock; {
	case alone && s != nil && s.wide == nil && c.file == nil:
		// What is there costs no place in the runtime's poller.
		n, err := poller.Read(s.fd, p)
		if err != nil && wouldBlock(err) {
			return c.readInto(p)
		}
		if n == 0 && err == nil {
			err = io.EOF
		}
		c.got += int64(n)
		return n, err
	case heading && c.takesTurns():
		c.patient(c.front.turn.idle)
		n, err := c.readInto(p)
		c.patient(0)
		return n, c.wearied(n, err)
	}
	return c.readInto(p)
}

// readInto reads once, also what has come with the connection in a file.
func (c *conn) readInto(p []byte) (n int, err error) {
	if c.file != nil {
		n, err = c.fromFile(p)
	} else {
		n, err = c.Conn.Read(p)
	}
	c.got += int64(n)
	return n, err
}

// Write implements net.Conn.
func (w *webServer) Write(p []byte) (int, error) {
	seen := w.conn.phase.Load()
	err := w.conn.send(p)
	w.wrote(seen)
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// WritePair writes two pieces at once.
func (w *webServer) WritePair(first, second []byte) error {
	c := w.conn
	seen := c.phase.Load()
	defer w.wrote(seen)
	w.pair = [2][]byte{first, second}
	c.enter(phaseWrite)
	for w.both = w.pair[:]; len(w.both) > 0; {
		n, err := w.both.WriteTo(c.Conn)
		c.put += n
		if err != nil {
			if err = c.unsent(err); err != nil {
				return err
			}
			c.enter(phaseWrite)
		}
	}
	w.pair = [2][]byte{}
	return nil
}

// wrote goes back to the phase before a write: what is not an answer, such as that to
// FCGI_GET_VALUES, is no progress of a request.
func (w *webServer) wrote(seen int64) {
	switch p := phase(seen & phaseMask); {
	case w.conn.overdue():
	case p == phaseBusy, p == phaseWrite:
		w.conn.enter(phaseBusy)
	default:
		w.conn.phase.Store(seen)
	}
}
