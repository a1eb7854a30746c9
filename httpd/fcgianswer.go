package httpd

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/internal/accesslog"
	"github.com/bident/bident/internal/fcgi"
)

// statusFailed is the application status of a request whose handler panicked.
const statusFailed = 1

// reply is answer for a connection that speaks FastCGI. An answer that is cut has no
// FCGI_END_REQUEST.
func (c *conn) reply(resp *fasthttp.Response) (more bool) {
	w, d := c.web, c.desk
	if away := d.job.away; away != nil {
		// Runners refuse; what a child says is not to be relied on.
		away.to(nil)
		d.job.broken = d.job.broken || away.silent
	}
	if d.job.broken {
		if c.front.access != nil {
			c.chronicle(0, nil, accesslog.Aborted)
		}
		c.drop() // cut, as the handler wants it
		return false
	}
	if c.sock != nil && (d.job.reader != nil || resp.IsBodyStream()) {
		// Its handler may begin to look out, which widens, while this writes.
		d.seat.mu.Lock()
		err := c.sock.widen()
		d.seat.mu.Unlock()
		if err != nil {
			c.drop()
			return false
		}
	}
	bodiless, length := c.measure(resp)
	if c.front.ids != nil {
		c.label(resp)
	}
	w.text = appendCGIHead(w.text[:0], resp, length)
	before := c.position()
	err := w.server.Stdout(w.text)
	body := int64(0)
	switch {
	case err != nil:
	case d.job.reader != nil:
		body, err = c.replyStream(d.job.reader, length, bodiless)
		if w.aborted {
			return c.abandonStream()
		}
		if e := d.job.reader.Close(); err == nil {
			err = e
		}
	case resp.IsBodyStream():
		body, err = c.replyStream(resp.BodyStream(), length, bodiless)
		if w.aborted {
			return c.abandonStream()
		}
		if e := resp.CloseBodyStream(); err == nil {
			err = e
		}
	case !bodiless:
		body = int64(len(resp.Body()))
		err = w.server.Stdout(resp.Body())
	}
	if err == nil {
		err = w.server.Finish(fcgi.EndRequest{AppStatus: d.job.exit, ProtocolStatus: w.status})
	}
	w.unwatch()
	d.record.body, d.record.framing = max(c.position()-body, before), 0
	if err != nil {
		c.logged(resp, accesslog.Aborted)
		c.drop() // a lane may still be producing the answer
		return false
	}
	last := !w.keep || w.last || c.ending
	if last {
		c.logged(resp, accesslog.Closed)
	} else {
		c.logged(resp, accesslog.Kept)
	}
	unread := d.unread
	c.over()
	if last && (unread || w.pending() || readable(c.Conn)) {
		w.rest = nil
		c.sink()
	}
	return !last
}

// over gets ready for the next request.
func (c *conn) over() {
	if c.writeBy.Load() != 0 {
		c.writeBy.Store(0)
		_ = c.Conn.SetWriteDeadline(time.Time{})
	}
	c.clearRequest()
}

// measure says whether an answer has no body (RFC 9110, section 6.4.1), and the
// Content-Length that its head is to have, -1 for none.
func (c *conn) measure(resp *fasthttp.Response) (bodiless bool, length int) {
	d := c.desk
	stream := resp.IsBodyStream() || d.job.reader != nil
	announced := resp.Header.ContentLength()
	switch status := resp.StatusCode(); {
	case bodilessStatus(status):
		return true, -1
	case status == fasthttp.StatusResetContent:
		return true, 0
	case resp.SkipBody || d.isHead:
		if n := len(resp.Body()); !stream && (n > 0 || announced == 0) {
			return true, n
		}
		return true, max(announced, -1)
	case !stream:
		return false, len(resp.Body())
	}
	if s, ok := resp.BodyStream().(section); ok {
		_, _, n := s.Section()
		return false, int(n)
	}
	return false, max(announced, -1)
}

