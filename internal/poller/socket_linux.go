//go:build amd64 || arm64

package poller

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"unsafe"
)

// Accept accepts a TCP connection, which does not block and is close-on-exec. The
// error is syscall.EAGAIN if nobody waits. It keeps its thread, as Poll does: a
// thread that has lost the right to run Go code while it accepts costs more than all
// the rest of a short connection.
func Accept(listener int) (fd int, remote netip.AddrPort, err error) {
	var from syscall.RawSockaddrAny
	for {
		size := uint32(syscall.SizeofSockaddrAny)
		fd, _, errno := syscall.RawSyscall6(syscall.SYS_ACCEPT4, uintptr(listener), uintptr(unsafe.Pointer(&from)),
			uintptr(unsafe.Pointer(&size)), syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0, 0)
		switch errno {
		case 0:
			return int(fd), rawAddrPort(&from), nil
		case syscall.EINTR, syscall.ECONNABORTED: // the client has gone again
		default:
			return -1, netip.AddrPort{}, errno
		}
	}
}

// rawAddrPort is an address as the kernel writes it.
func rawAddrPort(sa *syscall.RawSockaddrAny) netip.AddrPort {
	switch sa.Addr.Family {
	case syscall.AF_INET:
		sa := (*syscall.RawSockaddrInet4)(unsafe.Pointer(sa))
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), hostOrder(sa.Port))
	case syscall.AF_INET6:
		sa := (*syscall.RawSockaddrInet6)(unsafe.Pointer(sa))
		return netip.AddrPortFrom(zoned(sa.Addr, sa.Scope_id), hostOrder(sa.Port))
	}
	return netip.AddrPort{}
}

// hostOrder is a port that the kernel has written.
func hostOrder(port uint16) uint16 {
	return binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&port))[:])
}

// zoned is an address with the name of its zone.
func zoned(octets [16]byte, zone uint32) netip.Addr {
	a := netip.AddrFrom16(octets)
	if zone == 0 {
		return a
	}
	if i, err := net.InterfaceByIndex(int(zone)); err == nil {
		return a.WithZone(i.Name)
	}
	return a.WithZone(strconv.Itoa(int(zone)))
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
		return netip.AddrPortFrom(zoned(sa.Addr, sa.ZoneId), uint16(sa.Port))
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
