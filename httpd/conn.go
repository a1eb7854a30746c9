package httpd

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bident/bident/pool"
)

// lingerRead is how long an idle connection is listened to once more before it
// is closed, for a request that is already on its way.
const lingerRead = 5 * time.Millisecond

// lingerFresh is the same for a connection that has not carried a request yet.
const lingerFresh = 100 * time.Millisecond

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// conn is a client's connection, as the front owns it.
type conn struct {
	net.Conn
	front *front
	task  *pool.Task
	job   job

	// answered: it has carried a request.
	answered bool
	// unanswered is the number of octets read since the last answer.
	unanswered int
	// lingered: the last chance for a request on its way has been given.
	lingered bool

	peeked  [1]byte // an octet that the watcher read
	pending atomic.Bool

	// shared: somebody beside the front may still have it when it is closed.
	shared     bool
	next, prev *conn // in the front's list
}

func newConn(f *front) *conn {
	c := &conn{front: f}
	c.task = pool.NewTask(&c.job)
	c.job.mode = f.mode
	c.job.watch = c.watch
	c.job.errors = f.requestError
	return c
}

// open makes c the connection nc.
func (c *conn) open(nc net.Conn) {
	c.Conn = nc
	c.unanswered, c.lingered, c.answered = 0, false, false
	c.pending.Store(false)
}

// conns is the list of a front's connections.
type conns struct{ first *conn }

func (l *conns) add(c *conn) {
	c.prev, c.next = nil, l.first
	if c.next != nil {
		c.next.prev = c
	}
	l.first = c
}

func (l *conns) remove(c *conn) {
	if c.prev == nil {
		l.first = c.next
	} else {
		c.prev.next = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	}
	c.prev, c.next = nil, nil
}

func (c *conn) requestJob() *job { return &c.job }

// Read reads for fasthttp. Once the front drains, it ends the connection where
// no request has begun, and only there.
func (c *conn) Read(p []byte) (int, error) {
	if c.pending.Load() && len(p) > 0 {
		c.pending.Store(false)
		p[0] = c.peeked[0]
		c.unanswered++
		return 1, nil
	}
	for {
		if c.front.draining.Load() && c.boundary(p) {
			switch {
			case !c.lingered:
				c.lingered = true
				_ = c.Conn.SetReadDeadline(time.Now().Add(c.linger()))
			case readable(c.Conn):
				// It came in the last moment. A read would say that the
				// deadline has passed before it looked.
				_ = c.Conn.SetReadDeadline(time.Time{})
			default:
				return 0, io.EOF
			}
		}
		n, err := c.Conn.Read(p)
		c.unanswered += n
		if n > 0 || err == nil || !errors.Is(err, os.ErrDeadlineExceeded) || !c.front.draining.Load() {
			if n > 0 && c.lingered {
				_ = c.Conn.SetReadDeadline(time.Time{})
			}
			return n, err
		}
		if !c.boundary(p) {
			// Woken up in the middle of a request, which goes on.
			_ = c.Conn.SetReadDeadline(time.Time{})
		}
	}
}

// linger is how long to listen once more: longer if the client has just
// connected, since it has done so in order to ask something.
func (c *conn) linger() time.Duration {
	if c.answered {
		return lingerRead
	}
	return lingerFresh
}

// boundary reports whether no octet of the next request has been read. fasthttp
// offers its whole buffer exactly when it is empty.
func (c *conn) boundary(p []byte) bool {
	return c.unanswered == 0 && len(p) >= c.front.server.ReadBufferSize
}

// wake makes a read that waits for the next request look at the front's state.
func (c *conn) wake() { _ = c.Conn.SetReadDeadline(longAgo) }

// watch looks out for the client's end while its request is being answered.
func (c *conn) watch(gone func()) (stop func()) {
	if c.pending.Load() {
		return func() {} // it has sent more: it is there
	}
	over := make(chan struct{})
	var stopping atomic.Bool
	go func() {
		defer close(over)
		for {
			n, err := c.Conn.Read(c.peeked[:])
			switch {
			case n > 0:
				c.pending.Store(true)
				return
			case stopping.Load():
				return
			case !errors.Is(err, os.ErrDeadlineExceeded):
				gone()
				return
			}
			// Woken because the front drains: the client is still there, and
			// its request goes on.
			_ = c.Conn.SetReadDeadline(time.Time{})
			if stopping.Load() {
				return // the deadline may have been the one of stop
			}
		}
	}()
	return sync.OnceFunc(func() {
		stopping.Store(true)
		_ = c.Conn.SetReadDeadline(longAgo)
		<-over
		_ = c.Conn.SetReadDeadline(time.Time{})
	})
}
