package listen

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// detached opens and detaches, and closes in the end.
func detached(t *testing.T, network, address string) int {
	t.Helper()
	l, err := Open(network, address, Options{})
	if err != nil {
		t.Fatal(err)
	}
	fd, remove, err := l.Detach()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { remove(); unix.Close(fd) })
	return fd
}

func TestSiblingsShareConnections(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0", ":0"} {
		first := detached(t, "tcp", address)
		if ok, err := Share(first); !ok || err != nil {
			t.Fatal(ok, err)
		}
		second, err := Sibling(first)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(second) })
		addr, err := Addr(first)
		if err != nil {
			t.Fatal(err)
		}
		dial := func() {
			t.Helper()
			c, err := net.Dial("tcp", addr.String())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
		}
		count := func(fd int) (n int) {
			for {
				c, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC)
				if err != nil {
					return n
				}
				unix.Close(c)
				n++
			}
		}
		for range 40 {
			dial()
		}
		if n := count(first); n != 40 {
			t.Errorf("%s: with a sibling that does not listen the first got %d of 40", address, n)
		}
		if err := Listen(second, 0); err != nil {
			t.Fatal(err)
		}
		for range 200 {
			dial()
		}
		a, b := count(first), count(second)
		if a+b != 200 || a < 40 || b < 40 {
			t.Errorf("%s: the siblings got %d and %d of 200", address, a, b)
		}
	}
}

func TestSecondServerIsRefused(t *testing.T) {
	first := detached(t, "tcp", "127.0.0.1:0")
	if _, err := Share(first); err != nil {
		t.Fatal(err)
	}
	addr, _ := Addr(first)
	if _, err := Open("tcp", addr.String(), Options{}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("second server: %v, want EADDRINUSE", err)
	}
}

func TestUnixSocketHasNoSiblings(t *testing.T) {
	name := filepath.Join(t.TempDir(), "socket")
	fd := detached(t, "unix", name)
	if ok, err := Share(fd); ok || err != nil {
		t.Error(ok, err)
	}
	if addr, err := Addr(fd); err != nil || addr.String() != name {
		t.Error(addr, err)
	}
	if _, err := os.Lstat(name); err != nil {
		t.Errorf("Detach removed the path: %v", err)
	}
}

func TestDetachedIsFitForChildren(t *testing.T) {
	fd := detached(t, "tcp", "127.0.0.1:0")
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("not close-on-exec: %#x, %v", flags, err)
	}
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK == 0 {
		t.Errorf("not non-blocking: %#x, %v", flags, err)
	}
}
