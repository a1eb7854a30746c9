package blocking

import (
	"errors"
	"net"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// errWaited says that a wait was over, and nothing there.
var errWaited = errors.New("blocking: nothing came")

// arrival is a connection that was accepted.
type arrival struct {
	fd   int
	from unix.RawSockaddrAny
	size uint32
}

// spin waits for a connection without telling the scheduler. The scheduler bounds
// that: after 10 ms it sends the thread a signal, so that others get their turn.
func (l *Listeners) spin() (a arrival, err error) {
	a.size = unix.SizeofSockaddrAny
	fd, _, errno := syscall.RawSyscall6(unix.SYS_ACCEPT4, uintptr(l.fds[0]), uintptr(unsafe.Pointer(&a.from)),
		uintptr(unsafe.Pointer(&a.size)), unix.SOCK_CLOEXEC, 0, 0)
	if errno != 0 {
		return a, errno
	}
	a.fd = int(fd)
	return a, nil
}

// accept4 is accept4(2).
func accept4(listener int) (a arrival, err error) {
	a.size = unix.SizeofSockaddrAny
	fd, _, errno := syscall.Syscall6(unix.SYS_ACCEPT4, uintptr(listener), uintptr(unsafe.Pointer(&a.from)),
		uintptr(unsafe.Pointer(&a.size)), unix.SOCK_CLOEXEC, 0, 0)
	if errno != 0 {
		return a, errno
	}
	a.fd = int(fd)
	return a, nil
}

// wait waits in poll for a connection, at most so many milliseconds. EAGAIN says that
// none has come. The sockets do not block.
func wait(fds []int, timeout int) (index int, a arrival, err error) {
	set := make([]unix.PollFd, len(fds))
	for i, fd := range fds {
		set[i] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
	}
	if n, err := unix.Poll(set, timeout); err != nil {
		return 0, a, err
	} else if n == 0 {
		return 0, a, unix.EAGAIN
	}
	for i := range set {
		if set[i].Revents == 0 {
			continue
		}
		a, err = accept4(fds[i])
		if err != unix.EAGAIN {
			return i, a, err
		}
	}
	return 0, a, errWaited // somebody else was first
}

// name is the address of a socket that getsockname or getpeername tells.
func name(fd int, call uintptr) (net.Addr, error) {
	var from unix.RawSockaddrAny
	size := uint32(unix.SizeofSockaddrAny)
	_, _, errno := syscall.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(&from)), uintptr(unsafe.Pointer(&size)))
	if errno != 0 {
		return nil, errno
	}
	return address(&from, size), nil
}

// address is a socket's address, as package net would say it.
func address(from *unix.RawSockaddrAny, size uint32) net.Addr {
	switch from.Addr.Family {
	case unix.AF_INET:
		a := (*unix.RawSockaddrInet4)(unsafe.Pointer(from))
		return &net.TCPAddr{IP: append(net.IP(nil), a.Addr[:]...), Port: port16(a.Port)}
	case unix.AF_INET6:
		a := (*unix.RawSockaddrInet6)(unsafe.Pointer(from))
		addr := &net.TCPAddr{IP: append(net.IP(nil), a.Addr[:]...), Port: port16(a.Port)}
		if a.Scope_id != 0 {
			addr.Zone = strconv.Itoa(int(a.Scope_id))
			if i, err := net.InterfaceByIndex(int(a.Scope_id)); err == nil {
				addr.Zone = i.Name
			}
		}
		return addr
	}
	a := (*unix.RawSockaddrUnix)(unsafe.Pointer(from))
	name := make([]byte, 0, len(a.Path))
	for i := 0; i < len(a.Path) && i < int(size)-2 && (a.Path[i] != 0 || i == 0); i++ {
		name = append(name, byte(a.Path[i]))
	}
	if len(name) > 0 && name[0] == 0 {
		name[0] = '@'
	}
	return &net.UnixAddr{Net: "unix", Name: string(name)}
}

// port16 is a port as it is on the wire.
func port16(p uint16) int {
	b := (*[2]byte)(unsafe.Pointer(&p))
	return int(b[0])<<8 | int(b[1])
}
