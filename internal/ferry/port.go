package ferry

import (
	"errors"
	"net"
)

// ErrClosed says that the port was closed, or that the other side is gone.
var ErrClosed = errors.New("ferry: port closed")

// Port is this process's end of a socket over which connections are passed.
type Port struct{ conn *net.UnixConn }

// NewPort takes over a socket that keeps datagrams apart (see fdpass.Pair). Every
// parcel that comes is given to arrive, one after the other, and belongs to it; by
// then the sender has been told so. arrive must not wait for the same port.
func NewPort(c *net.UnixConn, arrive func(Parcel)) *Port { return &Port{conn: c} }

// Send passes a connection on and returns when the other side has it; the parcel is
// closed then. After an error it still belongs to the caller, and the other side
// does not have it. Send waits while too many parcels are on their way.
func (p *Port) Send(Parcel) error { return errors.ErrUnsupported }

// Close closes the port; what is being sent fails with ErrClosed.
func (p *Port) Close() error { return p.conn.Close() }