// replyStream sends a body that is not in memory.
func (c *conn) replyStream(body io.Reader, length int, bodiless bool) (sent int64, err error) {
	w, d := c.web, c.desk
	s, produced := body.(streamReader)
	switch {
	case bodiless && produced:
		if err := w.server.Flush(); err != nil {
			return 0, err
		}
		c.enter(phaseBusy)
		s.w.stop()
		return 0, nil
	case bodiless:
		return 0, nil
	}
	if f, ok := body.(section); ok {
		file, offset, n := f.Section()
		body = io.NewSectionReader(file, offset, n)
	}
	if produced {
		unheed := c.heedAbort(s.w)
		defer func() { unheed(err) }()
	}
	if err := w.server.Flush(); err != nil {
		return 0, err
	}
	if cap(d.out) < answerCopied {
		d.out = make([]byte, 0, answerCopied)
	}
	buf := d.out[:cap(d.out)]
	for {
		// Not more than was announced. One octet beyond says whether that was right.
		if length >= 0 && len(buf) > length {
			buf = buf[:max(length, 1)]
		}
		c.enter(phaseBusy) // it is not the web server who is waited for
		n, err := body.Read(buf)
		if length == 0 && n > 0 {
			return sent, errStreamLong
		}
		if n > 0 {
			e := w.server.Stdout(buf[:n])
			if e == nil && produced {
				e = w.server.Flush()
			}
			if e != nil {
				return sent, e
			}
			sent += int64(n)
		}
		if length > 0 {
			length -= n
		}
		switch {
		case err == io.EOF && length > 0:
			return sent, io.ErrUnexpectedEOF
		case err == io.EOF:
			return sent, nil
		case err != nil:
			return sent, err
		}
	}
}

// heedAbort ends a stream when the web server aborts its request, or is gone,
// whether or not the handler looks out for that. stop ends the heed, given how the
// stream has ended: a handler that does look out may have been first.
func (c *conn) heedAbort(s *StreamWriter) (stop func(err error)) {
	w := c.web
	over := c.desk.job.lookOut()
	unheed := context.AfterFunc(over, func() {
		if errors.Is(context.Cause(over), ErrClientLeft) {
			s.leave()
		}
	})
	return func(err error) {
		unheed()
		w.aborted = s.wasLeft() || err != nil && errors.Is(context.Cause(over), ErrClientLeft)
	}
}

// leave makes both ends of a stream fail: the client does not want the rest.
func (w *StreamWriter) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.done {
		w.closed, w.unwanted = true, true
		w.moved.Broadcast()
	}
}

// wasLeft reports whether leave came before the end.
func (w *StreamWriter) wasLeft() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.unwanted
}

// abandonStream ends a request that was aborted in the middle of its answer. The
// desk is left to the lane, which may not have noticed yet.
func (c *conn) abandonStream() (more bool) {
	w, d := c.web, c.desk
	err := w.server.Finish(fcgi.EndRequest{AppStatus: d.job.exit})
	w.unwatch()
	if c.front.access != nil {
		c.chronicle(0, nil, accesslog.Aborted)
	}
	if c.writeBy.Swap(0) != 0 {
		_ = c.Conn.SetWriteDeadline(time.Time{})
	}
	c.drop()
	w.composed = false
	w.server.Done()
	return err == nil && w.keep
}

// overload makes the answer of the request in hand that nobody has time for it.
func (c *conn) overload() {
	overloaded(&c.desk.ctx)
	if c.web != nil {
		c.web.status = fcgi.Overloaded
	}
}

// complain passes a message for the error stream of a request on: to the log, and to
// the web server.
func (d *desk) complain(j *job, message []byte) {
	d.seat.conn.front.requestError(j, message)
	d.stderr(message)
}

// stderr sends a message as FCGI_STDERR, as long as the request is the desk's.
func (d *desk) stderr(message []byte) {
	s := &d.seat
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead.Load() || s.conn == nil || s.conn.web == nil {
		return
	}
	_ = s.conn.web.server.Stderr(message) // the answer will tell
}
