package fork

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// newTestLauncher makes a launcher that is closed with the test.
func newTestLauncher(t *testing.T, i Isolation) *Launcher {
	t.Helper()
	l, err := NewLauncher(LauncherConfig{Program: []string{"/bin/sh"}, Isolation: i})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// startShell starts a shell with that to do.
func startShell(t *testing.T, l *Launcher, script string, input bool) *Errand {
	t.Helper()
	e, err := l.Start(Program{Path: l.Path(), Args: []string{"sh", "-c", script}, Env: []string{"A=b c"}, Input: input})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// said is all that an errand writes to standard output.
func said(t *testing.T, e *Errand) string {
	t.Helper()
	text, err := io.ReadAll(e.Output())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// buried is how an errand ended.
func buried(t *testing.T, e *Errand) string {
	t.Helper()
	exit, err := e.Bury()
	if err != nil {
		t.Error(err)
	}
	return exit
}

func TestErrand(t *testing.T) {
	for name, i := range map[string]Isolation{"plain": {}, "isolated": {Nice: 1, NoNewPrivs: true}} {
		t.Run(name, func(t *testing.T) {
			l := newTestLauncher(t, i)
			e := startShell(t, l, `read x; echo "$A $x"; ls -l /proc/self/fd | grep -c -- '->'; nice >&2; exit 3`, true)
			io.WriteString(e.Input(), "hello\n")
			e.Input().Close()
			// ls has a descriptor of the directory beside the three.
			if got := said(t, e); got != "b c hello\n4\n" {
				t.Errorf("%q", got)
			}
			nice, _ := io.ReadAll(e.Errors())
			if want := map[bool]string{true: "0\n", false: "1\n"}[i.None()]; string(nice) != want {
				t.Errorf("nice %q, expected %q", nice, want)
			}
			if exit := buried(t, e); exit != "exit 3" {
				t.Error(exit)
			}
			if err := syscall.Kill(e.PID(), 0); err != syscall.ESRCH {
				t.Errorf("it is still there: %v", err)
			}
			e.Terminate()
			e.Kill()
		})
	}
}

func TestErrandCannotStart(t *testing.T) {
	for name, i := range map[string]Isolation{"plain": {}, "isolated": {Nice: 1}} {
		t.Run(name, func(t *testing.T) {
			l := newTestLauncher(t, i)
			path := filepath.Join(t.TempDir(), "script")
			if err := os.WriteFile(path, []byte("#!/does/not/exist\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			e, err := l.Start(Program{Path: path, Args: []string{path}})
			if err == nil {
				_, err = e.Bury()
				e.Close()
			}
			if !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%v", err)
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			if len(l.live) > 0 {
				t.Errorf("%d left", len(l.live))
			}
		})
	}
	if _, err := NewLauncher(LauncherConfig{Program: []string{"/does/not/exist"}}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// TestErrandGroup checks that nothing is left of what an errand has started.
func TestErrandGroup(t *testing.T) {
	l := newTestLauncher(t, Isolation{})
	t.Run("ends", func(t *testing.T) {
		e := startShell(t, l, `sleep 1000 & echo up`, false)
		<-e.Ended()
		if exit := buried(t, e); exit != "" {
			t.Error(exit)
		}
		if got := said(t, e); got != "up\n" { // and the end of it
			t.Errorf("%q", got)
		}
	})
	t.Run("terminated", func(t *testing.T) {
		e := startShell(t, l, `trap "echo bye; exit 5" TERM; echo up; sleep 1000 & wait`, false)
		buf := make([]byte, 3)
		io.ReadFull(e.Output(), buf)
		e.Terminate()
		if exit := buried(t, e); exit != "exit 5" {
			t.Error(exit)
		}
		if got := said(t, e); got != "bye\n" {
			t.Errorf("%q", got)
		}
	})
	t.Run("stubborn", func(t *testing.T) {
		e := startShell(t, l, `trap "" TERM; echo up; while :; do sleep 1000; done`, false)
		buf := make([]byte, 3)
		io.ReadFull(e.Output(), buf)
		e.Terminate()
		if exit := buried(t, e); exit != "signal: killed" {
			t.Error(exit)
		}
		said(t, e) // comes to its end
	})
}

func TestLauncherClose(t *testing.T) {
	l := newTestLauncher(t, Isolation{})
	e := startShell(t, l, "sleep 1000", false)
	closed := make(chan struct{})
	go func() { l.Close(); close(closed) }()
	if exit := buried(t, e); !strings.HasPrefix(exit, "signal") {
		t.Error(exit)
	}
	select {
	case <-closed:
	case <-time.After(20 * time.Second):
		t.Fatal("not closed")
	}
	if _, err := l.Start(Program{Path: "/bin/sh", Args: []string{"sh"}}); !errors.Is(err, ErrClosed) {
		t.Errorf("%v", err)
	}
}
