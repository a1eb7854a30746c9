package httpd

import (
	"time"

	"github.com/bident/bident/pool"
)

// phase is what a connection is waiting for, which decides how long it may.
type phase int64

const (
	phaseNew    phase = iota // for the first octet of its first request
	phaseIdle                // for the next request
	phaseHead                // for the rest of a request's head
	phaseBody                // for more of a body
	phaseBusy                // for a lane and its answer: the pool's affair
	phaseWrite               // for the client to take the answer
	phaseLinger              // for the client to see an early answer and close
	phaseBits   = 4
	phaseCut    = 1 << (phaseBits - 1) // the time is over
	phaseMask   = phaseCut - 1
)

// lingerTime is how long a client that is still sending may take to see that it
// was answered already (RFC 9112, section 9.6).
const lingerTime = 2 * time.Second

// patience is the time that a connection may stay in a phase, negative for ever.
func (f *front) patience(p phase) time.Duration {
	switch p {
	case phaseNew, phaseHead:
		return f.limits.HeaderTimeout
	case phaseIdle:
		return f.limits.IdleTimeout
	case phaseBody:
		return f.limits.ReadTimeout
	case phaseWrite:
		return f.limits.WriteTimeout
	case phaseLinger:
		return lingerTime
	default:
		return pool.NoLimit
	}
}

// enter begins a phase, or begins it anew when there was progress. The time is
// the sweeper's, so that it costs nothing: it may be a tick old.
func (c *conn) enter(p phase) {
	c.phase.Store(c.front.clock.Load()<<phaseBits | int64(p))
}

// overdue reports whether the phase has taken too long.
func (c *conn) overdue() bool { return c.phase.Load()&phaseCut != 0 }

// sweeper is the goroutine that looks at the connections' times. One look a tick
// at all of them is much cheaper than timers that are set and stopped for every
// request.
func (f *front) sweeper() {
	tick := f.limits.tick()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-f.life.Done():
			return
		case now := <-ticker.C:
			f.sweep(now, tick)
		}
	}
}

// sweep cuts the connections that are overdue, and strikes requests whose client
// has left off the queue.
func (f *front) sweep(now time.Time, tick time.Duration) {
	clock := now.Sub(f.born).Milliseconds()
	f.clock.Store(clock)
	var expired []*conn
	f.mu.Lock()
	for c := f.conns.first; c != nil; c = c.next {
		seen := c.phase.Load()
		if seen&phaseCut != 0 {
			continue
		}
		p := phase(seen & phaseMask)
		limit := f.patience(p)
		age := time.Duration(clock-seen>>phaseBits) * time.Millisecond
		if p == phaseWrite && limit > 0 && age >= tick && c.taking(seen, clock) {
			continue
		}
		// A stamp may be a tick older than what it stamps.
		if limit <= 0 || age < limit+tick {
			continue
		}
		// Whoever has made progress in this moment has another phase now. The
		// deadline is then a false alarm, which it takes back.
		if c.phase.CompareAndSwap(seen, seen|phaseCut) {
			if c.expire() {
				expired = append(expired, c)
			} else if p == phaseWrite {
				_ = c.Conn.SetWriteDeadline(longAgo)
			} else {
				_ = c.Conn.SetReadDeadline(longAgo)
			}
		}
	}
	f.mu.Unlock()
	for _, c := range expired {
		c.finish()
	}
	f.queue.Sweep()
	for _, q := range f.queues {
		q.Sweep()
	}
}

// taking reports whether the client has taken something of the answer since the
// sweeper's last look, during one and the same write; then its time begins anew.
func (c *conn) taking(seen, clock int64) bool {
	n, ok := pending(c.Conn)
	before, write := c.pending, c.sampled
	c.pending, c.sampled = n, seen
	if !ok || write != seen || n >= before {
		return false
	}
	now := clock<<phaseBits | int64(phaseWrite)
	if c.phase.CompareAndSwap(seen, now) {
		c.sampled = now
	}
	return true
}
