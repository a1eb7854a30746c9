package httpd

import (
	"errors"
	"os"
	"time"
)

// turn is whose turn it is in a child that serves one connection at a time. There
// are other clients beside the one whose turn it is: in the listener's queue, and at
// the parent. None of them may starve, however long a client keeps its connection.
type turn struct {
	// vacate ends the turn.
	vacate func()
	// others reports whether others wait.
	others func() bool
	// time is how long a turn may last that is not idle, if others wait, and idle how
	// long the client may be idle then.
	time, idle time.Duration
}

const (
	// turnLeast and turnMost bound the time of a turn. Between them it is turnEach for
	// each worker: a connection takes a tenth of a millisecond from one to the other,
	// and so many workers as there are must not spend all of the time with that.
	// Whoever waits has a turn the sooner the more workers there are.
	turnLeast = 10 * time.Millisecond
	turnEach  = 2 * time.Millisecond
	turnMost  = 100 * time.Millisecond
	// turnIdle is the part of the time for which the client may be idle. With many
	// workers for a few processors each of its answers takes that much longer.
	turnIdle = 0.4
	// turnRest is how long the client may be idle if nobody waits. Then its connection
	// is given to the parent, where it costs no child.
	turnRest = 100 * time.Millisecond
	// turnLook: every so many requests it is looked at time and others.
	turnLook = 16
	// turnStay is how often the same is done for a connection that cannot be given
	// away.
	turnStay = 100 * time.Millisecond
)

// divide sets the times of the turns of one of so many workers.
func (t *turn) divide(workers int) {
	t.time = min(max(time.Duration(workers)*turnEach, turnLeast), turnMost)
	t.idle = time.Duration(float64(t.time) * turnIdle)
}

// impatient is a connection whose reads can end soon without a deadline.
type impatient interface{ SetPatience(time.Duration) }

// patient sets how long a read may wait, 0 for as long as its deadline allows.
func (c *conn) patient(d time.Duration) {
	if c.sitting != nil {
		c.sitting.SetPatience(d)
	}
}

// pass ends the turn of a busy connection, where no request has begun, if it has
// lasted long enough.
func (c *conn) pass() (gone bool) {
	t := c.front.turn
	return t != nil && c.requests%turnLook == 0 && c.requests > 0 && time.Since(c.seated) >= t.time &&
		c.movable() && t.others() && c.depart()
}

// idle waits for the next request as long as the turn of an idle connection lasts.
func (c *conn) idle() (int, error) {
	t := c.front.turn
	if t == nil || c.front.draining.Load() {
		return c.read()
	}
	for rest := turnRest / t.idle; ; rest-- {
		if c.movable() {
			c.patient(t.idle)
		} else {
			c.patient(turnStay)
		}
		n, err := c.read()
		c.patient(0)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) || c.overdue() || c.front.draining.Load() {
			return n, err
		}
		others := t.others()
		switch {
		case (others || rest <= 0) && c.movable() && c.depart():
			return 0, errDeparted
		case others && c.requests > 0 && !c.movable() && !readable(c.Conn):
			return 0, errTurn
		case rest <= 0:
			return 0, err
		}
	}
}

// retreat ends the turn of a connection that is about to be closed, but for which its
// client is still waited: that can take longer than many requests.
func (c *conn) retreat() {
	if t := c.front.turn; t != nil && !c.retreated {
		settle(c.Conn)
		c.retreated = true
		c.front.opened(-1)
		t.vacate()
	}
}

// more reads more of a request, in phase p. A client that is slow with its head has
// turns as others have: between them its connection is with the parent.
func (c *conn) more(p phase) (int, error) {
	if p != phaseHead || !c.takesTurns() {
		return c.read()
	}
	c.patient(c.front.turn.idle)
	n, err := c.read()
	c.patient(0)
	if err = c.wearied(n, err); err == errAside {
		if c.depart() {
			return 0, errDeparted
		}
		err = os.ErrDeadlineExceeded // it is tried again
	}
	return n, err
}

// takesTurns reports whether the connection can be with the parent in the middle of a
// head.
func (c *conn) takesTurns() bool {
	return c.front.turn != nil && c.movable() && !c.front.draining.Load()
}

// wearied is what becomes of the error of a read of a head, in a turn: errSlow if the
// time for the head is over, errAside if it is somebody else's turn.
func (c *conn) wearied(n int, err error) error {
	if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) || c.overdue() {
		return err
	}
	// The sweeper may see it in none of its turns.
	limit := c.front.patience(phaseHead)
	if limit > 0 && c.came >= 0 && time.Duration(c.came)*time.Millisecond+time.Since(c.seated) >= limit {
		return errSlow
	}
	if c.front.turn.others() {
		return errAside
	}
	return err
}

// errTurn ends an idle connection that cannot be given away, because others wait.
var errTurn = errors.New("httpd: others have their turn")
