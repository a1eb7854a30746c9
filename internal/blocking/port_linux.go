package blocking

import (
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// port is one of the addresses, as a net.Listener. The first one's goroutine waits
// for all of them.
type port struct {
	group    *Listeners
	index    int
	accepted chan arrival // has room for the one connection that there is
}

// Accept implements net.Listener. Nothing is accepted before Vacate was called for
// what was accepted last.
func (p *port) Accept() (net.Conn, error) {
	g := p.group
	if p.index > 0 {
		select {
		case a := <-p.accepted:
			return p.conn(a), nil
		case <-g.over:
		}
		select {
		case a := <-p.accepted:
			return p.conn(a), nil
		default:
			return nil, p.failed(net.ErrClosed)
		}
	}
	for {
		index, a, err := g.next()
		switch err {
		case nil:
		case net.ErrClosed, os.ErrDeadlineExceeded:
			g.ended.Do(func() { close(g.over) })
			fallthrough
		default:
			return nil, p.failed(err)
		}
		if index == 0 {
			return p.conn(a), nil
		}
		g.ports[index].accepted <- a
	}
}

func (p *port) conn(a arrival) *Conn {
	local := p.group.local[p.index]
	if t, ok := local.(*net.TCPAddr); ok && t.IP.IsUnspecified() {
		if own, err := name(a.fd, unix.SYS_GETSOCKNAME); err == nil {
			local = own
		}
	}
	return NewConn(a.fd, address(&a.from, a.size), local)
}

// Addr implements net.Listener.
func (p *port) Addr() net.Addr { return p.group.local[p.index] }

// SetDeadline lets what waits be accepted, one after the other, before Accept fails,
// whatever the time.
func (p *port) SetDeadline(time.Time) error {
	p.group.finish()
	return nil
}

// Close implements net.Listener. It closes all ports of the group.
func (p *port) Close() error {
	p.group.close()
	return nil
}

func (p *port) failed(err error) error { return failed(p.Addr(), err) }

// failed is why nothing was accepted, in the form of package net.
func failed(at net.Addr, err error) error {
	if err != net.ErrClosed && err != os.ErrDeadlineExceeded {
		err = os.NewSyscallError("accept", err)
	}
	return &net.OpError{Op: "accept", Net: at.Network(), Addr: at, Err: err}
}
