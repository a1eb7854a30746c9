package pool

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

func TestQueueKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newCrewTest(t, 8, 2)
		c := k.idle()
		h := k.hold()
		<-h.begun
		c.Kill()
		if err := <-h.done; !errors.Is(err, ErrKilled) {
			t.Errorf("request in hand: %v", err)
		}
		if c.runners[0].killed.Load() == nil || c.runners[1].killed.Load() != nil {
			t.Error("the busy lane is killed, the idle one is not")
		}
		<-c.ended
		c.Kill()
		c.Retire()
		close(h.free)
		<-c.gone
		c.lanes.Wait()
		if len(k.kinds()) != 0 {
			t.Errorf("events %v", k.kinds())
		}
	})
}

// Kill against lanes that are at every point of a request: every request has an
// outcome, those that had not begun are answered by the next worker.
func TestQueueKillRaces(t *testing.T) {
	k := newCrewTest(t, 64, 4)
	var killed, served atomic.Int64
	over := make(chan struct{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			task := quick()
			for {
				select {
				case <-over:
					return
				default:
				}
				switch err := k.queue.Do(task); {
				case err == nil:
					served.Add(1)
				case errors.Is(err, ErrKilled):
					killed.Add(1)
					task = quick() // the old one belongs to the handler
				default:
					t.Error(err)
				}
				runtime.Gosched() // or one processor would do nothing else
			}
		})
	}
	c := k.crew(0, nil)
	rounds := 500
	if runtime.GOMAXPROCS(0) == 1 {
		rounds = 20 // each waits for several turns of ten milliseconds there
	}
	for range rounds {
		next := k.crew(0, nil)
		c.Kill()
		<-c.gone
		c.lanes.Wait()
		c.Retire() // late, when the stations are another crew's
		c.Kill()
		c = next
	}
	close(over)
	wg.Wait()
	c.stop()
	if served.Load() == 0 {
		t.Error("nothing was served")
	}
	if got := k.queue.Totals(); got.Lost != 0 || k.queue.Waiting() != 0 {
		t.Errorf("totals %+v, %d wait", got, k.queue.Waiting())
	}
	t.Logf("%d served, %d killed", served.Load(), killed.Load())
}
