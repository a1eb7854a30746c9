package ferry

import (
	"os"

	"golang.org/x/sys/unix"
)

// nonBlocking makes a socket non-blocking.
func nonBlocking(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = unix.SetNonblock(int(fd), true) }); err != nil {
		return err
	}
	return failed
}
