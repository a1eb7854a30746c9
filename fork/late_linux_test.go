package fork

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bident/bident/internal/fdpass"
	"github.com/bident/bident/pool"
)

func itoa(n int) string { return strconv.Itoa(n) }

// late kills a worker because of a limit of time.
func (w *worker) late(limit string) { w.Worker.(pool.LateWorker).KillLate(limit) }

// TestStacks: a child tells what it does before it is killed late, in one record of
// the log, and those who wait for it do not wait for that.
func TestStacks(t *testing.T) {
	for _, c := range []struct{ ask, exit, inLog string }{
		{"hang", "signal: quit", "(*lineServer).answer"},
		{"spin", "signal: quit", "fork.spin"}, // it is running, and tells nevertheless
		{"many", "signal: quit", " octets more]"},
		{"defiant", "signal: killed", ""},
	} {
		t.Run(c.ask, func(t *testing.T) {
			h := newHarness(t, func(c *Config) { c.GOMAXPROCS = 1 })
			w := h.ready(0)
			wait := h.begin(c.ask)
			h.busy(0)
			until(t, "the handler hangs", func() bool { return strings.Contains(h.log.String(), "about to hang") })
			before := time.Now()
			w.late("retire_timeout")
			if _, err := wait(); !errors.Is(err, pool.ErrKilled) {
				t.Errorf("got %v, want ErrKilled", err)
			}
			if c.ask == "defiant" && time.Since(before) > stacksPatience/2 {
				t.Errorf("whoever asked has waited %s", time.Since(before))
			}
			w.left("", c.exit)
			var records []string
			for line := range strings.Lines(h.log.String()) {
				if strings.Contains(line, "goroutine ") {
					records = append(records, line)
				}
			}
			if c.inLog == "" {
				if len(records) > 0 {
					t.Errorf("log: %s", h.log)
				}
				return
			}
			if len(records) != 1 {
				t.Fatalf("%d records", len(records))
			}
			for _, part := range []string{c.inLog, "limit=retire_timeout", "slot=0", "pid=" + itoa(w.PID()), "level=WARN"} {
				if !strings.Contains(records[0], part) {
					t.Errorf("%q is not in %.2000s", part, records[0])
				}
			}
			if n := len(records[0]); n > 2*stacksMost {
				t.Errorf("the record has %d octets", n)
			}
		})
	}
}

// TestKilledLate: who cannot tell is killed at once.
func TestKilledLate(t *testing.T) {
	for name, change := range map[string]func(*Config){"external": external, "stopped": nil, "never ready": func(c *Config) {
		c.Payload = []byte("deaf")
	}} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, change)
			w := h.start(0, 0)
			exit := "signal: killed"
			if name == "never ready" {
				until(t, "born", func() bool { return w.PID() > 0 })
				exit = "signal: quit"
			} else {
				w.expect(pool.Ready)
			}
			if name == "stopped" {
				stop(t, w.PID())
			}
			w.late("start_timeout")
			e := w.expect(pool.Exited)
			if e.Exit != exit {
				t.Errorf("%+v", e)
			}
			w.late("again")
		})
	}
}

// TestFullControl: a child that reads nothing keeps nobody waiting, however much it is
// told; what matters it finds when it goes on.
func TestFullControl(t *testing.T) {
	h := newHarness(t, nil)
	w, other := h.ready(0), h.ready(1)
	stop(t, w.PID())
	var full error
	for !errors.Is(full, fdpass.ErrFull) {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		full = h.backend.GiveAll("again", f)
	}
	w.Retire()
	other.Retire()
	other.left("", "")
	if len(w.events) > 0 {
		t.Fatalf("%+v", <-w.events)
	}
	syscall.Kill(w.PID(), syscall.SIGCONT)
	w.left("", "")
}
