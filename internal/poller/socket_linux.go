//go:build amd64 || arm64

package poller

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"unsafe"
)

// Accept accepts a TCP connection, which does not block and is close-on-exec. The
// error is syscall.EAGAIN if nobody waits.
func Accept(listener int) (fd int, remote netip.AddrPort, err error) {
	for {
		fd, sa, err := syscall.Accept4(listener, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
		switch err {
		case nil:
			return fd, addrPort(sa), nil
		case syscall.EINTR, syscall.ECONNABORTED: // the client has gone again
		default:
			return -1, netip.AddrPort{}, err
		}
	}
}

// Local is the address of this end of a connection.
func Local(fd int) (netip.AddrPort, error) {
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("getsockname: %w", err)
	}
	return addrPort(sa), nil
}

func addrPort(sa syscall.Sockaddr) netip.AddrPort {
	switch sa := sa.(type) {
	case *syscall.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *syscall.SockaddrInet6:
		a := netip.AddrFrom16(sa.Addr)
		if sa.ZoneId != 0 {
			zone := strconv.Itoa(int(sa.ZoneId))
			if i, err := net.InterfaceByIndex(int(sa.ZoneId)); err == nil {
				zone = i.Name
			}
			a = a.WithZone(zone)
		}
		return netip.AddrPortFrom(a, uint16(sa.Port))
	}
	return netip.AddrPort{}
}

// Prepare sets what connections accepted from a listener inherit: answers are sent
// at once, and clients that have vanished are noticed, as package net does.
func Prepare(listener int) error {
	for _, o := range [...][3]int{
		{syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1},
		{syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
		{syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, 15},
		{syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, 15},
		{syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, 9},
	} {
		if err := syscall.SetsockoptInt(listener, o[0], o[1], o[2]); err != nil {
			return fmt.Errorf("setsockopt: %w", err)
		}
	}
	return nil
}

// Peek looks whether octets wait on a socket, and whether the other side has closed
// it.
func Peek(fd int) (waiting, closed bool) {
	var b [1]byte
	n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, uintptr(fd),
		uintptr(unsafe.Pointer(&b)), 1, syscall.MSG_PEEK|syscall.MSG_DONTWAIT, 0, 0)
	waiting = errno == 0 && n > 0
	closed = errno == 0 && n == 0 || errno != 0 && errno != syscall.EAGAIN && errno != syscall.EINTR
	return waiting, closed
}

// Shutdown ends a socket's directions: the one that is written, or both.
func Shutdown(fd int, both bool) error {
	how := syscall.SHUT_WR
	if both {
		how = syscall.SHUT_RDWR
	}
	return syscall.Shutdown(fd, how)
}

// Close closes a descriptor.
func Close(fd int) {
	_, _, _ = syscall.RawSyscall(syscall.SYS_CLOSE, uintptr(fd), 0, 0)
}

// Duplicate makes another descriptor of the same, close-on-exec.
func Duplicate(fd int) (int, error) {
	n, _, errno := syscall.RawSyscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_DUPFD_CLOEXEC, 3)
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}
