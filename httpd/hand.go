package httpd

import "sync/atomic"

// hand is a goroutine of a loop's: it leads, stands by, is busy with a connection
// that has blocked it, or idle.
type hand struct {
	loop  *loop
	wake  chan struct{}
	armed atomic.Bool // it was told to look, and has not looked yet
	turn  uint64      // in which it leads, or has led
	line  []byte      // see goroutine
}

// recruit makes a hand the standby.
func (l *loop) recruit() *hand {
	l.mu.Lock()
	if n := len(l.idle) - 1; n >= 0 {
		h := l.idle[n]
		l.idle[n] = nil
		l.idle = l.idle[:n]
		l.mu.Unlock()
		return h
	}
	l.mu.Unlock()
	h := &hand{loop: l, wake: make(chan struct{}, 1)}
	go h.run(false)
	return h
}

// dismiss makes a hand idle that was busy. It reports false if it is not wanted.
func (l *loop) dismiss(h *hand) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.idle) >= spareHands {
		return false
	}
	l.idle = append(l.idle, h)
	return true
}

// run is the life of a hand. leads says that it leads from the beginning.
func (h *hand) run(leads bool) {
	l := h.loop
	gone := true
	defer func() {
		if gone { // a handler has ended the goroutine; its connection goes on
			l.others.Add(-1)
		}
	}()
	for leads || h.follow() {
		leads = false
		if !h.lead() {
			break // the loop has ended
		}
		l.others.Add(-1)
		if !l.dismiss(h) {
			break
		}
	}
	gone = false
}

// follow stands by until the leader is away when this hand comes to run, and then
// leads. It reports false if the loop has ended.
func (h *hand) follow() bool {
	l := h.loop
	for range h.wake {
		h.armed.Store(false)
		s := l.state.Load()
		if s&1 == 0 || !l.state.CompareAndSwap(s, (s>>1+1)<<1) {
			continue
		}
		h.turn = s>>1 + 1
		l.others.Add(1) // the one that has led
		if d := l.gathering.Swap(nil); d != nil {
			go d.sendGathered()
		}
		l.standby = l.recruit()
		return true
	}
	return false
}

// lead fetches events and deals with them, until another hand has taken the lead.
// It reports false if the loop has ended instead.
func (h *hand) lead() bool {
	l := h.loop
	for {
		if n := len(l.arrived) - 1; n >= 0 && l.event == l.events {
			c := l.arrived[n]
			l.arrived[n] = nil
			l.arrived = l.arrived[:n]
			c.hand = h
			h.leave()
			c.beginTurn()
			if !h.back() {
				return true
			}
			continue
		}
		if l.event == l.events {
			if l.fetch(); l.events == 0 {
				l.end()
				return false
			}
		}
		tag, last := l.poll.Event(l.event)
		l.event++
		if tag&1 == 1 {
			l.accept(tag)
			continue
		}
		c := l.at(tag >> 1)
		if c == nil {
			continue
		}
		if !c.resting.CompareAndSwap(true, false) {
			// Somebody has it, and looks whether something was missed when it
			// rests: after this, or before.
			c.missed.Store(true)
			if last {
				c.lookGone()
			}
			if !c.resting.CompareAndSwap(true, false) {
				continue
			}
			last = true // or it was so in an event before
		}
		c.missed.Store(false)
		c.again, c.tail, c.hand = true, last, h
		h.leave()
		c.turn()
		if !h.back() {
			return true
		}
	}
}

// leave says that the leader is away with a connection: from now on it may lose the
// lead.
func (h *hand) leave() {
	l := h.loop
	s := l.standby // which is another leader's after the next line
	l.state.Store(h.turn<<1 | 1)
	// One that was armed and has not looked yet will look after this.
	if !s.armed.Load() && s.armed.CompareAndSwap(false, true) {
		s.wake <- struct{}{} // there is room
	}
}

// back reports whether the leader, back from a connection, still leads.
func (h *hand) back() bool {
	return h.loop.state.CompareAndSwap(h.turn<<1|1, h.turn<<1)
}

// goroutine tells it in a dump; also a carrier's, which is no hand.
func (h *hand) goroutine() []byte {
	if h == nil {
		return goroutineLine()
	}
	if h.line == nil {
		h.line = goroutineLine()
	}
	return h.line
}

// leads reports whether it has the lead, and is away.
func (h *hand) leads() bool { return h != nil && h.loop.state.Load() == h.turn<<1|1 }

// end lets the hands go that wait.
func (l *loop) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	close(l.standby.wake)
	for _, h := range l.idle {
		close(h.wake)
	}
	l.idle = nil
}
