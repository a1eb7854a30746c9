package httpd

import (
	"net"
	"syscall"
	"unsafe"
)

// pending is how many octets the kernel holds that the client has not taken yet
// (SIOCOUTQ). What a client takes slowly out of a full buffer is no progress to
// a write, which waits until a good part of it is free.
func pending(c net.Conn) (n int, ok bool) {
	for {
		t, layered := c.(interface{ NetConn() net.Conn })
		if !layered {
			break
		}
		c = t.NetConn()
	}
	raw := rawConn(c)
	if raw == nil {
		return 0, false
	}
	var octets int32
	_ = raw.Control(func(fd uintptr) {
		_, _, errno := syscall.RawSyscall(syscall.SYS_IOCTL, fd, syscall.TIOCOUTQ, uintptr(unsafe.Pointer(&octets)))
		ok = errno == 0
	})
	return int(octets), ok
}
