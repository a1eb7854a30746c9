//go:build !race && (amd64 || arm64)

package poller

import (
	"syscall"
	"unsafe"
)

// msgMore is MSG_MORE.
const msgMore = 0x8000

// Read reads what is there. The error is syscall.EAGAIN if that is nothing, and nil
// with 0 octets at the end.
func Read(fd int, p []byte) (int, error) {
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_READ, uintptr(fd),
			uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), 0, 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}

// Write writes to a socket what there is room for. more says that something follows
// at once, with which the kernel may send it: other octets, or the end.
func Write(fd int, p []byte, more bool) (int, error) {
	flags := syscall.MSG_DONTWAIT | syscall.MSG_NOSIGNAL
	if more {
		flags |= msgMore
	}
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(fd),
			uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), uintptr(flags), 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}
