package httpd

import (
	"errors"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/internal/accesslog"
	"github.com/bident/bident/internal/fcgi"
	"github.com/bident/bident/internal/gate"
	"github.com/bident/bident/pool"
)

// request reads the request that begins at the head of the desk's buffer, takes it
// to a lane and sends its answer. It reports whether the connection can carry
// another one.
func (c *conn) request() (more bool) {
	ready, more := c.begin()
	if !ready {
		return more
	}
	return c.conclude(c.desk.queue.Do(c.desk.task))
}

// begin reads the request that begins at the head of the desk's buffer and makes
// it ready for a lane. A request that no lane is to run is answered; more is as for
// request then.
func (c *conn) begin() (ready, more bool) {
	d, f := c.desk, c.front
	if c.web != nil {
		if ok, more := c.readParams(); !ok {
			return false, more
		}
	} else if !c.readHead() {
		return false, false
	}
	now := time.Now()
	h := &d.head
	switch ok := c.present(now); {
	case !ok:
		return false, c.refuse(fasthttp.StatusBadRequest, "malformed header section")
	case h.Form == gate.Authority:
		return false, c.refuse(fasthttp.StatusNotImplemented, "CONNECT is for proxies")
	}
	if !c.identify() {
		return false, c.refuse(fasthttp.StatusForbidden, "this address may not use the server")
	}
	if answered, more := c.own(); answered {
		return false, more
	}
	var answered bool
	if d.queue, d.most, answered = f.destine(&d.ctx, &d.job); answered {
		if h.Length != 0 {
			d.head.Close, d.unread = true, true
		}
		return false, c.answer(&d.ctx.Response)
	}
	arrived := now
	if c.web != nil {
		if ok, more := c.readStdin(); !ok {
			return false, more
		}
		arrived = time.Now()
	} else if h.Length != 0 {
		if !c.readBody() {
			return false, false
		}
		arrived = time.Now()
	}
	d = c.desk
	c.enter(phaseBusy)
	d.entitle(arrived)
	// Only where requests are pipelined is there something to be sent before.
	d.task.Slow = nil
	if len(d.out) > 0 || d.r+d.size < d.w {
		d.task.Slow = d.slow
	}
	return true, false
}

// conclude sends the answer to the request in hand, which is there unless err says
// otherwise.
func (c *conn) conclude(err error) (more bool) {
	d, f := c.desk, c.front
	if d.followed {
		d.followed = false // the request in hand is answered, the next one not begun
		return true
	}
	c.observe(time.Now())
	if f.access != nil {
		c.outcome(d.task, err)
	}
	if err == nil && d.job.sequel.kind != sequelNone {
		err = c.follow()
	}
	resp := &d.ctx.Response
	if err != nil {
		if errors.Is(err, pool.ErrLeft) && c.web != nil && c.web.aborted {
			f.refused(err)
			return c.strike()
		}
		if resp = c.unanswered(err); resp == nil {
			if f.access != nil && errors.Is(err, pool.ErrLeft) {
				c.chronicle(0, nil, accesslog.Aborted)
			}
			_ = c.flush() // the connection ends, and with it the error
			return false
		}
	} else if late := *timedOutField.of(&d.ctx); late != nil {
		// The handler has answered for somebody who still has the context.
		// What else was read on the connection stays behind with it.
		d = c.forsake()
		d.head.Close = true
		resp = &d.ctx.Response
		late.CopyTo(resp)
	}
	return c.answer(resp)
}

// follow gets what programs want the answer to be instead of theirs.
func (c *conn) follow() (err error) {
	d := c.desk
	for depth := 1; err == nil && d.job.sequel.kind != sequelNone; depth++ {
		q, again := c.front.follow(&d.ctx, &d.job, depth)
		if !again {
			break
		}
		d.queue = q
		d.task.Slow = nil
		d.entitle(time.Now())
		err = q.Do(d.task)
		c.observe(time.Now())
		if c.front.access != nil {
			c.outcome(d.task, err)
		}
	}
	return err
}

// destine finds out who is to answer a request, and how long its body may be. It
// reports whether the answer is there already.
func (f *front) destine(ctx *fasthttp.RequestCtx, j *job) (q *pool.Queue, most int, answered bool) {
	q, most = f.queue, f.limits.MaxBodySize
	all := f.scripts.Load()
	s := all.of(-1)
	if p := f.paths.find(ctx); p != nil {
		if p.MaxBody > 0 {
			most = p.MaxBody
		}
		if special := f.queues[p.Pool]; special != nil {
			q = special
		}
		s = all.of(p.index)
	}
	named := s.runsNamed(j)
	if j.params != nil && j.role != fcgi.RoleResponder && !named {
		s = nil // it is not asked for a file, but for leave to send one
	}
	return q, most, s != nil && (s.route(ctx, &j.mount) || named && f.named(ctx, j, s))
}

