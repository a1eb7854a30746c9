package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// TestRefusedRights starts the server as a user who may not become another one.
func TestRefusedRights(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: it starts a server as nobody")
	}
	dir, err := os.MkdirTemp("", "bident-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	program := filepath.Join(dir, "bident") // by this name it is the command
	from, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := os.OpenFile(program, os.O_WRONLY|os.O_CREATE, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(to, from); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(to.Close(), os.Chmod(dir, 0o755), os.Chmod(program, 0o755)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		want string
		args []string
	}{
		{"bident: isolation: setgid 0: operation not permitted\n", []string{"--mode", "fork", "--user", "root"}},
		{"bident: isolation: setgid 0: operation not permitted\n", []string{"--mode", "emulate", "--user", "root"}},
		{"bident: isolation: setuid 0 (root): operation not permitted\n", []string{"--mode", "fork", "--user", "root", "--group", "65534", "--groups", "65534"}},
		{"bident: isolation: chroot /: operation not permitted\n", []string{"--mode", "fork", "--chroot", "/"}},
		{"bident: isolation: nice -3: permission denied\n", []string{"--mode", "fork", "--nice", "-3"}},
	} {
		cmd := exec.Command(program, append([]string{"serve", "--admin", "off", "--listen", "http://127.0.0.1:0"}, c.args...)...)
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != exitOS || string(out) != c.want {
			t.Errorf("%q: %v\n%swant status %d\n%s", c.args, err, out, exitOS, c.want)
		}
	}
}
