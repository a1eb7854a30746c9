package fork

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bident/bident/pool"
)

var shapes = []struct {
	name   string
	change func(*Config)
}{
	{"go", nil},
	{"external", external},
	// By way of the shim everything is the same.
	{"isolated go", func(c *Config) { c.Isolation.Umask = "022" }},
	{"isolated external", func(c *Config) { external(c); c.Isolation.Umask = "022" }},
}

func TestExchange(t *testing.T) {
	for _, shape := range shapes {
		t.Run(shape.name, func(t *testing.T) {
			h := newHarness(t, shape.change)
			w := h.ready(0)
			if w.PID() == 0 || h.board.Row(0).PID() != w.PID() {
				t.Errorf("PID %d, in the scoreboard %d", w.PID(), h.board.Row(0).PID())
			}
			for range 3 {
				if got := h.ask("pid"); got != strconv.Itoa(w.PID()) {
					t.Errorf("answered by %s, want %d", got, w.PID())
				}
			}
			w.Retire()
			w.Retire()
			w.left("", "")
		})
	}
}

func TestRetireBusy(t *testing.T) {
	for _, shape := range shapes {
		t.Run(shape.name, func(t *testing.T) {
			h := newHarness(t, shape.change)
			w := h.ready(0)
			// Stopped, the child cannot answer before the worker was told.
			stop(t, w.PID())
			wait := h.begin("hello")
			h.busy(0)
			w.Retire()
			syscall.Kill(w.PID(), syscall.SIGCONT)
			if answer, err := wait(); answer != "hello" || err != nil {
				t.Errorf("answer %q, %v", answer, err)
			}
			w.left("", "")
		})
	}
}

func TestCrash(t *testing.T) {
	for _, shape := range shapes {
		for _, c := range []struct{ ask, exit, inLog string }{
			{"exit 3", "exit 3", ""},
			{"panic", "exit 2", "it hurts"},
			{"goroutine", "exit 2", "it hurts elsewhere"},
		} {
			t.Run(shape.name+"/"+c.ask, func(t *testing.T) {
				h := newHarness(t, shape.change)
				w := h.ready(0)
				if answer, err := h.begin(c.ask)(); err == nil {
					t.Errorf("answer %q", answer)
				}
				e := w.left(pool.CauseCrash, c.exit)
				if e.Request != "GET /"+c.ask {
					t.Errorf("request in hand: %q", e.Request)
				}
				if !strings.Contains(h.log.String(), c.inLog) {
					t.Errorf("log lacks %q", c.inLog)
				}
			})
		}
	}
}

func TestKilledFromOutside(t *testing.T) {
	for _, shape := range shapes {
		t.Run(shape.name, func(t *testing.T) {
			h := newHarness(t, shape.change)
			w := h.ready(0)
			wait := h.begin("hang")
			h.busy(0)
			syscall.Kill(w.PID(), syscall.SIGKILL)
			if _, err := wait(); err == nil {
				t.Error("the request was answered")
			}
			if e := w.left(pool.CauseCrash, "signal: killed"); e.Request != "GET /hang" {
				t.Errorf("request in hand: %q", e.Request)
			}
			idle := h.ready(0)
			syscall.Kill(idle.PID(), syscall.SIGKILL)
			if e := idle.left(pool.CauseCrash, "signal: killed"); e.Request != "" {
				t.Errorf("request in hand: %q", e.Request)
			}
		})
	}
}

func TestKillStuck(t *testing.T) {
	for _, shape := range shapes {
		t.Run(shape.name, func(t *testing.T) {
			h := newHarness(t, shape.change)
			w := h.ready(0)
			wait := h.begin("hang")
			h.busy(0)
			w.Kill()
			if _, err := wait(); !errors.Is(err, pool.ErrKilled) {
				t.Errorf("got %v, want ErrKilled", err)
			}
			w.left("", "signal: killed")
			w.Kill()
			w.Retire()
		})
	}
}

func TestAbandoned(t *testing.T) {
	h := newHarness(t, nil)
	w := h.ready(0)
	h.queue.Configure(100, patience, time.Millisecond)
	if _, err := h.begin("hang")(); !errors.Is(err, pool.ErrRequestTimeout) {
		t.Errorf("got %v, want ErrRequestTimeout", err)
	}
	w.expect(pool.Wedged)
	w.Kill()
	w.left(pool.CauseTimeout, "signal: killed")
}

