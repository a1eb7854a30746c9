package acceptlock

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestLockFile: only a regular file is one, and no link is followed.
func TestLockFile(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	for name, err := range map[string]error{
		"link":     os.Symlink(path("there"), path("link")),
		"dangling": os.Symlink(path("victim"), path("dangling")),
		"pipe":     unix.Mkfifo(path("pipe"), 0o600),
		"socket":   unix.Mknod(path("socket"), unix.S_IFSOCK|0o600, 0),
		"dir":      os.Mkdir(path("dir"), 0o700),
		"there":    os.WriteFile(path("there"), []byte("x"), 0o600),
		"new":      nil,
	} {
		if err != nil {
			t.Fatal(err)
		}
		regular := name == "there" || name == "new"
		k, err := Open(Flock, path(name), 1)
		if err == nil {
			if _, issued := k.Issue(); issued != nil {
				t.Errorf("%s: %v", name, issued)
			}
			k.Close()
		}
		if regular && err != nil || !regular && !errors.Is(err, errIrregular) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := os.Lstat(path("victim")); err == nil {
		t.Error("a file was made at the end of a link")
	}
	if text, err := os.ReadFile(path("there")); err != nil || string(text) != "x" {
		t.Errorf("%q, %v", text, err)
	}
}

// TestFullPipe: a process that fills the pipe with tokens, and dies, blocks neither the
// keeper nor the others.
func TestFullPipe(t *testing.T) {
	k, err := Open(Pipe, "", 2)
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	var locks [2]*pipe
	for slot := range locks {
		fds, err := k.Issue()
		if err != nil {
			t.Fatal(err)
		}
		l, err := Take(Pipe, fds, slot)
		if err != nil {
			t.Fatal(err)
		}
		locks[slot] = l.(*pipe)
		defer unix.Close(locks[slot].fd)
	}
	for _, mark := range []uint32{idle, wants, holds, gives} {
		// What is non-blocking for one is so for nobody else.
		fd, err := reopen(locks[0].fd, unix.O_NONBLOCK)
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = unix.Write(fd, token)
		}
		unix.Close(fd)
		locks[0].mark.Store(mark)
		if err := k.Bury(0); err != nil {
			t.Error(err)
		}
		for range 3 {
			if err := errors.Join(locks[1].Lock(), locks[1].Unlock()); err != nil {
				t.Error(err)
			}
		}
	}
}
