//go:build unix

package httpd

import (
	"errors"
	"net"
	"syscall"
	"time"
)

// resetPatience is how long the reset may be on its way that follows the end of a
// TCP connection whose peer has not read everything.
const resetPatience = 50 * time.Millisecond

// unread reports whether a connection on which no answer came ended before the peer
// had read all that was sent: err is what it ended with. A program that reads a whole
// request before it acts on it, as libfcgi does, has not acted on this one.
func unread(conn net.Conn, err error) bool {
	if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		return true
	}
	// The end may have come before the request did, which a UNIX socket says when
	// the request is written, but TCP only later.
	tcp, is := conn.(*net.TCPConn)
	if !is {
		return false
	}
	if wasReset(tcp) {
		return true
	}
	time.Sleep(resetPatience)
	return wasReset(tcp)
}

// wasReset reports whether the connection has an error.
func wasReset(conn *net.TCPConn) bool {
	raw, err := conn.SyscallConn()
	if err != nil {
		return false
	}
	var pending int
	if raw.Control(func(fd uintptr) {
		pending, _ = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_ERROR)
	}) != nil {
		return false
	}
	return pending != 0
}
