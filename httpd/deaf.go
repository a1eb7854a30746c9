package httpd

import "time"

// deafness bounds how long a child goes on with a request whose client has left. A
// program is told so by FCGI_ABORT_REQUEST and need not listen; as its answer has
// begun, request_timeout bounds its silence only, and one that goes on to complain on
// its error stream would keep its lane for ever.
type deafness struct {
	limit  func() time.Duration // request_timeout, not above 0 for none
	giveUp func()               // kills the child; nil if others would suffer from it
	timer  *time.Timer
}

// begin gives a child that was told about the exchange with this serial the time that
// a request has. The runner's lock is held.
func (d *deafness) begin(r *exchangeRunner, serial uint64) {
	if d == nil {
		return
	}
	limit := d.limit()
	if limit <= 0 {
		return
	}
	d.timer = time.AfterFunc(limit, func() {
		r.mu.Lock() // so that it cannot become another exchange meanwhile
		defer r.mu.Unlock()
		if r.serial != serial {
			return
		}
		r.log.Warn("the client of a request has left, and the program does not end it",
			"slot", r.crew.slot, "pid", r.crew.pid, "limit", limit)
		if d.giveUp != nil {
			d.giveUp()
		} else if r.conn != nil {
			r.conn.Close()
		}
	})
}

// end is called at the end of every exchange, with the runner's lock.
func (d *deafness) end() {
	if d != nil && d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}
