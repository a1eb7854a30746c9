package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// lentSocket is a UNIX socket that listens, as a service manager makes one.
func lentSocket(t *testing.T) (name string, file *os.File) {
	t.Helper()
	name = filepath.Join(shortDir(t), "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	defer l.Close()
	if file, err = l.File(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return name, file
}

// borrow prepares a server that is given a socket in one of the ways, and has one of its
// own, too, if it is told where to listen.
func borrow(t *testing.T, way string, flags ...string) (u *upgraded, lent, own string) {
	t.Helper()
	lent, file := lentSocket(t)
	u = newUpgraded(t)
	own = filepath.Join(shortDir(t), "own")
	args := []string{"bident", "serve", "--pid-file", u.pidFile, "--max-servers", "2"}
	if way == "" {
		own = "" // nothing says where to listen
	} else {
		args = append(args, "--listen", way, "--listen", "http+unix://"+own)
	}
	switch {
	case strings.HasSuffix(way, "//3"):
		u.first.ExtraFiles = []*os.File{file}
	case strings.HasSuffix(way, "//web"):
		u.first.ExtraFiles = []*os.File{file}
		u.first.Env = append(u.first.Env, "LISTEN_FDS=1", "LISTEN_FDNAMES=web")
		shell, err := exec.LookPath("sh")
		if err != nil {
			t.Fatal(err)
		}
		u.first.Path = shell
		args = append([]string{"sh", "-c", `LISTEN_PID=$$ exec "$@"`, "sh"}, args...)
	default:
		u.first.Stdin = file
	}
	u.first.Args = append(args, flags...)
	return u, lent, own
}

// TestLentSocketStays: whoever has made a socket removes its path. A server that it is
// lent to leaves it where it is, also one that has it from another server, and removes
// its own.
func TestLentSocketStays(t *testing.T) {
	for _, way := range []string{"fcgi+systemd://web", "fcgi+fd://3", "http+fd://3", "fcgi+fd://0", ""} {
		for _, mode := range []string{"emulate", "fork"} {
			t.Run(way+" "+mode, func(t *testing.T) {
				u, lent, own := borrow(t, way, "--mode", mode)
				before, err := os.Lstat(lent)
				if err != nil {
					t.Fatal(err)
				}
				u.start()
				for _, what := range []string{"upgrade", "reload", "upgrade"} {
					if out, err := u.ctl("ctl", what); err != nil {
						t.Fatalf("%s: %v\n%s", what, err, out)
					}
				}
				c, err := net.Dial("unix", lent)
				if err != nil {
					t.Fatal(err)
				}
				c.Close()
				<-u.over // the first one is gone
				u.settled(2, mode == "fork")
				u.stop()
				if after, err := os.Lstat(lent); err != nil || !os.SameFile(before, after) {
					t.Errorf("the socket that was lent: %v", err)
				}
				if _, err := os.Lstat(own); own != "" && !os.IsNotExist(err) {
					t.Errorf("the server's own socket: %v", err)
				}
			})
		}
	}
}

// TestLentSocketUnwanted: a socket that was lent stays also if the configuration of the
// new process has no use for it; one that the old process has made does not.
func TestLentSocketUnwanted(t *testing.T) {
	lent, file := lentSocket(t)
	u := newUpgraded(t)
	own, config := filepath.Join(shortDir(t), "own"), filepath.Join(u.dir, "bident.toml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("max_servers = 1\nlisten = ['http://127.0.0.1:0', 'fcgi+fd://3', 'http+unix://" + own + "']\n")
	u.first.Args = []string{"bident", "serve", "--pid-file", u.pidFile, "--config", config}
	u.first.ExtraFiles = []*os.File{file}
	u.start()
	write("max_servers = 1\nlisten = ['http://127.0.0.1:0']\n")
	if err := syscall.Kill(u.pid(), syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	<-u.over
	u.await("the new process to have let go of it", func() bool {
		return strings.Contains(u.text(), "not listening any more on "+lent)
	})
	u.await("no path", func() bool {
		_, err := os.Lstat(own)
		return os.IsNotExist(err)
	})
	u.stop()
	if _, err := os.Lstat(lent); err != nil {
		t.Errorf("the socket that was lent: %v", err)
	}
}
