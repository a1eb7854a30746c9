package pool

import (
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
)

// The oldest idle worker gets the next request.
func TestOldestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newCrewTest(t, 200, 3)
		a, b, c := k.idle(), k.idle(), k.idle()
		who := func() *Crew {
			var got *Crew
			task := job(func(l *Lane, _ *Task) bool { got = l.Crew(); return true })
			if err := k.queue.Do(task); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			return got
		}
		for range 5 {
			if who() != a.Crew {
				t.Error("not the oldest")
			}
		}
		var held []*holder
		for range 3 { // all lanes of a
			h := k.hold()
			<-h.begun
			synctest.Wait()
			held = append(held, h)
		}
		if who() != b.Crew {
			t.Error("not the oldest that is idle")
		}
		for _, h := range held {
			close(h.free)
			<-h.done
		}
		synctest.Wait()
		a.stop()
		if who() != b.Crew {
			t.Error("not the oldest that is left")
		}
		b.stop()
		c.stop()
	})
}

// Thousands of workers use a ring of few stations, which are given out again
// while requests come all the time.
func TestStationsWrapAround(t *testing.T) {
	for _, stations := range []int{64, 130} {
		k := newCrewTest(t, stations, 7)
		over := make(chan struct{})
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				task := quick()
				for {
					select {
					case <-over:
						return
					default:
					}
					if err := k.queue.Do(task); err != nil {
						t.Errorf("Do: %v", err)
						return
					}
					runtime.Gosched() // or one processor would do nothing else
				}
			})
		}
		oldest := k.crew(0, nil) // stays for ever: the others wrap around it
		var crews []*testCrew
		for i := range 1500 {
			crews = append(crews, k.crew(0, nil))
			if len(crews) > 5 {
				// Neither in the order of birth nor in the reverse.
				j := i * 7 % len(crews)
				crews[j].stop()
				crews = append(crews[:j], crews[j+1:]...)
			}
		}
		close(over)
		wg.Wait()
		oldest.stop()
		for _, c := range crews {
			c.stop()
		}
		if k.offers() != 0 {
			t.Errorf("%d offers are left", k.offers())
		}
		for i := range k.queue.free {
			if !k.queue.free[i] || k.queue.idle.lanes[i].Load() != nil {
				t.Errorf("station %d is not free", i)
			}
		}
	}
}

func TestStationsTakeEach(t *testing.T) {
	for _, n := range []int{1, 64, 65, 200} {
		s := newStations(n)
		lanes := make([]Lane, s.size())
		for i := range lanes {
			s.lanes[i].Store(&lanes[i])
		}
		for _, oldest := range []int{0, 1, 63, s.size() / 2, s.size() - 1} {
			s.oldest.Store(uint32(oldest))
			for i := range lanes {
				s.offer(i)
			}
			for i := range lanes {
				if want := &lanes[(oldest+i)%len(lanes)]; s.take() != want {
					t.Fatalf("%d stations, oldest %d: take %d is out of order", n, oldest, i)
				}
			}
			if s.take() != nil || s.withdraw(0) {
				t.Error("something is left")
			}
		}
	}
}

func TestNoStations(t *testing.T) {
	k := newCrewTest(t, 64, 40)
	c := k.crew(0, nil)
	if _, err := k.queue.NewCrew(k.board, 1, CrewHooks{}); !errors.Is(err, ErrNoStations) {
		t.Errorf("80 lanes at 64 stations: %v", err)
	}
	c.stop()
	c = k.crew(0, nil)
	c.stop()
}

// No request is left waiting beside an idle lane, however submitters and lanes
// are interleaved.
func TestNoLostWakeup(t *testing.T) {
	for _, lanes := range []int{1, 3} {
		k := newCrewTest(t, 64, lanes)
		c := k.crew(0, nil)
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				task := job(func(*Lane, *Task) bool {
					if i%3 == 0 {
						runtime.Gosched()
					}
					return true
				})
				for range 3000 {
					if err := k.queue.Do(task); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if k.queue.Waiting() != 0 {
			t.Errorf("%d wait", k.queue.Waiting())
		}
		c.stop()
	}
}
