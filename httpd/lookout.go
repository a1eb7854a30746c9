package httpd

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/bident/bident/internal/fcgi"
)

// lookout is what looks out for the web server's end, or its FCGI_ABORT_REQUEST,
// while a request is being answered. It is a goroutine, and ends when the request
// does, when anything of a next one comes, or with the connection.
type lookout struct {
	conn     net.Conn
	stopping atomic.Bool
	over     chan struct{}
}

// noDeadline takes a deadline back.
var noDeadline time.Time

// watch calls gone when the web server does not want the answer any more. It is
// called by the lane, once for a request.
func (w *webServer) watch(gone func()) (stop func()) {
	o := &lookout{conn: w.Conn, over: make(chan struct{})}
	w.lookout.Store(o)
	go func() {
		defer close(o.over)
		if cause := w.server.Lookout(); cause != nil && !o.stopping.Load() {
			gone()
		}
	}()
	return o.end
}

// end ends a lookout. It may be called by several at a time.
func (o *lookout) end() {
	select {
	case <-o.over: // the connection may be with its next request
		return
	default:
	}
	if !o.stopping.Swap(true) {
		_ = o.conn.SetReadDeadline(longAgo)
		<-o.over
		_ = o.conn.SetReadDeadline(noDeadline)
	}
	<-o.over
}

// unwatch makes sure that nobody else reads.
func (w *webServer) unwatch() {
	if o := w.lookout.Load(); o != nil {
		o.end()
		w.lookout.Store(nil)
	}
}

// left reports whether the web server has closed the connection or aborted the
// request, which waits for a lane. It does not wait.
func (w *webServer) left() bool {
	waiting, closed := peek(w.Conn)
	if !waiting && !w.pendingInHand() || w.conn.raw == nil {
		return closed
	}
	w.glancing, w.glanced = true, 0
	err := w.server.Glance()
	w.glancing = false
	w.aborted = errors.Is(err, fcgi.ErrAborted)
	return err != nil
}

// glanceMost is how many octets left reads at a time.
const glanceMost = 64 << 10

// pendingInHand reports whether something was read behind the request in hand.
func (w *webServer) pendingInHand() bool { return len(w.server.Buffered()) > 0 || len(w.rest) > 0 }

// glance reads what is there, but no more than it takes a moment to look at.
func (w *webServer) glance(p []byte) (int, error) {
	if w.glanced >= glanceMost {
		return 0, os.ErrDeadlineExceeded
	}
	w.into, w.tried, w.err = p, 0, nil
	if err := w.conn.raw.Control(w.try); err != nil {
		return 0, err
	}
	w.into = nil
	w.conn.got += int64(w.tried)
	w.glanced += w.tried
	return w.tried, w.err
}

func (w *webServer) tryRead(fd uintptr) {
	n, err := readNow(fd, w.into)
	switch {
	case n > 0:
		w.tried = n
	case err == nil:
		w.err = io.EOF
	case wouldBlock(err):
		w.err = os.ErrDeadlineExceeded
	default:
		w.err = err
	}
}
