package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bident/bident/httpd"
)

// upgraded is a server that is upgraded: a row of processes.
type upgraded struct {
	t       *testing.T
	dir     string
	pidFile string
	log     string
	address string
	first   *exec.Cmd
	over    chan struct{} // closed when the first process has ended
}

// startUpgraded starts a server with the real command. All of its processes are
// gone when the test ends.
func startUpgraded(t *testing.T, flags ...string) *upgraded {
	t.Helper()
	u := newUpgraded(t, flags...)
	u.start()
	return u
}

// newUpgraded prepares a server; first is the command, to which things can be added.
func newUpgraded(t *testing.T, flags ...string) *upgraded {
	u := &upgraded{t: t, dir: t.TempDir(), over: make(chan struct{})}
	u.pidFile, u.log = filepath.Join(u.dir, "pid"), filepath.Join(u.dir, "log")
	u.first = exec.Command("bident", append([]string{"serve", "--listen", "http://127.0.0.1:0", "--pid-file", u.pidFile}, flags...)...)
	u.first.Env = append(append(os.Environ(), privately(u.dir)...), u.mark())
	return u
}

// start starts the server and waits until it is ready.
func (u *upgraded) start() {
	t := u.t
	t.Helper()
	log, err := os.Create(u.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	u.first.Stdout, u.first.Stderr = log, log
	if err := u.first.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = u.first.Wait()
		close(u.over)
	}()
	t.Cleanup(func() {
		for _, pid := range u.processes() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		<-u.over
		if t.Failed() {
			t.Logf("%s", u.text())
		}
	})
	u.await("ready", func() bool { return readyLine.MatchString(u.text()) })
	m := listeningLine.FindStringSubmatch(u.text())
	where, err := url.Parse(m[1])
	if err != nil {
		t.Fatal(err)
	}
	u.address = where.Host
}

func (u *upgraded) text() string {
	text, _ := os.ReadFile(u.log)
	return string(text)
}

func (u *upgraded) await(what string, met func() bool) {
	u.t.Helper()
	for deadline := time.Now().Add(patience); !met(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			u.t.Fatalf("%s: not within %s\n%s", what, patience, u.text())
		}
	}
}

// processes are the server's processes that are alive, workers among them: no other
// one has the mark in its environment.
func (u *upgraded) processes() (pids []int) {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		var pid int
		if _, err := fmt.Sscan(e.Name(), &pid); err != nil {
			continue
		}
		env, err := os.ReadFile("/proc/" + e.Name() + "/environ")
		if err != nil || !bytes.Contains(env, []byte(u.mark()+"\x00")) {
			continue
		}
		if _, state, err := processState(e.Name()); err == nil && state != "Z" {
			pids = append(pids, pid)
		}
	}
	return pids
}

// mark is the variable by which the server's processes are known, whatever their
// titles say.
func (u *upgraded) mark() string { return "UPGRADED_SERVER=" + u.dir }

// pid is the number in the pid file.
func (u *upgraded) pid() int {
	u.t.Helper()
	pid, err := readPIDFile(u.pidFile)
	if err != nil || pid == 0 {
		u.t.Fatalf("pid file: %d, %v", pid, err)
	}
	return pid
}

// ctl runs a command for the server that the pid file names.
func (u *upgraded) ctl(args ...string) (string, error) {
	cmd := exec.Command("bident", append(args, "--pid-file", u.pidFile)...)
	cmd.Env = append(os.Environ(), privately(u.dir)...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// status is the server's, nil if it could not be had.
func (u *upgraded) status() *httpd.Status {
	out, err := u.ctl("status", "--json")
	st := new(httpd.Status)
	if err != nil || json.Unmarshal([]byte(out), st) != nil {
		return nil
	}
	return st
}

// settled waits until one process is the server, with workers of one generation and
// without any other process, and gives its status.
func (u *upgraded) settled(workers int, forks bool) (st *httpd.Status) {
	u.t.Helper()
	u.await("one healthy server", func() bool {
		if st = u.status(); st == nil || len(st.Workers) != workers || st.PID != u.pid() {
			return false
		}
		for _, w := range st.Workers {
			if w.Generation != st.Generation || strings.Contains("SGX", w.State) {
				return false
			}
		}
		want := 1
		if forks {
			want += workers
		}
		return len(u.processes()) == want
	})
	return st
}

// stop stops the server; nothing is left of it.
func (u *upgraded) stop() {
	u.t.Helper()
	if out, err := u.ctl("ctl", "stop"); err != nil {
		u.t.Fatalf("stop: %v\n%s", err, out)
	}
	if left := u.processes(); len(left) > 0 {
		u.t.Errorf("left over: %v", left)
	}
	if _, err := os.Stat(u.pidFile); !errors.Is(err, fs.ErrNotExist) {
		u.t.Errorf("the pid file is left: %v", err)
	}
	left, _ := filepath.Glob(filepath.Join(u.dir, "bident", "*"))
	if len(left) > 0 {
		u.t.Errorf("admin sockets are left: %v", left)
	}
}
