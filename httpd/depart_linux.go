package httpd

import (
	"os"
	"syscall"
)

// dupFile duplicates a descriptor that does not block. The description that both
// share stays so: os.File takes a descriptor as it finds it, and its Fd makes only
// those block that os has made not to.
func dupFile(fd uintptr) (*os.File, error) {
	n, _, errno := syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_DUPFD_CLOEXEC, 0)
	if errno != 0 {
		return nil, os.NewSyscallError("fcntl", errno)
	}
	return os.NewFile(n, "connection"), nil
}
