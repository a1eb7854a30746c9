package notify

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// Reloading are the lines with which a reload begins. It ends with "READY=1".
func Reloading() []string {
	lines := []string{"RELOADING=1"}
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) == nil {
		// By which the manager tells this reload's end from an earlier one's.
		lines = append(lines, "MONOTONIC_USEC="+strconv.FormatInt(now.Nano()/1000, 10))
	}
	return lines
}
