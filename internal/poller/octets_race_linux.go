//go:build race && (amd64 || arm64)

package poller

import "syscall"

// The race detector knows that what was written to a connection comes before it is
// read, if package syscall is used for it.

// Read reads what is there. The error is syscall.EAGAIN if that is nothing, and nil
// with 0 octets at the end.
func Read(fd int, p []byte) (int, error) {
	for {
		if n, err := syscall.Read(fd, p); err != syscall.EINTR {
			return max(n, 0), err
		}
	}
}

// Write writes to a socket what there is room for. more says that something follows
// at once, with which the kernel may send it: other octets, or the end.
func Write(fd int, p []byte, _ bool) (int, error) {
	for {
		if n, err := syscall.Write(fd, p); err != syscall.EINTR {
			return max(n, 0), err
		}
	}
}
