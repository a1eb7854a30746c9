package httpd

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// watch looks out for the client's end while its request is being answered: it
// reads on behalf of the front, which does not meanwhile, until something comes.
func (d *desk) watch(gone func()) (stop func()) {
	c := d.seat.conn
	if c.fcgi {
		s := &d.seat
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.dead.Load() {
			return func() {}
		}
		// Who looks out reads beside whoever writes, and the socket is to be the
		// runtime's before. If it cannot be, the read says so.
		if c.sock != nil {
			_ = c.sock.widen()
		}
		return c.web.watch(gone)
	}
	if d.r+d.size < d.w || d.w == len(d.in) || c.file != nil {
		return func() {} // it has sent more: it is there
	}
	if c.sock != nil && c.sock.wide == nil {
		return c.watchGone(gone)
	}
	over := make(chan struct{})
	var stopping atomic.Bool
	go func() {
		defer close(over)
		for {
			n, err := c.Conn.Read(d.in[d.w:])
			switch {
			case n > 0:
				d.w += n
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
