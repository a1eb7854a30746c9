package httpd

import (
	"sync"

	"github.com/bident/bident/internal/ferry"
	"github.com/bident/bident/pool"
)

// passage is how connections come to an accepting child from its parent, and go back.
type passage struct {
	once bool // the child serves one connection and ends with it

	mu    sync.Mutex
	given bool // the one connection has come
	ended bool // and is over
}

// openPassage lets connections go; listen lets them come.
func (c *acceptingChild) openPassage() {
	c.front.away = func(p ferry.Parcel) error {
		p.Note = tagged(0, p.Note)
		return c.self.Send(p)
	}
	if c.passage.once {
		count := c.front.opened
		c.front.opened = func(n int64) {
			count(n)
			if n <= 0 {
				go c.depleted()
			}
		}
	}
}

// arrive takes a connection that the parent has sent.
func (c *acceptingChild) arrive(p ferry.Parcel) {
	if c.turn != nil {
		c.claim(p)
		return
	}
	c.take(p)
}

// take serves a connection that has come.
func (c *acceptingChild) take(p ferry.Parcel) {
	_, note, ok := untagged(p.Note)
	if !ok {
		c.log.Error("a connection came without a tag")
	}
	p.Note = note
	if c.passage.once {
		c.passage.mu.Lock()
		c.passage.given = true
		c.passage.mu.Unlock()
		// Now, so that there is a successor before anybody has to wait for one.
		_ = c.self.Report(pool.Event{Kind: pool.Spent, Cause: pool.CauseDone})
	}
	c.front.adopt(p)
}

// stays reports whether a child that is told to leave has to serve its only
// connection first.
func (c *acceptingChild) stays() bool {
	p := &c.passage
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.given && !p.ended
}

// depleted ends a child whose only connection is over.
func (c *acceptingChild) depleted() {
	c.passage.mu.Lock()
	c.passage.ended = true
	c.passage.mu.Unlock()
	c.retire(false)
}
