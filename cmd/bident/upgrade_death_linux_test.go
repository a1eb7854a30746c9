package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
)

// slowStart are the flags of a server that takes its time to get ready: long enough
// for something to happen meanwhile.
var slowStart = []string{"--max-servers", "4", "--start-delay", "400ms"}

// begun begins an upgrade and returns when there is a new process that is not ready.
func (u *upgraded) begun() (old, next int) {
	u.t.Helper()
	old = u.pid()
	if err := syscall.Kill(old, syscall.SIGUSR2); err != nil {
		u.t.Fatal(err)
	}
	u.await("a new process", func() bool {
		for _, pid := range u.processes() {
			if pid != old {
				next = pid
			}
		}
		return next != 0
	})
	return old, next
}

// gone waits until no process is left.
func (u *upgraded) gone() {
	u.t.Helper()
	u.await("the end of all", func() bool { return len(u.processes()) == 0 })
	<-u.over
}

// TestUpgradeOldKilled: who kills the server in the middle of an upgrade has killed
// all of it.
func TestUpgradeOldKilled(t *testing.T) {
	u := startUpgraded(t, slowStart...)
	old, _ := u.begun()
	if err := syscall.Kill(old, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	u.gone()
}

// TestUpgradeStopped: so has who stops it, but in order.
func TestUpgradeStopped(t *testing.T) {
	u := startUpgraded(t, slowStart...)
	old, _ := u.begun()
	if err := syscall.Kill(old, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	u.gone()
	if status := u.first.ProcessState; status.ExitCode() != 0 {
		t.Error(status)
	}
	if _, err := os.Stat(u.pidFile); err == nil {
		t.Error("the pid file is left")
	}
}

// TestUpgradeNewKilled: the old process goes on, and says what has happened.
func TestUpgradeNewKilled(t *testing.T) {
	u := startUpgraded(t, slowStart...)
	old, next := u.begun()
	if err := syscall.Kill(next, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	u.await("the reason", func() bool {
		return strings.Contains(u.text(), "upgrade failed: the new process has ended with signal SIGKILL")
	})
	if u.pid() != old || len(u.processes()) != 1 {
		t.Errorf("process %d instead of %d, of %v", u.pid(), old, u.processes())
	}
	if out, err := u.ctl("ctl", "stop"); err != nil {
		t.Fatal(err, out)
	}
}

// TestUpgradeLate: a new process that does not get ready is given up, with all that
// it has started.
func TestUpgradeLate(t *testing.T) {
	u := startUpgraded(t, append([]string{"--start-timeout", "1s"}, slowStart...)...)
	old, next := u.begun()
	if err := syscall.Kill(next, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	u.await("the reason", func() bool {
		return strings.Contains(u.text(), "upgrade failed: the new process was not ready within start_timeout") ||
			strings.Contains(u.text(), "upgrade failed: the program is no such server: it has not said hello")
	})
	if u.settled(4, false).PID != old {
		t.Error("another process is the server")
	}
	u.stop()
}

// TestUpgradeMeanwhile: what comes during an upgrade is for whoever is the server
// after it.
func TestUpgradeMeanwhile(t *testing.T) {
	u := startUpgraded(t, slowStart...)
	old, next := u.begun()
	for _, sig := range []syscall.Signal{syscall.SIGUSR2, syscall.SIGHUP, syscall.SIGUSR2, syscall.SIGHUP} {
		if err := syscall.Kill(old, sig); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := u.ctl("ctl", "upgrade"); err == nil || !strings.Contains(out, "another upgrade is under way") {
		t.Errorf("ctl upgrade during an upgrade: %v %s", err, out)
	}
	u.await("the upgrade of the new process", func() bool { pid := u.pid(); return pid != old && pid != next })
	// 1, by the upgrade 2, by the reload before or beside the next upgrade 3 at most.
	if st := u.settled(4, false); st.Generation < 3 || st.Generation > 4 {
		t.Errorf("generation %d", st.Generation)
	}
	u.stop()
}

// TestUpgradeOldBusy: a request in hand is finished by the old process; signals that
// reach it are for the new one, which outlives its end.
func TestUpgradeOldBusy(t *testing.T) {
	u := startUpgraded(t, "--max-servers", "2")
	old := u.pid()
	c, err := net.Dial("tcp", u.address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET /sleep?ms=60000 HTTP/1.1\r\nHost: test\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	u.await("the request", func() bool {
		out, _ := u.ctl("status")
		return strings.Contains(out, "GET /sleep")
	})
	if out, err := u.ctl("ctl", "upgrade"); err != nil {
		t.Fatal(err, out)
	}
	next := u.pid()
	if err := syscall.Kill(old, syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	u.await("the reload of the new process", func() bool { st := u.status(); return st != nil && st.Generation == 3 })
	if err := syscall.Kill(old, syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	u.await("the upgrade of the new process", func() bool { return u.pid() != next })
	if n := len(u.processes()); n != 3 {
		t.Errorf("%d processes: the one in the middle lives as long as the first", n)
	}
	if err := syscall.Kill(old, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	u.settled(2, false)
	resp, err := http.Get("http://" + u.address + "/hello")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	u.stop()
}

// TestUpgradeNobodyAccepts: the children of a new process accept nothing before it has
// taken over: no connection dies with them.
func TestUpgradeNobodyAccepts(t *testing.T) {
	for _, name := range []string{"shared", "classic", "flock", "semaphore", "pipe"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of it is slowStart
			u := startUpgraded(t, append([]string{"--mode", "fork", "--accept", name}, slowStart...)...)
			clients := strictClients(t, u.address)
			if err := syscall.Kill(u.pid(), syscall.SIGUSR2); err != nil {
				t.Fatal(err)
			}
			// The first child is ready, as a rule, when the third one is started.
			var next int
			u.await("children of the new process", func() bool {
				_, text, _ := strings.Cut(u.text(), " to=")
				_, err := fmt.Sscan(text, &next)
				return err == nil && len(childrenOf(t, next)) >= 3
			})
			if err := syscall.Kill(next, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			u.await("the end of the upgrade", func() bool { return strings.Contains(u.text(), "upgrade failed") })
			clients.check(100)
			u.stop()
		})
	}
}
