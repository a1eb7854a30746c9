//go:build !unix

package httpd

import (
	"net"
	"syscall"
)

func rawConn(net.Conn) syscall.RawConn { return nil }

func readNow(uintptr, []byte) (int, error) { return 0, syscall.EINVAL }

func wouldBlock(error) bool { return false }

// peek sees nothing where a connection cannot be looked at without reading.
func peek(net.Conn) (waiting, closed bool) { return false, false }

func readable(net.Conn) bool { return false }
