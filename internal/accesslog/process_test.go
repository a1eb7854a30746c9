package accesslog

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The test program is also the second process that some tests need.
const (
	processPath = "ACCESSLOG_TEST_PATH"
	processName = "ACCESSLOG_TEST_NAME"

	processWriters = 3
	processLines   = 4000
)

func TestMain(m *testing.M) {
	path, ok := os.LookupEnv(processPath)
	if !ok {
		os.Exit(m.Run())
	}
	l, err := Open(path, patient)
	if err == nil {
		write(l, os.Getenv(processName), processWriters, processLines)
		err = l.Close()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// writerProcess is a command that writes numbered lines.
func writerProcess(t *testing.T, path, name string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), processPath+"="+path, processName+"="+name)
	return cmd
}

func TestProcessesShareAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	names := []string{"a", "b", "c"}
	var cmds []*exec.Cmd
	for _, name := range names {
		cmd := writerProcess(t, path, name)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		cmds = append(cmds, cmd)
	}
	for _, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	check(t, []string{path}, names, processWriters, processLines)
}

// TestProcessesShareAPipe: standard output of several processes is one pipe, and
// "-" writes to it without tearing lines.
func TestProcessesShareAPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	names := []string{"a", "b"}
	var cmds []*exec.Cmd
	for _, name := range names {
		cmd := writerProcess(t, "-", name)
		cmd.Stdout = w
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		cmds = append(cmds, cmd)
	}
	w.Close()
	all, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, all, 0o600); err != nil {
		t.Fatal(err)
	}
	check(t, []string{path}, names, processWriters, processLines)
}

// TestStandardOutputWithoutReader: a reader that is gone is an error, and does
// not kill.
func TestStandardOutputWithoutReader(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	cmd := writerProcess(t, "/dev/stdout", "a")
	cmd.Stdout = w
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Run(); err == nil || cmd.ProcessState.ExitCode() != 1 || !strings.Contains(stderr.String(), "access log: ") {
		t.Errorf("%v: %s", err, stderr.String())
	}
}
