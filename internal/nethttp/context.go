package nethttp

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// server is what http.ServerContextKey gives if the front has nothing better. It
// says nothing, and it serves nothing.
var server = new(http.Server)

// ended is the Done of a request that is over.
var ended = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// requestContext is the context of a request. It asks the front for its own only
// when somebody wants to know about the request's end.
type requestContext struct {
	base  context.Context
	local net.Addr

	mu    sync.Mutex
	ex    Exchange        // nil once the request is over
	inner context.Context // the front's, nil before somebody asked
}

// demand is the front's context; nil if the request is over and nobody asked for
// it before.
func (c *requestContext) demand() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inner == nil && c.ex != nil {
		c.inner = c.ex.Context()
	}
	return c.inner
}

func (c *requestContext) over() {
	c.mu.Lock()
	c.ex = nil
	c.mu.Unlock()
}

// Deadline implements context.Context.
func (c *requestContext) Deadline() (time.Time, bool) {
	if inner := c.demand(); inner != nil {
		return inner.Deadline()
	}
	return time.Time{}, false
}

// Done implements context.Context.
func (c *requestContext) Done() <-chan struct{} {
	if inner := c.demand(); inner != nil {
		return inner.Done()
	}
	return ended
}

// Err implements context.Context.
func (c *requestContext) Err() error {
	if inner := c.demand(); inner != nil {
		return inner.Err()
	}
	return context.Canceled
}

// Value implements context.Context. The front's context is asked too once it is
// there: package context finds through it which of its own contexts ends this
// one, and can do without a goroutine.
func (c *requestContext) Value(key any) any {
	if key == http.LocalAddrContextKey {
		return c.local
	}
	c.mu.Lock()
	inner := c.inner
	c.mu.Unlock()
	for _, from := range [...]context.Context{inner, c.base} {
		if from == nil {
			continue
		}
		if v := from.Value(key); v != nil {
			return v
		}
	}
	if key == http.ServerContextKey {
		return server
	}
	return nil
}
