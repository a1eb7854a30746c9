package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestPIDFileZombie: a process that has ended and that nobody has waited for holds no
// pid file; one that runs does.
func TestPIDFileZombie(t *testing.T) {
	// Its name looks like the end of the name and another state.
	exe := filepath.Join(t.TempDir(), "a) R")
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(shell, exe); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-c", "read word")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	reaped := false
	t.Cleanup(func() {
		stdin.Close()
		if !reaped {
			_ = cmd.Wait()
		}
	})
	path := filepath.Join(t.TempDir(), "pid")
	if err := os.WriteFile(path, fmt.Appendln(nil, pid), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := newPIDFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Claim(); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("process %d is running", pid)) {
		t.Errorf("the file of a process that runs: %v", err)
	}
	if !alive(pid) || !alive(os.Getpid()) {
		t.Error("processes that run do not count as such")
	}

	stdin.Close()
	// It ends and stays: WNOWAIT leaves it to be waited for.
	for err = unix.EINTR; err == unix.EINTR; {
		err = unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(pid, 0); err != nil {
		t.Fatalf("the zombie is gone: %v", err)
	}
	if alive(pid) {
		t.Error("a zombie counts as running")
	}
	if err := p.Claim(); err != nil {
		t.Errorf("the file of a zombie: %v", err)
	}
	if got, err := readPIDFile(path); err != nil || got != os.Getpid() {
		t.Errorf("the file names %d, %v", got, err)
	}
	p.Remove()
	reaped = true
	if err := cmd.Wait(); err == nil {
		t.Error("read at the end of the input succeeds")
	}
	if alive(pid) {
		t.Error("a process that is gone counts as running")
	}
}
