package fork

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bident/bident/pool"
)

// roomy is a limit of memory that children are below until they grow: the race
// detector makes them large.
const roomy = 100 << 20

const frequent = 5 * time.Millisecond

// often makes the looks at memory frequent.
func often(change func(*Config)) func(*Config) {
	return func(c *Config) {
		if c.weighing = frequent; change != nil {
			change(c)
		}
	}
}

// watched are all ways in which a child gets its requests.
func watched(t *testing.T) map[string]func(*Config) {
	seats := mustOpenSeats(t, 2, Address{Network: "tcp", Address: "127.0.0.1:0"})
	return map[string]func(*Config){
		"go": nil, "external": external, "slot": func(c *Config) { c.Accept, c.Seats = Slot, seats },
	}
}

// asker gives a request to the worker, whichever way it gets it.
func (h *harness) asker(t *testing.T) func(string) (string, error) {
	if h.config.Seats != nil {
		c := dial(t, h.config.Seats.Addrs()[0])
		return func(line string) (string, error) { return c.try(line) }
	}
	return func(line string) (string, error) { return h.begin(line)() }
}

func TestMaxMemory(t *testing.T) {
	for name, change := range watched(t) {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, often(change))
			h.pool.MaxMemory = roomy
			w, other := h.ready(0), h.ready(1)
			ask := h.asker(t)
			if _, err := ask("grow"); err != nil {
				t.Fatal(err)
			}
			if resident(w.PID()) < roomy {
				w, other = other, w
			}
			if rss := resident(w.PID()); rss < roomy {
				t.Errorf("%d octets of memory", rss)
			}
			if e := w.expect(pool.Expiring); e.Cause != pool.CauseMaxMemory {
				t.Errorf("%+v", e)
			}
			if pid, err := ask("pid"); err != nil || name == "slot" && pid != itoa(w.PID()) {
				t.Errorf("it does not serve any more: %s, %v", pid, err)
			}
			// The next look says nothing new, and nothing of the other one.
			time.Sleep(10 * frequent) // nothing is to happen
			w.Retire()
			if h.config.Seats == nil {
				w.left("", "")
			}
			if len(other.events) > 0 {
				t.Errorf("the other one reports %+v", <-other.events)
			}
		})
	}
}

func TestKillMemory(t *testing.T) {
	for name, change := range watched(t) {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, often(change))
			h.pool.KillMemory = roomy
			w := h.ready(0)
			if answer, err := h.asker(t)("grow and hang"); err == nil || name != "slot" && !errors.Is(err, pool.ErrKilled) {
				t.Errorf("answer %q, %v", answer, err)
			}
			if e := w.left(pool.CauseMaxMemory, "signal: killed"); e.Request != "GET /grow and hang" {
				t.Errorf("request in hand: %q", e.Request)
			}
			if strings.Contains(h.log.String(), "goroutine") {
				t.Error("it was asked for its stacks")
			}
		})
	}
	t.Run("starting", func(t *testing.T) {
		h := newHarness(t, often(func(c *Config) { c.Payload = []byte("grows") }))
		h.pool.KillMemory, h.pool.MaxMemory = roomy, 1
		if e := h.start(0, 0).left(pool.CauseStart, "signal: killed"); !errors.Is(e.Err, errMemory) {
			t.Errorf("%v", e.Err)
		}
	})
}

// TestLostDeath: the news of a death gets lost, and the next look finds it.
func TestLostDeath(t *testing.T) {
	for name, change := range watched(t) {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, change)
			h.pool.CheckForDead = 10 * time.Millisecond
			w := h.ready(0)
			r, held, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			defer held.Close()
			raw, err := w.Worker.(*process).pidfd.SyscallConn()
			if err != nil {
				t.Fatal(err)
			}
			// From now on nothing ever comes where the end is waited for.
			_ = raw.Control(func(fd uintptr) { err = unix.Dup3(int(r.Fd()), int(fd), unix.O_CLOEXEC) })
			if err != nil {
				t.Fatal(err)
			}
			syscall.Kill(w.PID(), syscall.SIGKILL)
			w.left(pool.CauseCrash, "signal: killed")
			if letter := processLetter(w.PID()); letter != 0 {
				t.Errorf("it is still there: %c", letter)
			}
		})
	}
}

// TestNothingToLookAt: without limits nobody wakes up.
func TestNothingToLookAt(t *testing.T) {
	h := newHarness(t, nil)
	h.ready(0)
	limited, leaving, every := needs(h.backend.born())
	if limited || leaving || every != 0 {
		t.Errorf("memory %t, leaving %t, deaths every %s", limited, leaving, every)
	}
	h = newHarness(t, nil)
	h.pool.CheckForDead, h.pool.KillMemory = time.Hour, 1<<40
	h.ready(0)
	if limited, leaving, every := needs(h.backend.born()); !limited || leaving || every != time.Hour {
		t.Errorf("memory %t, leaving %t, deaths every %s", limited, leaving, every)
	}
}
