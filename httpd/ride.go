package httpd

import (
	"github.com/bident/bident/internal/poller"
	"github.com/bident/bident/pool"
)

// A connection of a loop's rests, or somebody has it: the leader, a hand that was
// blocked with it, or a carrier. resting is cleared, by compare-and-swap, by
// whoever takes it.

// onward is how a connection goes on.
type onward int

const (
	onRequest onward = iota // octets of one are on the desk
	onRest                  // it rests: it is not the caller's any more
	onEnd
)

// beginTurn begins a connection that was accepted.
func (c *conn) beginTurn() {
	c.front.opened(1)
	c.again, c.tail = true, false
	c.missed.Store(false)
	c.gone.Store(nil)
	if c.leaves() && c.depart() || !c.admit() {
		c.finish()
		return
	}
	c.admitted = true
	c.turn()
}

// rides reports whether a connection that has come otherwise is for the loop, too.
func (f *front) rides(a arrival) bool {
	if m := a.moved; m != nil {
		return !m.note.secure && (!f.proxied || m.note.admitted || m.note.fcgi)
	}
	return !a.secure && (!f.proxied || a.fcgi) && rawConn(a.conn) != nil
}

// ride begins such a connection.
func (f *front) ride(a arrival) {
	c := f.loop.fresh()
	c.hand = nil
	if a.moved == nil {
		c.sock.openWide(a.conn)
		c.open(c.sock, false, false)
		c.fcgi = a.fcgi
		f.mu.Lock()
		f.conns.add(c)
		f.mu.Unlock()
		f.handed.Done()
	} else {
		if err := c.take(a.moved); err != nil {
			f.decline(a.moved, err)
			f.loop.put(c)
			return
		}
		f.enlist(c)
	}
	c.beginTurn()
}

// turn carries the connection until it rests or ends, or until somebody else has
// it.
func (c *conn) turn() {
	for {
		switch c.onward() {
		case onRest:
			return
		case onEnd:
			c.finish()
			return
		}
		for c.begun() {
			if c.leaves() && c.depart() {
				c.finish()
				return
			}
			more, mine := c.step()
			if !mine {
				return
			}
			if !more {
				c.finish()
				return
			}
		}
	}
}

// begun reports whether there is something of a request, in this process.
func (c *conn) begun() bool {
	return c.desk != nil && c.desk.r < c.desk.w || c.web != nil && c.web.pending()
}

// finish ends the connection.
func (c *conn) finish() {
	c.front.strike(c)
	c.hand = nil
	c.sock.home.put(c)
}

// onward goes on to the next request, as far as that is there.
func (c *conn) onward() onward {
	if c.begun() {
		return onRequest
	}
	if c.web != nil {
		c.part()
	}
	if c.flush() != nil {
		return onEnd
	}
	for {
		if c.again && c.sock.wide == nil && c.file == nil {
			n, err := c.pull()
			switch {
			case n > 0:
				return onRequest
			case err == nil, !wouldBlock(err):
				return onEnd
			}
		}
		c.again = false
		switch {
		case c.rest():
			return onRest
		case c.front.draining.Load() || c.sock.wide != nil || c.file != nil:
			if c.await() != nil {
				return onEnd
			}
			return onRequest
		}
		c.again, c.tail = true, true
	}
}

// pull reads what is there. Having read less than there was room for it has read
// all, and will hear of what comes after; but not of the end, if that was there
// already.
func (c *conn) pull() (int, error) {
	d := c.sit()
	room := d.in[d.w:]
	n, err := poller.Read(c.sock.fd, room)
	d.w += n
	c.got += int64(n)
	c.again = c.tail || n == len(room)
	return n, err
}

// rest gives the connection to the loop until something comes. It reports false if
// there is something to be done first.
func (c *conn) rest() bool {
	s, f := c.sock, c.front
	if f.draining.Load() || c.file != nil || !s.narrow() {
		return false
	}
	c.leave()
	if s.stamped.Load() { // a late call of the sweeper's
		s.mu.Lock()
		s.clearDeadlines()
		s.mu.Unlock()
	}
	if c.requests > 0 {
		c.resume(phaseIdle)
	}
	if !s.known {
		if s.home.poll.Add(s.fd, s.tag<<1) != nil {
			_ = s.widen() // the runtime's poller may have room
			return false
		}
		s.known = true
	}
	c.hand = nil
	c.resting.Store(true)
	// The leader leaves word first and looks then whether it rests; this is the
	// other way round.
	if (c.missed.Load() || f.draining.Load()) && c.resting.CompareAndSwap(true, false) {
		c.missed.Store(false)
		return false
	}
	return true
}

