package httpd

import (
	"fmt"
	"os"
	"syscall"
)

// openSharedLog opens a log for appending that children are going to write, and
// makes it, readable for user and group, if it does not exist. "-" is a duplicate
// of standard output.
func openSharedLog(path string) (*os.File, error) {
	if path == "-" || path == "/dev/stdout" {
		syscall.ForkLock.RLock() // no child is born between the two calls
		fd, err := syscall.Dup(syscall.Stdout)
		if err == nil {
			syscall.CloseOnExec(fd)
		}
		syscall.ForkLock.RUnlock()
		if err != nil {
			return nil, fmt.Errorf("standard output: %w", err)
		}
		return os.NewFile(uintptr(fd), "standard output"), nil
	}
	flags := os.O_WRONLY | os.O_APPEND | os.O_CREATE
	if info, err := os.Stat(path); err == nil && info.Mode()&os.ModeNamedPipe != 0 {
		// For writing alone it could not be opened before somebody reads.
		flags = os.O_RDWR
	}
	return os.OpenFile(path, flags, 0o640)
}
