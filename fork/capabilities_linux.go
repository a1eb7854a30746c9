package fork

import (
	"errors"
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// errCapabilities says that rights are left which another user must not have.
var errCapabilities = errors.New("the process still has some")

// What capset is told. They are variables of the package because their addresses
// are handed on as numbers.
var (
	capabilityHeader = unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	noCapabilities   [2]unix.CapUserData
)

// systemCall is a way to make a system call: for this thread, or for all.
type systemCall func(trap, a1, a2, a3, a4, a5, a6 uintptr) (r1, r2 uintptr, err syscall.Errno)

// abandonCapabilities gives up all capabilities of this process. The kernel takes
// them when root becomes somebody else, but not when a user does that was given
// some: by systemd's AmbientCapabilities, for one.
func abandonCapabilities() error { return abandon(syscall.AllThreadsSyscall6) }

// abandonThread is abandonCapabilities for this thread alone.
func abandonThread() error { return abandon(syscall.RawSyscall6) }

func abandon(call systemCall) error {
	_, _, errno := call(unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0, 0)
	if errno == 0 || errno == unix.EINVAL { // a kernel without ambient ones
		_, _, errno = call(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&capabilityHeader)), uintptr(unsafe.Pointer(&noCapabilities)), 0, 0, 0, 0)
	}
	have, err := heldCapabilities()
	switch {
	case err != nil:
		return err
	case errno == unix.ENOTSUP:
		// With cgo there is no way to all threads. What the kernel has not taken
		// stays; inheritable ones alone are no rights.
		if have.Permitted|have.Effective != 0 {
			return fmt.Errorf("%w (%#x, of AmbientCapabilities perhaps), and a program that uses cgo cannot give them up", errCapabilities, have.Permitted|have.Effective)
		}
		return nil
	case errno != 0:
		return errno
	case have.Permitted|have.Effective|have.Inheritable != 0:
		return errCapabilities
	}
	return nil
}

// canSignal finds out whether this process may send signals to one of that user: one
// that could not would have to wait for ever for workers that do not end by themselves.
// The error is ErrIsolation.
func canSignal(c credentials) error {
	real, effective, _ := unix.Getresuid()
	if c.UID == sameID || c.UID == real || c.UID == effective {
		return nil
	}
	have, err := heldCapabilities()
	if err != nil {
		return fmt.Errorf("%w: capabilities: %w", ErrIsolation, err)
	}
	if have.Effective&(1<<unix.CAP_KILL) == 0 {
		return fmt.Errorf("%w: user %s: this process could not end its workers: it needs CAP_KILL, too", ErrIsolation, c.User)
	}
	return nil
}

// heldCapabilities are those of this thread, more or less: the two halves of each set
// are laid over each other. Ambient ones are always among the permitted.
func heldCapabilities() (unix.CapUserData, error) {
	var data [2]unix.CapUserData
	header := capabilityHeader
	err := unix.Capget(&header, &data[0])
	return unix.CapUserData{
		Effective:   data[0].Effective | data[1].Effective,
		Permitted:   data[0].Permitted | data[1].Permitted,
		Inheritable: data[0].Inheritable | data[1].Inheritable,
	}, err
}