func TestDone(t *testing.T) {
	h := newHarness(t, func(c *Config) {
		external(c)
		c.Env = append(c.Env, "FORK_TEST_EXIT=once")
	})
	w := h.ready(0)
	if got := h.ask("hello"); got != "hello" {
		t.Errorf("answer %q", got)
	}
	w.left(pool.CauseDone, "")
}

func TestDiesBeforeReady(t *testing.T) {
	for _, c := range []struct {
		payload, exit string
		want          error
		text          string
	}{
		{"dies", "exit 5", nil, "exit 5"},
		{"init fails", "exit 1", ErrInit, "no database"},
		{"garbage", "signal: killed", errMessage, ""},
	} {
		t.Run(c.payload, func(t *testing.T) {
			h := newHarness(t, func(config *Config) { config.Payload = []byte(c.payload) })
			e := h.start(0, 0).left(pool.CauseStart, c.exit)
			if e.Err == nil || c.want != nil && !errors.Is(e.Err, c.want) || !strings.Contains(e.Err.Error(), c.text) {
				t.Errorf("error %v, want %v %q", e.Err, c.want, c.text)
			}
		})
	}
}

func TestProtocolMismatch(t *testing.T) {
	h := newHarness(t, func(c *Config) { c.protocol = protocol + 1 })
	w := h.start(0, 0)
	e := w.expect(pool.Exited)
	if e.Cause != pool.CauseStart || !errors.Is(e.Err, ErrProtocol) {
		t.Errorf("%+v, want ErrProtocol", e)
	}
}

