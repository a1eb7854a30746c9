package main

import (
	"os"
	"syscall"
)

// listening reports whether a file is a socket that listens.
func listening(f *os.File) bool {
	c, err := f.SyscallConn()
	if err != nil {
		return false
	}
	on := 0
	err = c.Control(func(fd uintptr) {
		on, _ = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN)
	})
	return err == nil && on != 0
}
