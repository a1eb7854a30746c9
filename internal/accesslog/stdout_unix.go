//go:build unix

package accesslog

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// duplicateStdout opens standard output a second time: so it can be closed like
// any other file, and a reader that went away gives EPIPE, where descriptor 1
// would have the signal end the program.
func duplicateStdout() (*os.File, error) {
	conn, err := os.Stdout.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("standard output: %w", err)
	}
	fd := -1
	var failed error
	if err := conn.Control(func(stdout uintptr) {
		// Above 2, and not for children.
		fd, failed = unix.FcntlInt(stdout, unix.F_DUPFD_CLOEXEC, 3)
	}); err != nil {
		return nil, fmt.Errorf("standard output: %w", err)
	}
	if failed != nil {
		return nil, fmt.Errorf("standard output: %w", failed)
	}
	return os.NewFile(uintptr(fd), os.Stdout.Name()), nil
}