// TestGenerationsPrograms: a file that is gone, or was replaced, concerns the next
// generation only; that before it can still be added to.
func TestGenerationsPrograms(t *testing.T) {
	h := newHarness(t, nil)
	path := filepath.Join(t.TempDir(), "program")
	if err := os.Link(os.Args[0], path); err != nil {
		b, err := os.ReadFile(os.Args[0]) // another file system
		if err == nil {
			err = os.WriteFile(path, b, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	h.backend.path = path
	h.ready(0) // what this process runs
	h.generation = 8
	h.ready(1)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	h.ready(2)
	for h.generation = 9; h.generation < 12; h.generation++ {
		e := h.start(3, 0).left(pool.CauseStart, "")
		if !errors.Is(e.Err, syscall.ENOENT) {
			t.Errorf("error %v, want ENOENT", e.Err)
		}
	}
	for _, h.generation = range []int{8, 7} {
		w := h.ready(4)
		w.Retire()
		w.left("", "")
	}
	if n := len(h.backend.programs.files); n != 2 {
		t.Errorf("%d files are open", n)
	}
}

func TestToldBeforeReady(t *testing.T) {
	h := newHarness(t, func(c *Config) { c.Payload = []byte("never ready") })
	w := h.start(0, 0)
	w.Retire() // perhaps before it was forked
	w.left("", "")
	w = h.start(0, 0)
	until(t, "forked", func() bool { return w.PID() > 0 })
	w.Retire()
	w.left("", "")
	w = h.start(0, 0)
	until(t, "forked", func() bool { return w.PID() > 0 })
	w.Kill()
	w.left("", "signal: killed")
}

func TestDieTimeout(t *testing.T) {
	h := newHarness(t, func(c *Config) {
		c.Payload = []byte("stays")
		c.DieTimeout = time.Millisecond
	})
	w := h.ready(0)
	w.Retire()
	w.left(pool.CauseKilled, "signal: quit")
	if err := h.backend.SetPayload([]byte("deaf")); err != nil {
		t.Fatal(err)
	}
	w = h.start(0, 0)
	until(t, "forked", func() bool { return w.PID() > 0 })
	w.Retire()
	w.left(pool.CauseKilled, "signal: quit")
}

func TestReports(t *testing.T) {
	h := newHarness(t, nil)
	w := h.ready(0)
	h.ask("expiring")
	if e := w.expect(pool.Expiring); e.Cause != pool.CauseMaxMemory {
		t.Errorf("expiring because of %q", e.Cause)
	}
	h.begin("crashed")()
	if e := w.left(pool.CauseCrash, "exit 2"); e.Request != "GET /crash" || e.Err == nil || e.Err.Error() != "handler panicked" {
		t.Errorf("%+v", e)
	}
}

func TestOperatorTerminates(t *testing.T) {
	h := newHarness(t, nil)
	w := h.ready(0)
	h.ask("hello") // so that it has claimed itself long ago
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGHUP, syscall.SIGTERM} {
		syscall.Kill(w.PID(), s)
	}
	if e := w.expect(pool.Expiring); e.Cause != pool.CauseDone {
		t.Errorf("expiring because of %q", e.Cause)
	}
	w.Retire()
	w.left("", "")
}

func TestUnclaimed(t *testing.T) {
	h := newHarness(t, func(c *Config) { c.Payload = []byte("unclaimed") })
	h.pool.StartTimeout = time.Millisecond
	h.start(0, 0).left(pool.CauseStart, "exit 70")
	if !strings.Contains(h.log.String(), `did not run that server in time`) {
		t.Errorf("log: %s", h.log)
	}
}

func TestOutput(t *testing.T) {
	h := newHarness(t, nil)
	w := h.ready(3)
	h.ask("print")
	h.ask("long line")
	w.Retire()
	w.left("", "")
	log := h.log.String()
	for _, want := range []string{
		fmt.Sprintf("msg=\"to standard output\" slot=3 pid=%d stream=stdout", w.PID()),
		fmt.Sprintf("msg=\"to standard error\" slot=3 pid=%d stream=stderr", w.PID()),
		"msg=" + strings.Repeat("x", maxLine) + " ",
		"msg=xxxxxxxxxx ",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("log lacks %.80q", want)
		}
	}
}

func TestProcessGroupIsGone(t *testing.T) {
	for name, end := range map[string]func(*worker){
		"retired": func(w *worker) { w.Retire() },
		"killed":  func(w *worker) { w.Kill() },
		"from outside": func(w *worker) {
			syscall.Kill(w.PID(), syscall.SIGKILL)
		},
		"late": func(w *worker) { w.late("die_timeout") },
	} {
		for _, shape := range shapes {
			t.Run(shape.name+"/"+name, func(t *testing.T) {
				h := newHarness(t, shape.change)
				w := h.ready(0)
				grandchild, err := strconv.Atoi(h.ask("grandchild"))
				if err != nil {
					t.Fatal(err)
				}
				end(w)
				w.expect(pool.Exited)
				until(t, "grandchild gone", func() bool { return dead(grandchild) })
			})
		}
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("FORK_TEST_VARIABLE", "old")
	h := newHarness(t, func(c *Config) {
		c.GOMAXPROCS = 3
		c.Env = []string{"FORK_TEST_VARIABLE=new"}
	})
	h.ready(0)
	if got := h.ask("mark"); got != "false true" {
		t.Errorf("the mark is left and InChild: %s", got)
	}
	if got := h.ask("gomaxprocs"); got != "3" {
		t.Errorf("GOMAXPROCS %s", got)
	}
	env := h.ask("environ")
	if !strings.Contains(env, "FORK_TEST_VARIABLE=new") || strings.Contains(env, "FORK_TEST_VARIABLE=old") {
		t.Errorf("environment: %s", env)
	}
	cleared := newHarness(t, func(c *Config) {
		c.ClearEnv = true
		c.Env = []string{"A=1", "B=2"}
	})
	cleared.ready(0)
	if got := cleared.ask("environ"); got != "A=1 B=2" {
		t.Errorf("environment: %s", got)
	}
}

func TestConfigurationErrors(t *testing.T) {
	_, err := New(Config{Accept: Slot, Program: []string{""}, GOMAXPROCS: -1, DieTimeout: -5})
	if !errors.Is(err, ErrConfig) {
		t.Fatalf("got %v", err)
	}
	if n := len(strings.Split(err.Error(), "\n")); n != 5 {
		t.Errorf("%d problems: %v", n, err)
	}
	q := pool.NewQueue(1)
	_, err = New(Config{Program: []string{"/no/such/program"}, Queue: q, Runner: newLineRunner})
	if !errors.Is(err, syscall.ENOENT) {
		t.Errorf("got %v, want ENOENT", err)
	}
}
