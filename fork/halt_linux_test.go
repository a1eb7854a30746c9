package fork

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bident/bident/pool"
)

// halts counts how often the log says that a child is stopped.
func (h *harness) halts() int { return strings.Count(h.log.String(), "worker is stopped") }

// TestHalted: a child that is stopped asks for its replacement, once, gets nothing
// more, and is killed when it is to leave.
func TestHalted(t *testing.T) {
	for name, change := range watched(t) {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, change)
			h.pool.CheckForDead = 5 * time.Millisecond
			w := h.ready(0)
			if h.config.Seats == nil {
				hanging := h.begin("hang")
				h.busy(0)
				defer func() {
					if _, err := hanging(); !errors.Is(err, pool.ErrKilled) {
						t.Errorf("its request ended with %v", err)
					}
				}()
			}
			stop(t, w.PID())
			if e := w.expect(pool.Spent); e.Cause != pool.CauseKilled {
				t.Errorf("%+v", e)
			}
			other := h.ready(1)
			if pid, err := h.asker(t)("pid"); err != nil || pid != itoa(other.PID()) {
				t.Errorf("the answer comes from %s (%v), not from %d", pid, err, other.PID())
			}
			if len(w.events) > 0 || dead(w.PID()) {
				t.Error("it was not told to leave")
			}
			w.Retire()
			w.left(pool.CauseKilled, "signal: killed")
			if n := h.halts(); n != 1 {
				t.Errorf("told %d times:\n%s", n, h.log)
			}
		})
	}
}

// TestHaltedStarting: start_timeout may be none.
func TestHaltedStarting(t *testing.T) {
	h := newHarness(t, func(c *Config) { c.Payload = []byte("never ready") })
	h.pool.CheckForDead = 5 * time.Millisecond
	w := h.start(0, 0)
	until(t, "born", func() bool { return w.PID() > 0 })
	stop(t, w.PID())
	w.expect(pool.Spent)
	w.Retire()
	w.left(pool.CauseKilled, "signal: killed")
}

// TestHaltedGoesOn: one that goes on before it is killed leaves as it is told to.
func TestHaltedGoesOn(t *testing.T) {
	for name, change := range watched(t) {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, change)
			h.pool.CheckForDead = 5 * time.Millisecond
			w := h.ready(0)
			stop(t, w.PID())
			w.expect(pool.Spent)
			syscall.Kill(w.PID(), syscall.SIGCONT)
			if h.config.Seats != nil {
				until(t, "running", func() bool { return processState(w.PID()) == 'S' })
				w.Retire()
			} // else it is gone already: it has no lanes
			w.left("", "")
		})
	}
}

// TestHaltedLeaving: it is killed also if nobody looks for the dead.
func TestHaltedLeaving(t *testing.T) {
	for name, change := range watched(t) {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, func(c *Config) {
				if c.heedPatience = 20 * time.Millisecond; change != nil {
					change(c)
				}
			})
			w := h.ready(0)
			stop(t, w.PID())
			w.Retire()
			w.left(pool.CauseKilled, "signal: killed")
		})
	}
	// A child that runs may take its time.
	t.Run("runs", func(t *testing.T) {
		seats := mustOpenSeats(t, 1, Address{Network: "tcp", Address: "127.0.0.1:0"})
		h := newHarness(t, func(c *Config) {
			c.Accept, c.Seats, c.heedPatience, c.Payload = Slot, seats, time.Millisecond, []byte("stays")
		})
		w := h.ready(0)
		c := dial(t, seats.Addrs()[0])
		w.Retire()
		for range 100 {
			if pid, err := c.try("pid"); err != nil || pid != itoa(w.PID()) {
				t.Fatalf("%s, %v", pid, err)
			}
		}
		if len(w.events) > 0 {
			t.Errorf("%+v", <-w.events)
		}
	})
}
