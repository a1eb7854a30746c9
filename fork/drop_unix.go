//go:build unix

package fork

import (
	"fmt"
	"syscall"
)

// Drop puts this process, and not a child, under the restrictions: those on Umask,
// Chroot, Dir, Groups, Group and User, in this order, for all its threads. It
// cannot be undone. A user other than root has no capabilities then; in a program that
// uses cgo those that another user than root had cannot be given up, and are an error.
// The error is ErrIsolation with the step that was refused; some of
// them may have been done then, and the process should end.
func (i *Isolation) Drop() error {
	c, err := i.credentials()
	if err != nil {
		return err
	}
	umask, err := parseUmask(i.Umask)
	if err != nil {
		return fmt.Errorf("%w: Umask: %w", ErrConfig, err)
	}
	if umask != noUmask {
		syscall.Umask(umask)
	}
	dir := i.Dir
	if dir == "" && i.Chroot != "" {
		dir = "/"
	}
	for _, step := range []struct {
		wanted bool
		do     func() error
		format string
		what   any
	}{
		{i.Chroot != "", func() error { return syscall.Chroot(i.Chroot) }, "chroot %s", i.Chroot},
		{dir != "", func() error { return syscall.Chdir(dir) }, "working directory %s", dir},
		{c.Groups != nil, c.setGroups, "setgroups %v", c.Groups},
		{c.GID != sameID, func() error { return syscall.Setgid(c.GID) }, "setgid %s", c.groupText()},
		{c.UID != sameID, func() error { return syscall.Setuid(c.UID) }, "setuid %s", c.userText()},
		{c.UID > 0, abandonCapabilities, "capabilities of %s", c.userText()},
	} {
		if !step.wanted {
			continue
		}
		if err := step.do(); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrIsolation, fmt.Sprintf(step.format, step.what), err)
		}
	}
	return nil
}

// setGroups may be refused if the groups are as they should be, so that a server
// without rights can be told to run as who it is.
func (c *credentials) setGroups() error {
	refused := syscall.Setgroups(c.Groups)
	if refused == nil {
		return nil
	}
	if have, err := syscall.Getgroups(); err == nil && c.suffice(have, syscall.Getegid()) {
		return nil
	}
	return refused
}
