package listen

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestOwner(t *testing.T) {
	name := filepath.Join(t.TempDir(), "socket")
	mine := &Owner{UID: -1, GID: os.Getgid()}
	if os.Geteuid() == 0 {
		mine = &Owner{UID: 7, GID: 8}
	}
	mustOpen(t, "unix", name, Options{Owner: mine, Mode: 0o660})
	info, err := os.Lstat(name)
	if err != nil {
		t.Fatal(err)
	}
	of := info.Sys().(*syscall.Stat_t)
	if info.Mode().Perm() != 0o660 || int(of.Gid) != mine.GID || mine.UID >= 0 && int(of.Uid) != mine.UID {
		t.Errorf("%v of %d and %d, want %+v", info.Mode(), of.Uid, of.Gid, *mine)
	}
}

// What the system refuses leaves nothing behind. Root is refused nothing.
func TestOwnerIsRefused(t *testing.T) {
	if os.Geteuid() == 0 {
		return
	}
	name := filepath.Join(t.TempDir(), "socket")
	if _, err := Open("unix", name, Options{Owner: &Owner{}}); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("%v", err)
	}
	if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
}