// step takes one request to its answer, as request does, but runs the handler here
// if a lane is idle. mine says that the connection is not somebody else's now.
func (c *conn) step() (more, mine bool) {
	if c.fcgi {
		c.greet()
		c.sit()
	}
	ready, more := c.begin()
	if !ready {
		return more, true
	}
	d := c.desk
	if len(d.out) > 0 && !c.gather() {
		return false, true
	}
	if c.front.slow != nil {
		d.job.goroutine = c.hand.goroutine()
	}
	outcome, err := d.queue.Here(d.task)
	switch outcome {
	case pool.Resumed:
		return false, false
	case pool.NotHere:
		d.job.goroutine = nil
		err = d.queue.Do(d.task)
	}
	c.gathered()
	return c.conclude(err), true
}

// resume is called when the request in hand is answered while its handler still
// runs, by that, or by whoever kills it: a carrier goes on.
func (d *desk) resume() {
	c := d.seat.conn
	c.front.carriers.carry(arrival{held: c, answered: true})
}

// goOn carries the connection on a carrier.
func (c *conn) goOn(answered bool) {
	l := c.sock.home
	l.others.Add(1)
	defer l.others.Add(-1)
	c.hand = nil
	if answered {
		c.gathered()
		if !c.conclude(c.desk.task.Err()) {
			c.finish()
			return
		}
	}
	c.turn()
}

// gather gets ready for answers to wait for the one to the request in hand: if the
// leader loses its lead with it, whoever leads next sends them. Anybody else sends
// them now.
func (c *conn) gather() bool {
	d, l := c.desk, c.sock.home
	d.seat.mu.Lock()
	d.eager = true
	d.seat.mu.Unlock()
	l.gathering.Store(d)
	if c.hand.leads() {
		return true
	}
	l.gathering.CompareAndSwap(d, nil)
	// Whoever leads now may be about to do the same.
	d.seat.mu.Lock()
	defer d.seat.mu.Unlock()
	d.eager = false
	return c.flush() == nil
}

// gathered is called when the request in hand is answered.
func (c *conn) gathered() {
	d := c.desk
	if !d.eager {
		return
	}
	c.sock.home.gathering.CompareAndSwap(d, nil)
	d.seat.mu.Lock()
	d.eager = false
	d.seat.mu.Unlock()
}

// sendGathered sends what has gathered: the request behind it takes its time.
func (d *desk) sendGathered() {
	d.seat.mu.Lock()
	defer d.seat.mu.Unlock()
	if d.eager && !d.seat.dead.Load() {
		_ = d.seat.conn.flush() // whoever sends next has the same error
		d.seat.conn.enter(phaseBusy)
	}
}

// watchGone has the leader call gone when the client has left: nobody reads
// meanwhile.
func (c *conn) watchGone(gone func()) (stop func()) {
	s := c.sock
	c.gone.Store(&gone)
	if !s.known && s.home.poll.Add(s.fd, s.tag<<1) == nil {
		s.known = true
	}
	// It may have been told already.
	if c.tail || c.missed.Load() {
		c.lookGone()
	}
	return func() { c.gone.Store(nil) }
}

// lookGone calls whoever wants to know that the client has left, if it has.
func (c *conn) lookGone() {
	if gone := c.gone.Load(); gone != nil {
		if waiting, closed := c.sock.peek(); closed && !waiting {
			(*gone)()
		}
	}
}

// wakeUp makes the connection look at the front's state.
func (c *conn) wakeUp() bool {
	if c.sock == nil || !c.resting.CompareAndSwap(true, false) {
		return false
	}
	c.front.carriers.carry(arrival{held: c})
	return true
}

// expire takes the connection from its loop to end it.
func (c *conn) expire() bool { return c.sock != nil && c.resting.CompareAndSwap(true, false) }
