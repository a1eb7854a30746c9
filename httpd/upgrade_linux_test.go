package httpd_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// upgradable is a program that embeds a server and upgrades itself.
type upgradable struct {
	t   *testing.T
	dir string
	pid int // of its first process
}

// startUpgradable starts the program and waits until it is ready.
func startUpgradable(t *testing.T) *upgradable {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	u := &upgradable{t: t, dir: t.TempDir()}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), upgradeVariable+"="+u.dir)
	cmd.Stderr = newTestLog(t)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	u.pid = cmd.Process.Pid
	t.Cleanup(func() {
		found, _ := filepath.Glob(filepath.Join(u.dir, "ready.*"))
		for _, name := range found {
			var pid int
			if _, err := fmt.Sscanf(filepath.Base(name), "ready.%d", &pid); err == nil && !u.there("ended", pid) {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		_ = cmd.Process.Kill() // which may not have become ready
		_ = cmd.Wait()
	})
	u.await("ready", u.pid)
	return u
}

// there reports whether a process of the program has said that it came so far.
func (u *upgradable) there(name string, pid int) bool {
	_, err := os.Stat(filepath.Join(u.dir, fmt.Sprintf("%s.%d", name, pid)))
	return err == nil
}

// await waits for that.
func (u *upgradable) await(name string, pid int) {
	u.t.Helper()
	until(u.t, func() string {
		if !u.there(name, pid) {
			return fmt.Sprintf("process %d: not %s", pid, name)
		}
		return ""
	})
}

// TestUpgradeEmbedded: a program that embeds a server upgrades itself.
func TestUpgradeEmbedded(t *testing.T) {
	u := startUpgradable(t)
	dir, first := u.dir, u.pid
	c := newClient(t, "http+unix://"+filepath.Join(dir, "socket"))
	ask := func(path string) string {
		t.Helper()
		return c.must(t, path)
	}

	// The new process refuses in the last moment.
	if err := os.WriteFile(filepath.Join(dir, "refuse"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := ask("/upgrade"); !strings.HasPrefix(got, "failed=true succeeded=false upgrading=false") || !strings.Contains(got, "not now") {
		t.Errorf("refused: %s", got)
	}
	u.await("takeover", first) // it takes back what the new one may have taken
	if got := ask("/"); got != fmt.Sprint(first) {
		t.Errorf("process %s answers, not %d", got, first)
	}
	if err := os.Remove(filepath.Join(dir, "refuse")); err != nil {
		t.Fatal(err)
	}

	if got := ask("/upgrade"); got != "failed=false succeeded=false upgrading=false <nil>\n" {
		t.Errorf("upgrade: %s", got)
	}
	u.await("ended", first)
	var next int
	if _, err := fmt.Sscan(ask("/"), &next); err != nil || next == first {
		t.Fatalf("process %d answers after the upgrade of %d, %v", next, first, err)
	}
	for _, name := range []string{"upgrading", "takeover", "ready"} {
		u.await(name, next)
	}
	if c.closed > 0 {
		t.Error("the connection was closed")
	}
}

// TestUpgradeRefused: what cannot be upgraded.
func TestUpgradeRefused(t *testing.T) {
	if err := new(httpd.Server).Upgrade(context.Background()); !errors.Is(err, httpd.ErrNotRunning) {
		t.Errorf("a server that does not run: %v", err)
	}
	one := start(t, kinds[0], pool.Config{})
	start(t, kinds[0], pool.Config{})
	if err := one.Upgrade(context.Background()); !errors.Is(err, httpd.ErrUpgrade) || !strings.Contains(err.Error(), "runs 2 servers") {
		t.Errorf("one of two servers: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := one.Upgrade(ctx); !errors.Is(err, httpd.ErrUpgrade) {
		t.Errorf("nobody waits for it: %v", err)
	}
	c := newClient(t, one.url)
	c.pid(t)
}
