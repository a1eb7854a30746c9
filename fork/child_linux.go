package fork

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/bident/bident/internal/ferry"
)

// Child is a child as the parent's lanes see it, and whoever sends connections to it.
// There is one for each child, so that it can be the key of a map.
type Child struct{ process *process }

// Dial makes a new connection to the child's private listener. It does not wait
// for the child to accept. It fails once the child is gone.
func (c *Child) Dial() (net.Conn, error) { return c.process.private.dial() }

// Give gives the child, which must be no external program, a descriptor; name
// says what it is. The descriptor stays open here. It does not wait: the error
// says that the child is gone, or does not listen.
func (c *Child) Give(name string, fd uintptr) error {
	if err := c.process.give(name, int(fd)); err != nil {
		return fmt.Errorf("fork: %w", err)
	}
	return nil
}

// Slot is the child's row of the scoreboard.
func (c *Child) Slot() int { return c.process.spec.Slot }

// PID is the child's process id.
func (c *Child) PID() int { return c.process.PID() }

// Exited is closed when the child has ended, which tells a crash from a closed
// connection.
func (c *Child) Exited() <-chan struct{} { return c.process.exited }

// External reports whether the child is an external program.
func (c *Child) External() bool { return c.process.backend.config.External() }

// GiveUp kills the child, which does not answer, as one that does not leave in time;
// limit names the time, for the log. Connections that were sent to it and that it has
// not acknowledged come back then: Send fails. It does not wait.
func (c *Child) GiveUp(limit string) { c.process.giveUp(limit) }

// Pending reports whether a connection that was made to an external program, by Dial
// or by what it has started, has not been accepted at this moment.
func (c *Child) Pending() bool { return c.process.private.pending() }

// StartTimeout is how long the child may take to be of use, not above 0 for ever.
func (c *Child) StartTimeout() time.Duration {
	if config := c.process.spec.Config; config != nil {
		return config.StartTimeout
	}
	return 0
}

// Path is the program that the child runs.
func (c *Child) Path() string { return c.process.backend.path }

// Unfit kills the child, which is an external program, as one that has never started
// properly: because of err.
func (c *Child) Unfit(err error) {
	c.process.unfitFor(fmt.Errorf("fork: program %s: %w", c.Path(), err))
}

// Send gives the child a client's connection and returns when the child has it.
// After an error it still belongs to the caller. It waits while too many are on
// their way. The error is ferry.ErrRefused if the child cannot take it, for example
// because it may not open any more files, and ferry.ErrClosed once it is gone.
func (c *Child) Send(p ferry.Parcel) error {
	port := c.process.ferry
	if port == nil {
		return fmt.Errorf("fork: the child owns no connections: %w", errors.ErrUnsupported)
	}
	if err := port.Send(p); err != nil {
		return fmt.Errorf("fork: %w", err)
	}
	return nil
}
