package fork

import (
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/bident/bident/pool"
)

// TestEveryWorkerIsReportedOnce does everything to workers at any moment of
// their lives: in the end each must have been reported as exited, once and last.
func TestEveryWorkerIsReportedOnce(t *testing.T) {
	seats := mustOpenSeats(t, 4, Address{Network: "tcp", Address: "127.0.0.1:0"})
	var crowd crowd
	type shape struct {
		name   string
		change func(*Config)
	}
	kinds := []shape{{"slot", func(c *Config) { c.Accept, c.Seats = Slot, seats }}, {"dispatch", crowd.dispatch}}
	for _, s := range shapes {
		kinds = append(kinds, s)
	}
	for _, shape := range kinds {
		t.Run(shape.name, func(t *testing.T) {
			h := newHarness(t, shape.change)
			before := len(strings.Fields(openDescriptors()))
			var starting sync.Mutex
			var all sync.WaitGroup
			for slot := range 4 {
				all.Add(1)
				go func() {
					defer all.Done()
					predecessor := int64(0)
					for range 15 {
						starting.Lock()
						w := h.start(slot, predecessor)
						starting.Unlock()
						predecessor = w.id
						harass(w)
						for e := range w.events {
							if e.Kind == pool.Exited {
								break
							}
							harass(w)
							w.Retire() // at the latest
						}
						if n := len(w.events); n > 0 {
							t.Errorf("%d reports after the exit", n)
						}
					}
				}()
			}
			all.Wait()
			until(t, "descriptors as before", func() bool {
				return len(strings.Fields(openDescriptors())) <= before
			})
		})
	}
	for c, told := range crowd.told {
		if told != "join leave " {
			t.Errorf("of %d, which is gone, it was told %q", c.PID(), told)
		}
	}
}

// harass does two things at a time to a worker, or nothing.
func harass(w *worker) {
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			switch rand.IntN(4) {
			case 0:
				w.Retire()
			case 1:
				w.Kill()
			case 2:
				if pid := w.PID(); pid > 0 {
					syscall.Kill(pid, syscall.SIGKILL)
				}
			}
		})
	}
	both.Wait()
}
