package httpd

import (
	"sync"
	"time"
)

// flushTick is how often the flusher looks: an answer is held back for at most
// two of them by the request behind it.
const flushTick = 2 * time.Millisecond

// flusher sends the answers of clients that pipeline, when the request behind
// them takes its time. Answers are gathered as long as more requests are there,
// which saves most writes; but the answer that is ready must not wait for a
// handler that sleeps. Its goroutine lives only while somebody pipelines.
type flusher struct {
	mu      sync.Mutex
	list    []*conn
	running bool
}

// held is what a connection shows the flusher.
type held struct {
	mu     sync.Mutex
	desk   *desk  // with answers on it, while the next request is in hand
	turn   uint64 // counts those requests
	seen   uint64 // turn, when the flusher looked last; the flusher's own
	listed bool   // guarded by the flusher's lock
}

// hold shows the flusher that answers wait behind a request that is about to be
// asked for.
func (c *conn) hold() {
	h := &c.held
	h.mu.Lock()
	h.desk = c.desk
	h.turn++
	h.mu.Unlock()
	f := &c.front.flusher
	f.mu.Lock()
	if !h.listed {
		h.listed = true
		f.list = append(f.list, c)
		if !f.running {
			f.running = true
			go f.run()
		}
	}
	f.mu.Unlock()
}

// unhold takes it back: the request has been answered.
func (c *conn) unhold() {
	c.held.mu.Lock()
	c.held.desk = nil
	c.held.mu.Unlock()
}

// run looks at the list until it is empty.
func (f *flusher) run() {
	ticker := time.NewTicker(flushTick)
	defer ticker.Stop()
	for range ticker.C {
		f.mu.Lock()
		kept := f.list[:0]
		for _, c := range f.list {
			if c.late() {
				kept = append(kept, c)
			} else {
				c.held.listed = false
			}
		}
		clear(f.list[len(kept):])
		if f.list = kept; len(kept) == 0 {
			f.running = false
			f.mu.Unlock()
			return
		}
		f.mu.Unlock()
	}
}

// late sends the answers if the same request was in hand at the last tick. It
// reports false if there is nothing to be looked at any more.
func (c *conn) late() bool {
	h := &c.held
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.desk == nil:
		return false
	case h.turn != h.seen:
		h.seen = h.turn
		return true
	}
	// Not here: the client may take its time, and others wait for a look.
	go c.flushHeld(h.turn)
	return false
}

// flushHeld sends the answers, unless their request has been answered in the
// meantime and its connection has sent them.
func (c *conn) flushHeld(turn uint64) {
	h := &c.held
	h.mu.Lock()
	defer h.mu.Unlock()
	if d := h.desk; d != nil && h.turn == turn && len(d.out) > 0 {
		_ = c.send(d.out) // if it fails, so does the next one
		d.out = d.out[:0]
		c.enter(phaseBusy)
	}
}
