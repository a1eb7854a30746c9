package httpd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/internal/accesslog"
	"github.com/bident/bident/internal/fcgi"
)

// errBodyLong says that a body is longer than the server takes.
var errBodyLong = errors.New("httpd: content too large")

// readParams reads FCGI_PARAMS of the next request and composes its head. ok says
// that there is a head to be looked at; if not more is as for request.
func (c *conn) readParams() (ok, more bool) {
	w, d := c.web, c.desk
	d.head.Reset()
	d.isHead, d.unread = false, false
	d.size = 0
	c.expect()
	w.waited, w.composed, w.moved, w.aborted, w.last = false, false, false, false, false
	w.status, w.length = fcgi.RequestComplete, 0
	req, err := w.server.Head()
	if req == nil && errors.Is(err, errSlow) {
		req = w.server.Curtail()
	}
	if req == nil {
		if err == errAside {
			return false, !c.depart() // if nobody takes it, the rest is read here
		}
		if errors.Is(err, fcgi.ErrProtocol) {
			c.front.log.Warn("web server does not keep to FastCGI", "peer", c.remote.String(), "error", err)
		}
		return false, err == errUnbegun
	}
	w.role, w.keep = req.Role, req.KeepConn
	d.params.Reset()
	d.params.Swap(&req.Params)
	if d.r < d.w {
		w.rest = append(w.rest, d.in[d.r:d.w]...)
	}
	d.r, d.w = 0, 0
	w.composed = true
	refuse := func(status int, reason string) (bool, bool) {
		d.begin(time.Now())
		d.client = c.peer
		return false, c.refuse(status, reason)
	}
	switch {
	case errors.Is(err, errSlow):
		w.last = true
		return refuse(fasthttp.StatusRequestTimeout, "the head of the request took too long")
	case err != nil:
		return refuse(fasthttp.StatusRequestHeaderFieldsTooLarge, "parameters too large")
	}
	head, length, composed := appendRequestHead(d.in[:0], &d.params, w.role)
	d.in = head[:cap(head)]
	if d.w = len(head); !composed {
		d.noteMalformed()
		return refuse(fasthttp.StatusBadRequest, "malformed parameters")
	}
	done, bad := d.head.Parse(head, c.front.limits.MaxHeaderSize+headBeside)
	switch {
	case bad != nil:
		d.noteMalformed()
		return refuse(bad.Status, bad.Reason)
	case !done || d.head.Size != len(head):
		d.noteMalformed()
		return refuse(fasthttp.StatusBadRequest, "malformed parameters")
	}
	w.length = length
	d.head.Length = length
	return true, true
}

// introduce tells the context who the client is by the word of the web server.
func (w *webServer) introduce() {
	c := w.conn
	d := c.desk
	d.job.params, d.job.role = &d.params, w.role
	https := d.params.Get("HTTPS")
	*isTLSField.of(&d.ctx.Request) = equalFold(https, "on") || string(https) == "1"
	addr, port := d.params.Get("REMOTE_ADDR"), d.params.Get("REMOTE_PORT")
	if n := len(addr); n != w.parted || !bytes.Equal(w.said[:n], addr) || !bytes.Equal(w.said[n:], port) {
		w.said, w.parted = append(append(w.said[:0], addr...), port...), n
		w.client, w.addr = clientOf(addr, port)
	}
	d.client = w.client
	if w.addr != nil {
		d.ctx.SetRemoteAddr(w.addr)
	}
}

// clientOf is an address as the web server tells it; it is not valid if that is none.
func clientOf(addr, port []byte) (netip.AddrPort, net.Addr) {
	a, err := netip.ParseAddr(string(addr))
	if err != nil {
		return netip.AddrPort{}, nil
	}
	n, err := fasthttp.ParseUint(port)
	if err != nil || n > 65535 {
		n = 0
	}
	client := netip.AddrPortFrom(a.Unmap().WithZone(""), uint16(n))
	return client, addrOf(client)
}

// readStdin reads FCGI_STDIN, which is the body. Results are as for readParams.
func (c *conn) readStdin() (ok, more bool) {
	w, d := c.web, c.desk
	if w.length > int64(d.most) {
		return false, c.refuse(fasthttp.StatusRequestEntityTooLarge, "content too large")
	}
	w.most = int64(d.most)
	if w.length > int64(len(w.server.Buffered())) {
		if err := d.queue.Admits(); err != nil {
			if c.front.refused(err); d.queue.Closed() && (c.departUnread() || c.endsUnanswered()) {
				return false, false
			}
			d.unread = true
			c.overload()
			return false, c.answer(&d.ctx.Response)
		}
	}
	c.enter(phaseBody)
	err := d.body.reset(max(w.length, 0))
	if err == nil {
		err = w.server.Body(w.take)
	}
	var octets []byte
	if err == nil {
		octets, err = d.body.octets()
	}
	switch {
	case errors.Is(err, fcgi.ErrAborted):
		return false, c.forget()
	case errors.Is(err, errBodyLong):
		return false, c.refuse(fasthttp.StatusRequestEntityTooLarge, "content too large")
	case errors.Is(err, errSlow), errors.Is(err, errSpool), errors.Is(err, errSpoolFull):
		w.last = errors.Is(err, errSlow)
		return false, c.brokenBody(err)
	case err != nil:
		if c.front.access != nil && !errors.Is(err, io.EOF) {
			c.chronicle(0, nil, accesslog.Aborted)
		}
		return false, false // the web server has left
	case int64(len(octets)) < w.length:
		return false, c.refuse(fasthttp.StatusBadRequest, "content shorter than announced")
	}
	if len(octets) > 0 || w.length > 0 {
		d.ctx.Request.SetBodyRaw(octets)
		d.job.file, d.job.size = d.body.file, d.body.stored
		if w.length < 0 {
			d.ctx.Request.Header.SetContentLength(len(octets))
		}
	}
	return true, true
}

// takeBody takes octets of the body. What comes beyond CONTENT_LENGTH is not of the
// request (FastCGI 1.0, section 6.2), and is dropped.
func (w *webServer) takeBody(p []byte) error {
	b := &w.conn.desk.body
	size := b.size()
	switch {
	case w.length >= 0:
		p = p[:min(int64(len(p)), w.length-size)]
	case size+int64(len(p)) > w.most:
		return errBodyLong
	}
	if len(p) == 0 {
		return nil
	}
	w.moved = true
	if err := b.write(p); err != nil {
		return fmt.Errorf("body of %d octets: %w", size, err)
	}
	return nil
}

// strike ends a request that was aborted before a lane had it.
func (c *conn) strike() (more bool) {
	if c.web.server.End(0) != nil {
		return false
	}
	return c.forget()
}

// forget ends a request that the web server has aborted, and that was told so.
func (c *conn) forget() (more bool) {
	if c.front.access != nil {
		c.chronicle(0, nil, accesslog.Aborted)
	}
	c.clearRequest()
	return c.web.keep
}

// clearRequest forgets the request that was in hand.
func (c *conn) clearRequest() {
	d := c.desk
	d.clear()
	d.job.params = nil
	d.params.Reset()
	d.r, d.w, d.size = 0, 0, 0
	c.web.composed = false
	c.web.server.Done()
}
