package listen

import (
	"fmt"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// prepare is called before a socket is bound. The mode of a UNIX socket's path
// is that of the socket less the umask, so that the path is at no moment more
// open than wanted.
func prepare(c syscall.RawConn, network string, o Options) error {
	if network != "unix" || o.Mode == 0 {
		return nil
	}
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = unix.Fchmod(int(fd), uint32(o.Mode.Perm()))
	})
	if err != nil {
		return err
	}
	return failed
}

// setBacklog changes the backlog that net.Listen chose.
func setBacklog(l net.Listener, backlog int) error {
	if backlog <= 0 {
		return nil
	}
	var failed error
	err := control(l, func(fd int) { failed = unix.Listen(fd, backlog) })
	if err != nil {
		return err
	}
	return failed
}

func control(l net.Listener, f func(fd int)) error {
	c, ok := l.(syscall.Conn)
	if !ok {
		return fmt.Errorf("%T has no descriptor", l)
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Control(func(fd uintptr) { f(int(fd)) })
}

// Listen makes a bound socket listen, or changes its backlog; 0 and less mean
// the system's maximum.
func Listen(fd, backlog int) error {
	if backlog <= 0 {
		backlog = unix.SOMAXCONN
	}
	if err := unix.Listen(fd, backlog); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	return nil
}

// Detach takes the descriptor out of a listener, which is closed: this process
// will not accept from it, only hand it to children. It is close-on-exec and
// non-blocking. remove removes the path of a UNIX socket, if it has one and it
// is still ours; it must be called before the last descriptor is closed.
func (l *Listener) Detach() (fd int, remove func(), err error) {
	var failed error
	err = control(l.Listener, func(own int) {
		fd, failed = unix.FcntlInt(uintptr(own), unix.F_DUPFD_CLOEXEC, 3)
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return -1, nil, fmt.Errorf("detach %s: %w", l.Addr(), err)
	}
	l.Listener.Close()
	if l.path == nil {
		return fd, func() {}, nil
	}
	return fd, l.path.remove, nil
}

// Addr is what a socket is bound to, as package net would say it.
func Addr(fd int) (net.Addr, error) {
	own, err := unix.Getsockname(fd)
	if err != nil {
		return nil, fmt.Errorf("getsockname: %w", err)
	}
	switch a := own.(type) {
	case *unix.SockaddrInet4:
		return &net.TCPAddr{IP: a.Addr[:], Port: a.Port}, nil
	case *unix.SockaddrInet6:
		addr := &net.TCPAddr{IP: a.Addr[:], Port: a.Port}
		if a.ZoneId != 0 {
			addr.Zone = fmt.Sprint(a.ZoneId)
			if i, err := net.InterfaceByIndex(int(a.ZoneId)); err == nil {
				addr.Zone = i.Name
			}
		}
		return addr, nil
	case *unix.SockaddrUnix:
		return &net.UnixAddr{Net: "unix", Name: a.Name}, nil
	}
	return nil, fmt.Errorf("socket of an unknown family: %T", own)
}

// Share lets siblings be bound to the address of a TCP socket. It reports false
// for a UNIX socket, which can have none.
func Share(fd int) (bool, error) {
	family, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return false, fmt.Errorf("SO_DOMAIN: %w", err)
	}
	if family == unix.AF_UNIX {
		return false, nil
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return false, fmt.Errorf("SO_REUSEPORT: %w", err)
	}
	return true, nil
}

// Sibling binds one more socket to the address of fd, which must be shared. It
// does not listen yet, and gets no connections until it does.
func Sibling(fd int) (int, error) {
	addr, err := unix.Getsockname(fd)
	if err != nil {
		return -1, fmt.Errorf("getsockname: %w", err)
	}
	family, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return -1, fmt.Errorf("SO_DOMAIN: %w", err)
	}
	own, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	if err := bindSibling(own, fd, family, addr); err != nil {
		unix.Close(own)
		return -1, err
	}
	return own, nil
}

func bindSibling(own, fd, family int, addr unix.Sockaddr) error {
	if family == unix.AF_INET6 {
		only, err := unix.GetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY)
		if err == nil {
			err = unix.SetsockoptInt(own, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, only)
		}
		if err != nil {
			return fmt.Errorf("IPV6_V6ONLY: %w", err)
		}
	}
	for _, option := range []int{unix.SO_REUSEADDR, unix.SO_REUSEPORT} {
		if err := unix.SetsockoptInt(own, unix.SOL_SOCKET, option, 1); err != nil {
			return fmt.Errorf("socket option %d: %w", option, err)
		}
	}
	if err := unix.Bind(own, addr); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	return nil
}
