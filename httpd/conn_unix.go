//go:build unix

package httpd

import (
	"net"
	"syscall"
)

// rawConn is the connection for reads that do not wait, nil if it has none.
func rawConn(c net.Conn) syscall.RawConn {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// readNow reads what is there from a descriptor that does not block.
func readNow(fd uintptr, p []byte) (int, error) {
	for {
		n, err := syscall.Read(int(fd), p)
		if err != syscall.EINTR {
			return n, err
		}
	}
}

func wouldBlock(err error) bool { return err == syscall.EAGAIN }

// peek looks at a connection without waiting: whether octets wait, and whether
// the client has closed its side. Unlike a read it sees them after a deadline,
// too.
func peek(c net.Conn) (waiting, closed bool) {
	if t, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = t.NetConn() // below TLS
	}
	raw := rawConn(c)
	if raw == nil {
		return false, false
	}
	_ = raw.Control(func(fd uintptr) {
		var b [1]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		waiting = n > 0
		closed = n == 0 && err == nil || err != nil && err != syscall.EAGAIN && err != syscall.EINTR
	})
	return waiting, closed
}

// readable reports whether octets wait on a connection.
func readable(c net.Conn) bool {
	waiting, _ := peek(c)
	return waiting
}
