package fork

import (
	"io/fs"
	"os"
	"slices"
	"strings"
)

// Regular reports whether what is at an absolute path, for a process inside of Chroot,
// is a regular file; symbolic links are followed as they are there. It fails if there
// is nothing.
func (i *Isolation) Regular(name string) (bool, error) {
	if i.Chroot != "" {
		return i.regularInside(name)
	}
	return isRegular(name)
}

// regularOutside is Regular without the help of the system: a path with ".." may be
// another one inside, and is not there.
func (i *Isolation) regularOutside(name string) (bool, error) {
	if slices.Contains(strings.Split(name, "/"), "..") {
		return false, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
	}
	return isRegular(i.Outside(name))
}

func isRegular(name string) (bool, error) {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular(), err
}
