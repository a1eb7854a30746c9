package fork

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// insideTries bounds how often a path is followed again that was renamed meanwhile
// (EAGAIN, openat2(2)).
const insideTries = 128

// regularInside is Regular where there is a Chroot.
func (i *Isolation) regularInside(name string) (bool, error) {
	root, err := unix.Open(i.Chroot, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false, &os.PathError{Op: "open", Path: i.Chroot, Err: err}
	}
	defer unix.Close(root)
	how := &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS}
	fd, err := -1, error(unix.EAGAIN)
	for tries := 0; tries < insideTries && errors.Is(err, unix.EAGAIN); tries++ {
		fd, err = unix.Openat2(root, name, how)
	}
	switch {
	case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EPERM): // before Linux 5.6, or in a sandbox
		return i.regularOutside(name)
	case err != nil:
		return false, &os.PathError{Op: "open", Path: name, Err: err}
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return false, &os.PathError{Op: "stat", Path: name, Err: err}
	}
	return st.Mode&unix.S_IFMT == unix.S_IFREG, nil
}
