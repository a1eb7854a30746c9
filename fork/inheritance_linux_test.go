package fork

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// leak opens a directory in a way that everything inherits which is executed.
func leak(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	high, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD, 100)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(high) })
	return dir
}

// has reports whether a process has a file open.
func has(t *testing.T, pid int, file string) bool {
	t.Helper()
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil || len(links) == 0 {
		t.Fatalf("descriptors of %d: %v", pid, err)
	}
	return slices.ContainsFunc(links, func(link string) bool {
		target, _ := os.Readlink(link)
		return target == file
	})
}

// TestForeignDescriptors: what the parent was started with gets into no child, and
// with isolation neither does what it has opened since.
func TestForeignDescriptors(t *testing.T) {
	for name, c := range map[string]struct {
		change   func(*Config)
		isolated bool
	}{
		"go":                {func(*Config) {}, false},
		"external":          {external, false},
		"isolated go":       {func(*Config) {}, true},
		"isolated external": {external, true},
	} {
		t.Run(name, func(t *testing.T) {
			before := leak(t)
			h := newHarness(t, func(config *Config) {
				c.change(config)
				if c.isolated {
					config.Isolation.Umask = "077"
				}
			})
			after := leak(t)
			w := h.ready(0)
			h.ask("hello")
			if has(t, w.PID(), before) {
				t.Error("the child has what the parent was started with")
			}
			if c.isolated && has(t, w.PID(), after) {
				t.Error("the child has what the parent has opened")
			}
			if !has(t, os.Getpid(), before) {
				t.Error("the parent has lost it")
			}
		})
	}
}

// TestDisinheritEach is for kernels that cannot do it at once.
func TestDisinheritEach(t *testing.T) {
	var fds [2]int
	for i := range fds {
		fd, err := unix.FcntlInt(os.Stdin.Fd(), unix.F_DUPFD, 200)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		fds[i] = fd
	}
	if err := disinheritEach(fds[1]); err != nil {
		t.Fatal(err)
	}
	for i, fd := range fds {
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags != i*unix.FD_CLOEXEC {
			t.Errorf("%d: flags %d, %v", i, flags, err)
		}
	}
}
