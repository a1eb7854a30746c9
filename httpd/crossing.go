package httpd

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/bident/bident/internal/ferry"
	"github.com/bident/bident/internal/succession"
)

// crossing is the way of clients' connections from an old process to the one that
// takes its place: those that are idle, or whose request has not begun, with what was
// read of them. Those with TLS stay, and are closed after their answer.
//
// An old process lives until the one before it is gone, so that the row has no gap:
// a connection that was held up in the first one comes through all of them to the
// last.
type crossing struct {
	out atomic.Pointer[ferry.Port] // to the successor, once it has taken over
	in  atomic.Pointer[ferry.Port] // from the process that goes before this one
}

// sendOn gives a connection to the successor.
func (x *crossing) sendOn(p ferry.Parcel) error {
	port := x.out.Load()
	if port == nil {
		return ferry.ErrClosed
	}
	return port.Send(p)
}

// close ends both ways. Nothing is left on them.
func (x *crossing) close() {
	for _, port := range []*ferry.Port{x.in.Load(), x.out.Load()} {
		if port != nil {
			port.Close()
		}
	}
}

// openOut lets connections go to the successor from now on.
func (r *instance) openOut(next *succession.Successor) {
	r.crossing.out.Store(ferry.NewPortOn(next.Ferry(), ferry.Terms{Dead: next.Ended()}, nil))
	if r.front != nil {
		r.front.final.Store(false)
		return
	}
	r.broker.divert(r.crossing.sendOn)
}

// openIn takes connections from the old process from now on.
func (r *instance) openIn() {
	r.crossing.in.Store(ferry.NewPortOn(r.heir.Ferry(), ferry.Terms{Dead: r.heir.Gone()}, r.adopt))
}

// adopt serves a connection that has come from the old process.
func (r *instance) adopt(p ferry.Parcel) {
	if r.front == nil {
		r.broker.add(p)
		return
	}
	r.front.adopt(p)
}

// leaveChildren ends the workers of a server whose workers own the connections.
// Whether those have somewhere to go, to a successor, is the contrary of last.
func (r *instance) leaveChildren(ctx context.Context, timeout, leave time.Duration, last bool) {
	begun := time.Now()
	if last {
		// Requests first, workers after: what is here is served by the children, as
		// long as there are some.
		r.broker.stop(ctx)
		r.outlive(ctx)
		r.drain()
	} else {
		r.broker.stopAccepting()
		if r.seats != nil {
			r.seats.Drain()
		}
	}
	if timeout > 0 {
		timeout = max(timeout-time.Since(begun), leave)
	}
	r.supervisor.Stop(timeout)
}

// outlive waits for the end of the old process, or until ctx ends, and for what it
// still has in hand, which comes this way.
func (r *instance) outlive(ctx context.Context) {
	if r.heir == nil || !r.heir.taken.Load() {
		return
	}
	select {
	case <-r.heir.Gone():
	case <-ctx.Done():
		return
	}
	r.crossing.in.Load().Wait()
	if r.front != nil {
		r.front.drain(ctx, false)
	}
}
