package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// startInit starts a server as the first process of a container.
func startInit(t *testing.T, flags ...string) *upgraded {
	t.Helper()
	u := newUpgraded(t, flags...)
	u.first.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	if uid := os.Getuid(); uid != 0 {
		u.first.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		u.first.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
		u.first.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	u.start()
	return u
}

// inside is the number that a process has in its container.
func inside(t *testing.T, pid int) (number string) {
	t.Helper()
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // gone: none
	for line := range strings.SplitSeq(string(text), "\n") {
		if numbers, ok := strings.CutPrefix(line, "NSpid:"); ok {
			return numbers[strings.LastIndexByte(numbers, '\t')+1:]
		}
	}
	return ""
}

// childrenOf are the processes that a process has started, or adopted, zombies among
// them.
func childrenOf(t *testing.T, pid int) (pids []string) {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if parent, _, err := processState(e.Name()); err == nil && parent == fmt.Sprint(pid) {
			pids = append(pids, e.Name())
		}
	}
	return pids
}

// TestInit: the first process of a container passes on signals, follows upgrades,
// leaves no zombie and ends with the newest server.
func TestInit(t *testing.T) {
	u := startInit(t, "--mode", "fork", "--max-servers", "2")
	init := u.first.Process
	clients := strictClients(t, u.address)
	for i := range 3 {
		before := u.pid()
		if err := init.Signal(syscall.SIGUSR2); err != nil {
			t.Fatal(err)
		}
		u.await("an upgrade", func() bool { return u.pid() != before })
		u.await("init and one server, without zombies", func() bool {
			children := childrenOf(t, init.Pid)
			var pid int
			return len(children) == 1 && len(u.processes()) == 4 && func() bool {
				_, err := fmt.Sscan(children[0], &pid)
				return err == nil && inside(t, pid) == fmt.Sprint(u.pid())
			}()
		})
		t.Logf("upgrade %d: process %d", i, u.pid())
	}
	clients.check(100)
	if err := init.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	u.gone()
	if status := u.first.ProcessState; status.ExitCode() != 0 {
		t.Error(status)
	}
}

// TestInitReaps: what servers leave behind is reaped, and does not end the container;
// the status is that of the server, a death by signal as shells say it.
func TestInitReaps(t *testing.T) {
	u := startInit(t, "--mode", "fork", "--max-servers", "3")
	init := u.first.Process
	servers := childrenOf(t, init.Pid)
	if len(servers) != 1 {
		t.Fatalf("children of init: %v", servers)
	}
	var server int
	if _, err := fmt.Sscan(servers[0], &server); err != nil {
		t.Fatal(err)
	}
	all := u.processes()
	if len(all) != 5 || !slices.Contains(all, server) {
		t.Fatalf("processes %v", all)
	}
	if err := syscall.Kill(server, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	u.gone()
	if status := u.first.ProcessState; status.ExitCode() != 128+int(syscall.SIGKILL) {
		t.Error(status)
	}
}

// TestInitKilled: nothing is left.
func TestInitKilled(t *testing.T) {
	u := startInit(t, "--mode", "fork", "--max-servers", "3")
	if err := u.first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	u.gone()
}

// TestInitRefusal: so does the reason why a server does not even start.
func TestInitRefusal(t *testing.T) {
	u := newUpgraded(t, "--max-servers", "0", "--no-such-flag")
	u.first.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	if os.Getuid() != 0 {
		u.first.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
	}
	out, err := u.first.CombinedOutput()
	if code := u.first.ProcessState.ExitCode(); code != 64 || !strings.Contains(string(out), "no-such-flag") {
		t.Errorf("exit status %d, %v: %s", code, err, out)
	}
}
