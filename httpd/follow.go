package httpd

import (
	"time"

	"github.com/bident/bident/internal/gate"
)

// follow is called by the lane that has run the request in hand, while the
// connection's goroutine waits. If the next request has been read already, and
// neither the answer nor that request can make anybody wait, it gathers the one
// and presents the other. followed tells the connection that it has done the
// first only.
func (d *desk) follow() bool {
	c := d.seat.conn
	f := c.front
	resp := &d.ctx.Response
	j := &d.job
	switch {
	case d.r+d.size == d.w, c.leaves(), f.redirects, f.issuer != nil, len(f.paths) > 0, f.scripts != nil, f.trust != nil && f.rules != nil:
		return false
	case j.away != nil, j.broken, j.sequel.kind != sequelNone, j.reader != nil, j.writer != nil, resp.IsBodyStream(),
		*timedOutField.of(&d.ctx) != nil, c.writeBy.Load() != 0:
		return false
	case !d.seat.mu.TryLock():
		return false // the connection sends what has gathered
	}
	defer d.seat.mu.Unlock()
	if len(resp.Body()) > answerCopied || len(d.out) > deskMost/2 || c.last(resp) {
		return false
	}
	now := time.Now()
	c.observe(now)
	if f.access != nil {
		c.outcome(d.task, nil)
	}
	// What is gathered is well below the size at which it would be sent.
	d.followed = c.answer(resp)
	d.head.Reset()
	d.isHead, d.unread = false, false
	c.expect()
	done, bad := d.head.Parse(d.in[d.r:d.w], f.limits.MaxHeaderSize)
	if !d.followed || !done || bad != nil || d.head.Length != 0 || d.head.Form != gate.Origin {
		return false
	}
	if !c.present(now) || !c.identify() {
		c.requests--
		d.clear()
		return false
	}
	d.entitle(now)
	d.followed = false
	return true
}

// hurry sends what has gathered: the request behind it takes its time.
func (d *desk) hurry() {
	d.seat.mu.Lock()
	defer d.seat.mu.Unlock()
	_ = d.seat.conn.flush() // whoever sends next has the same error
	d.seat.conn.enter(phaseBusy)
}

// present makes the context that of the request whose head was read. It reports
// false if fasthttp reads it otherwise than the gate.
func (c *conn) present(now time.Time) bool {
	d := c.desk
	c.requests++
	c.aged = 0
	d.begin(now)
	h := &d.head
	head := d.in[d.r+h.Skip : d.r+h.Size]
	if c.front.access != nil {
		d.note()
	}
	if c.front.ids != nil {
		head = d.withID(head, c.front.ids)
	}
	p := parsers.Get().(*parser)
	ok := p.parse(head, &d.ctx.Request.Header)
	parsers.Put(p)
	if h.Form == gate.Absolute {
		// RFC 9112, section 3.2.2: the target's host counts, not the field's.
		d.ctx.Request.Header.SetHostBytes(h.Host)
	}
	d.size, d.isHead = h.Size, d.ctx.IsHead()
	return ok
}

// entitle tells the task what the scoreboard is to show.
func (d *desk) entitle(arrived time.Time) {
	t := d.task
	t.Method, t.URI = d.ctx.Method(), d.ctx.RequestURI()
	t.Arrived, t.Begun = arrived.UnixNano(), 0
}

// observe counts the time that the request in hand has taken.
func (c *conn) observe(now time.Time) {
	if t := c.desk.task; t.Begun != 0 {
		c.timing.Observe(time.Duration(t.Begun-t.Arrived), time.Duration(now.UnixNano()-t.Begun))
	}
}
