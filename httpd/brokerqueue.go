package httpd

import (
	"cmp"
	"slices"
	"time"

	"github.com/bident/bident/internal/park"
)

// pollPause is how often the broker looks for a child that is free, while there
// are connections that wait for one: children count what they have in shared
// memory, and say nothing when they have finished.
const pollPause = time.Millisecond

// enqueue lets a connection wait for a child. One that was given back by a child
// keeps its place, so that the oldest is always the next.
func (b *broker) enqueue(h *held) {
	if h.order == 0 {
		b.orders++
		h.order = b.orders
	}
	h.since = time.Now()
	at, _ := slices.BinarySearchFunc(b.waiting, h, func(x, y *held) int { return cmp.Compare(x.order, y.order) })
	b.waiting = slices.Insert(b.waiting, at, h)
	b.distribute()
	// What could be sent at once has not waited.
	if n := len(b.waiting); n > b.config.QueueSize {
		last := b.waiting[n-1]
		b.waiting = slices.Delete(b.waiting, n-1, n)
		b.refuse(last)
	}
	b.resign()
	if len(b.waiting) > 0 && b.demand != nil {
		b.demand()
	}
}

// onDemand sets a function that is called when a connection waits for a child that
// is free. It must not block.
func (b *broker) onDemand(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.demand = f
}

// length is how many connections wait for a child that is free.
func (b *broker) length() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.waiting)
}

// distribute sends those that wait to the children that are free, in their order.
func (b *broker) distribute() {
	for len(b.waiting) > 0 {
		h := b.waiting[0]
		t := b.choose(h)
		if t == nil {
			break
		}
		b.waiting = slices.Delete(b.waiting, 0, 1)
		b.dispatch(h, t)
	}
	if len(b.waiting) > 0 && len(b.takers) > 0 && !b.polling {
		b.polling = true
		b.poll.Reset(pollPause)
	}
	b.announce()
}

// announce tells children that serve one connection at a time whether others wait.
func (b *broker) announce() {
	if crowded := len(b.waiting) > 0; b.config.Single && crowded != b.crowded {
		b.crowded = crowded
		for _, t := range b.takers {
			t.row.SetCrowded(crowded)
		}
	}
}

// look is called by the poll timer.
func (b *broker) look() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.polling = false
	if b.closed {
		return
	}
	for _, h := range b.waiting {
		h.tried = nil // who could not take it then may be able to now
	}
	b.distribute()
}

// park keeps an idle connection until there is something to read.
func (b *broker) park(h *held) {
	// It may have been idle elsewhere before.
	h.since = time.Now().Add(-h.note.age)
	h.note.age = 0
	h.tried = nil
	var err error
	h.control(func(fd uintptr) { err = b.lot.Add(fd, h.id) })
	if err != nil {
		b.log.Warn("an idle connection cannot be kept", "error", err)
		b.drop(h)
		return
	}
	b.parked[h.id] = h
	h.from.park(h)
	if b.stopping {
		time.AfterFunc(h.linger(), func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.lastLook(h)
		})
	}
}

// unpark takes a connection out of the lot.
func (b *broker) unpark(h *held) {
	delete(b.parked, h.id)
	h.from.unpark(h)
	h.control(func(fd uintptr) { _ = b.lot.Remove(fd) })
}

// stirred is called by the lot when something has happened to connections.
func (b *broker) stirred(tokens []uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, token := range tokens {
		h := b.parked[token]
		if h == nil {
			continue // it has left the lot in this moment
		}
		b.unpark(h)
		switch waiting, gone := h.look(); {
		case gone:
			b.drop(h)
		case waiting:
			b.enqueue(h)
		default:
			b.park(h)
		}
	}
}

// look reports whether octets wait on the connection, and whether its client has
// left.
func (h *held) look() (waiting, gone bool) {
	h.control(func(fd uintptr) { waiting, gone = park.Look(fd) })
	return waiting, gone
}

// sweeper is the goroutine that looks at the times of the connections.
func (b *broker) sweeper() {
	b.mu.Lock()
	tick := b.config.tick()
	b.mu.Unlock()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-b.over:
			return
		case now := <-ticker.C:
			b.sweep(now)
		}
	}
}

// tick is how often the sweeper looks.
func (c *brokerConfig) tick() time.Duration {
	tick := c.Limits.tick()
	if c.QueueTimeout > 0 {
		tick = min(tick, max(c.QueueTimeout/4, 10*time.Millisecond))
	}
	return tick
}

// sweep closes what has been idle for too long, refuses what has waited for too
// long, and forgets requests whose clients have left.
func (b *broker) sweep(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, h := range b.parked {
		limit := b.config.Limits.IdleTimeout
		if h.fresh() {
			limit = b.config.Limits.HeaderTimeout
		}
		if limit > 0 && now.Sub(h.since) >= limit {
			b.unpark(h)
			b.drop(h)
		}
	}
	late := b.waiting
	b.waiting = nil
	for _, h := range late {
		_, gone := h.look()
		switch {
		case gone:
			b.drop(h)
		case b.config.QueueTimeout > 0 && now.Sub(h.since) >= b.config.QueueTimeout:
			b.refuse(h)
		default:
			b.waiting = append(b.waiting, h)
		}
	}
}
