package httpd

import "github.com/bident/bident/pool"

// outside tells the supervisor of accepting children what waits where no child has
// it yet: in the sockets, from which nobody accepts when there are no children at all.
// Those of accept classic accept only when they have nothing else to do, so that what
// waits for them does so in the socket.
func (r *instance) outside(o *pool.Options) {
	o.Outside = func() int { return r.seats.Waiting(r.plan.accept == AcceptClassic) }
}
