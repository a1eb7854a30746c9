package fork

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// disinherit makes every descriptor from first on close-on-exec. Nothing in Go opens
// others, but this process may have been started with some, and C code opens them: a
// child would have them too, and with a directory a way out of its root. What is to
// be handed on, here and in os/exec, is duplicated for that.
func disinherit(first int) error {
	if unix.CloseRange(uint(first), 1<<32-1, unix.CLOSE_RANGE_CLOEXEC) == nil {
		return nil
	}
	return disinheritEach(first) // Linux 5.10 and before, or it is not allowed
}

// disinheritEach does so one by one.
func disinheritEach(first int) error {
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		return fmt.Errorf("fork: open descriptors: %w", err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return fmt.Errorf("fork: open descriptors: %w", err)
	}
	for _, name := range names {
		if fd, err := strconv.Atoi(name); err == nil && fd >= first {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}
