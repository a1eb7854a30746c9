package fork

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// leashVariable tells a child of this program which descriptor its leash is.
const leashVariable = "BIDENT_CHILD_LEASH"

// newLeash makes the leash of a child: a pipe into which nothing is ever written. The
// parent holds one end. When it is gone the kernel sees to it that the other end's
// owner, the child's process group, gets SIGKILL: the child with all that it has
// started, also if they are stopped. PR_SET_PDEATHSIG kills the child alone.
func newLeash() (own *os.File, theirs int, err error) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return nil, -1, fmt.Errorf("leash: %w", err)
	}
	return os.NewFile(uintptr(pipe[1]), "leash"), pipe[0], nil
}

// fasten makes a process group the owner of a leash.
func fasten(leash, group int) error {
	for _, step := range [...]struct{ command, argument int }{
		{unix.F_SETSIG, int(unix.SIGKILL)}, {unix.F_SETOWN, -group}, {unix.F_SETFL, unix.O_ASYNC},
	} {
		if _, err := unix.FcntlInt(uintptr(leash), step.command, step.argument); err != nil {
			return fmt.Errorf("leash: %w", err)
		}
	}
	return nil
}

// wear makes this process, a child, wear its leash. Nothing that it starts inherits
// it: so the child itself must not die first when its parent does, which is what the
// kernel was asked for until now. It must be called in the main thread.
func wear(text string) error {
	leash, err := strconv.Atoi(text)
	if err != nil || leash <= onPayload {
		return fmt.Errorf("%w: leash %q", errMark, text)
	}
	unix.CloseOnExec(leash)
	if err := fasten(leash, os.Getpid()); err != nil {
		return nil // no such thing here: the child alone will have to do
	}
	// Should the parent have died by now, the end of the control socket says so.
	return unix.Prctl(unix.PR_SET_PDEATHSIG, 0, 0, 0, 0)
}
