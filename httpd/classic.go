package httpd

import (
	"fmt"
	"net"
	"os"
	"time"

	"github.com/bident/bident/fork"
	"github.com/bident/bident/internal/blocking"
	"github.com/bident/bident/internal/ferry"
)

// settle makes a connection that is read in the blocking way fit for somebody who
// waits on it for long, beside the connections of the front.
func settle(c net.Conn) {
	for {
		below, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		c = below.NetConn()
	}
	if b, ok := c.(*blocking.Conn); ok {
		_ = b.Settle() // if it is broken, the next read says so
	}
}

// share makes the listeners of a seat wait in the way that the child is to accept in,
// if it is none of the runtime's.
func (c *acceptingChild) share(listeners []net.Listener) ([]net.Listener, error) {
	lock := c.self.Lock()
	switch {
	case c.self.Accept == fork.Classic:
		return c.sit(listeners)
	case lock == nil:
		return listeners, nil
	}
	listeners, err := blocking.Serialize(listeners, lock)
	if err != nil {
		return nil, fmt.Errorf("httpd: %w", err)
	}
	return listeners, nil
}

// sit makes the listeners of a seat those of the lineage's way: a connection is
// accepted when the one before it is over.
func (c *acceptingChild) sit(listeners []net.Listener) ([]net.Listener, error) {
	t, err := blocking.Listen(listeners)
	if err != nil {
		return nil, fmt.Errorf("httpd: %w", err)
	}
	c.turn = t
	row := c.self.Scoreboard.Row(c.self.Slot)
	c.front.turn = &turn{
		vacate: t.Vacate,
		others: func() bool { return row.Crowded() || t.Waiting() },
	}
	c.front.turn.divide(c.pool.MaxServers)
	return t.Ports(), nil
}

// claimPatience is how long a connection that comes from the parent waits for its
// turn. The parent sends one to a child that is free, but that may have accepted
// another one since; under load the next moment at which it is free is near.
const claimPatience = 5 * time.Millisecond

// claim serves a connection that has come from the parent in the place of one that
// would be accepted, or gives it back if there is none for it. The parent may send it
// to another child then.
func (c *acceptingChild) claim(p ferry.Parcel) {
	c.claims.Go(func() {
		if !c.turn.Claim(claimPatience) && !c.front.draining.Load() {
			if err := c.self.Send(p); err == nil {
				c.front.opened(1) // who has sent it counts on that
				c.front.opened(-1)
				return
			}
			// Two at a time, then.
		}
		c.take(p)
	})
}

// connection makes a connection of one that has come from another process.
func (f *front) connection(file *os.File) (net.Conn, error) {
	if f.turn != nil {
		return blocking.FromFile(file)
	}
	return net.FileConn(file)
}
