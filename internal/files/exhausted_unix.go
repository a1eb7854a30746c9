//go:build unix

package files

import (
	"errors"
	"syscall"
)

// exhausted tells whether a system call failed for want of something that others
// will give back.
func exhausted(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) ||
		errors.Is(err, syscall.ENOMEM) || errors.Is(err, syscall.EAGAIN)
}

// broken tells whether the file is there and cannot be read.
func broken(err error) bool {
	return errors.Is(err, syscall.EIO) || errors.Is(err, syscall.EBADF) || errors.Is(err, syscall.ESTALE)
}