// own answers the requests that are the front's own affair.
func (c *conn) own() (answered, more bool) {
	d, f := c.desk, c.front
	h := &d.head
	switch {
	case h.Form == gate.Asterisk && h.Length == 0:
		// RFC 9110, section 9.3.7: it is asked of the server as a whole.
		d.ctx.Response.Header.SetNoDefaultContentType(true)
		d.ctx.Response.Header.Set(fasthttp.HeaderAllow, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
		return true, c.answer(&d.ctx.Response)
	case c.web != nil:
		return false, false // what follows is about the client's own connection
	case h.Length == 0 && c.challenge():
		return true, c.answer(&d.ctx.Response)
	case f.redirects && !*isTLSField.of(&d.ctx.Request):
		if h.Length != 0 {
			d.head.Close, d.unread = true, true
		}
		return true, c.redirect()
	}
	return false, false
}

// readHead reads a whole head. It answers one that the gate refuses, or that does
// not come in time.
func (c *conn) readHead() bool {
	d := c.desk
	d.head.Reset()
	d.isHead, d.unread = false, false
	c.expect()
	// The time for the first head has begun with the connection.
	waited := c.requests == 0
	for {
		done, bad := d.head.Parse(d.in[d.r:d.w], c.front.limits.MaxHeaderSize)
		switch {
		case bad != nil:
			d.begin(time.Now())
			d.noteMalformed()
			return c.refuse(bad.Status, bad.Reason)
		case done:
			return true
		case !waited:
			waited = true
			c.resume(phaseHead)
		}
		d.room()
		if err := c.fill(phaseHead); err != nil {
			if errors.Is(err, errSlow) {
				d.begin(time.Now())
				d.noteMalformed()
				c.refuse(fasthttp.StatusRequestTimeout, "the head of the request took too long")
			}
			return false
		}
	}
}

// room makes room for more octets at the end of the desk's buffer.
func (d *desk) room() {
	if d.w < len(d.in) {
		return
	}
	if d.r > 0 {
		d.w = copy(d.in, d.in[d.r:d.w])
		d.r = 0
		return
	}
	in := make([]byte, 2*len(d.in))
	copy(in, d.in)
	d.in = in
}

// fit makes room for n octets from the beginning of the request on.
func (d *desk) fit(n int) {
	if len(d.in)-d.r >= n {
		return
	}
	in := d.in
	if len(in) < n {
		in = make([]byte, n)
	}
	d.w = copy(in, d.in[d.r:d.w])
	d.in, d.r = in, 0
}

// refuse answers a request that cannot be served. What follows on the connection
// cannot be told from the rest of the request: it ends.
func (c *conn) refuse(status int, reason string) (more bool) {
	d := c.desk
	d.head.Close, d.unread = true, true
	d.size = d.w - d.r
	resp := &d.ctx.Response
	resp.Reset()
	d.ctx.Error(reason+"\n", status)
	return c.answer(resp)
}

// unanswered is the answer to a request that no handler has answered, nil if the
// connection ends without one.
func (c *conn) unanswered(err error) *fasthttp.Response {
	f, d := c.front, c.desk
	f.refused(err)
	var panicked *pool.PanicError
	switch {
	case errors.As(err, &panicked):
		f.logPanic(&d.ctx, panicked)
		d.ctx.Response.Reset()
		d.ctx.Error("internal server error\n", fasthttp.StatusInternalServerError)
		d.job.exit = statusFailed
	case errors.Is(err, pool.ErrRequestTimeout), errors.Is(err, pool.ErrKilled):
		// The handler still has the context: the answer comes from another one.
		f.log.Warn("handler abandoned", "request", string(d.task.Method)+" "+string(d.task.URI), "error", err)
		status := fasthttp.StatusGatewayTimeout
		if errors.Is(err, pool.ErrKilled) {
			// As after a crash. Unavailable would say that the handler has not run,
			// and that the request may just be sent again.
			status = fasthttp.StatusBadGateway
		}
		d = c.forsake()
		d.head.Close = true
		d.ctx.Error(fasthttp.StatusMessage(status)+"\n", status)
	case errors.Is(err, pool.ErrLeft):
		return nil
	case errors.Is(err, pool.ErrQueueClosed) && (c.departUnbegun() || c.endsUnanswered()):
		// An accepting child that has begun its last request: this one has
		// not begun, and another process has it, or the client may send it again.
		return nil
	default:
		d.head.Close = d.head.Close || c.stays // nobody could take it, and nothing is served here
		c.overload()
	}
	return &d.ctx.Response
}

// overloaded is the answer to a request for which nobody has time.
func overloaded(ctx *fasthttp.RequestCtx) {
	ctx.Response.Reset()
	ctx.Error("service unavailable\n", fasthttp.StatusServiceUnavailable)
	ctx.Response.Header.Set(fasthttp.HeaderRetryAfter, "1")
}

// left reports whether the client has closed its side, which is asked before a
// request that had to wait is begun.
func (d *desk) left() bool {
	if w := d.seat.conn.web; w != nil {
		return w.left()
	}
	_, closed := peek(d.seat.conn.Conn)
	return closed
}
