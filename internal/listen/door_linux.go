package listen

import (
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Door accepts connections as plain descriptors, for another process to serve: what
// package net would do to each of them would be done in vain.
type Door struct {
	addr net.Addr
	file *os.File
	raw  syscall.RawConn
}

// Door makes a door of a listener, which stays as it is and must not be accepted
// from.
func (l *Listener) Door() (*Door, error) {
	var fd int
	var failed error
	err := control(l.Listener, func(own int) { fd, failed = unix.FcntlInt(uintptr(own), unix.F_DUPFD_CLOEXEC, 3) })
	if err == nil {
		err = failed
	}
	if err != nil {
		return nil, fmt.Errorf("door %s: %w", l.Addr(), err)
	}
	d := &Door{addr: l.Addr(), file: os.NewFile(uintptr(fd), l.Addr().String())}
	if d.raw, err = d.file.SyscallConn(); err != nil {
		d.file.Close()
		return nil, fmt.Errorf("door %s: %w", l.Addr(), err)
	}
	return d, nil
}

// Addr is the address of the listener.
func (d *Door) Addr() net.Addr { return d.addr }

// Accept waits for a connection. It is close-on-exec and does not block. The error
// is os.ErrClosed after Close, and os.ErrDeadlineExceeded after the deadline.
func (d *Door) Accept() (*os.File, error) {
	var fd int
	var failed error
	err := d.raw.Read(func(own uintptr) bool {
		for {
			fd, _, failed = unix.Accept4(int(own), unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
			if failed != unix.EINTR && failed != unix.ECONNABORTED {
				return failed != unix.EAGAIN
			}
		}
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return nil, fmt.Errorf("accept %s: %w", d.file.Name(), err)
	}
	return os.NewFile(uintptr(fd), "connection"), nil
}

// SetDeadline makes Accept fail from that time on.
func (d *Door) SetDeadline(t time.Time) error { return d.file.SetReadDeadline(t) }

// Close ends Accept. The listener stays open.
func (d *Door) Close() error { return d.file.Close() }
