package listen

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func mustOpen(t *testing.T, network, address string, o Options) *Listener {
	t.Helper()
	l, err := Open(network, address, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestTCP(t *testing.T) {
	for _, c := range []struct{ network, address string }{
		{"tcp", "127.0.0.1:0"}, {"tcp4", "127.0.0.1:0"}, {"tcp6", "[::1]:0"}, {"tcp", ":0"},
	} {
		l := mustOpen(t, c.network, c.address, Options{Backlog: 16})
		if l.Addr().(*net.TCPAddr).Port == 0 {
			t.Errorf("%s %s: port is not resolved", c.network, c.address)
		}
		_, err := Open(c.network, l.Addr().String(), Options{})
		if err == nil {
			t.Errorf("%s %s: bound twice", c.network, c.address)
		} else if !strings.Contains(err.Error(), l.Addr().String()) {
			t.Errorf("error does not name the address: %v", err)
		}
	}
}

func TestWrongAddresses(t *testing.T) {
	for _, c := range []struct{ network, address string }{
		{"tcp", "127.0.0.1"}, {"tcp", "127.0.0.1:http:x"}, {"tcp4", "[::1]:0"},
		{"udp", "127.0.0.1:0"}, {"", ""}, {"unix", filepath.Join(t.TempDir(), "no", "dir")},
	} {
		l, err := Open(c.network, c.address, Options{})
		if err == nil {
			l.Close()
			t.Errorf("%s %q was bound", c.network, c.address)
		} else if !strings.Contains(err.Error(), c.address) {
			t.Errorf("error does not name %q: %v", c.address, err)
		}
	}
}

func TestPathIsReplacedOnlyIfStale(t *testing.T) {
	name := filepath.Join(t.TempDir(), "socket")
	l := mustOpen(t, "unix", name, Options{})
	if _, err := Open("unix", name, Options{}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a live socket: %v, want EADDRINUSE", err)
	} else if !strings.Contains(err.Error(), "in use by another server") {
		t.Errorf("a live socket: %v", err)
	}
	// What a killed server leaves: the file without the listener.
	l.Listener.Close()
	if _, err := os.Lstat(name); err != nil {
		t.Fatal(err)
	}
	again := mustOpen(t, "unix", name, Options{})
	c, err := net.Dial("unix", name)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	again.Close()
	if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Close: %v", err)
	}
}

func TestFileIsNeverRemoved(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "file")
	if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(name, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{name, link, dir} {
		if _, err := Open("unix", path, Options{}); !errors.Is(err, ErrNotSocket) {
			t.Errorf("%s: %v, want ErrNotSocket", path, err)
		}
	}
	if data, err := os.ReadFile(name); err != nil || string(data) != "x" {
		t.Errorf("the file: %q, %v", data, err)
	}
}

func TestCloseLeavesAnothersPath(t *testing.T) {
	name := filepath.Join(t.TempDir(), "socket")
	l := mustOpen(t, "unix", name, Options{})
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, "unix", name, Options{})
	l.Close()
	c, err := net.Dial("unix", name)
	if err != nil {
		t.Fatalf("the other server's path is gone: %v", err)
	}
	c.Close()
}

func TestMode(t *testing.T) {
	name := filepath.Join(t.TempDir(), "socket")
	mustOpen(t, "unix", name, Options{Mode: 0o666})
	info, err := os.Lstat(name)
	if err != nil || info.Mode().Perm() != 0o666 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}
