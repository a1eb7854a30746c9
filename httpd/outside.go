package httpd

import "fmt"

// outside tells the supervisor of accepting children what waits where no child has
// it yet: in the sockets, from which nobody accepts when there are no children, and in
// the broker. Children of accept classic accept only when they have nothing else to do,
// so that what waits for them does so in the socket. It is nil where children do not
// accept.
func (r *instance) outside() func() int {
	if r.broker == nil {
		return nil
	}
	return func() int {
		n := r.broker.length()
		if r.seats != nil {
			n += r.seats.Waiting(r.plan.accept == AcceptClassic)
		}
		return n
	}
}

// watchOutside wakes the supervisor when there is something outside.
func (r *instance) watchOutside() error {
	if r.broker != nil {
		r.broker.onDemand(r.supervisor.Demand)
	}
	if r.seats != nil {
		if err := r.seats.Watch(r.supervisor.Demand); err != nil {
			return fmt.Errorf("httpd: %w", err)
		}
	}
	return nil
}
