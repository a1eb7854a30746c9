package pool

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestQueueExactMaxRequests(t *testing.T) {
	for _, lanes := range []int{1, 4} {
		t.Run(fmt.Sprintf("c=%d", lanes), func(t *testing.T) {
			const limit, submitters, each = 7, 64, 70
			k := newCrewTest(t, 64, lanes)
			k.slot = 0
			var crews []*testCrew
			var mu sync.Mutex
			live := func() {
				mu.Lock()
				defer mu.Unlock()
				crews = append(crews, k.crew(limit, nil))
			}
			// As the supervisor would: for each worker that has begun its last
			// request another one.
			replace := make(chan struct{}, 4096)
			var per sync.Map
			var total atomic.Int64
			replaced := make(chan struct{})
			go func() {
				defer close(replaced)
				for range replace {
					live()
				}
			}()
			live()
			live()
			var wg sync.WaitGroup
			for range submitters {
				wg.Go(func() {
					task := job(func(l *Lane, _ *Task) bool {
						total.Add(1)
						n, _ := per.LoadOrStore(l.Crew(), new(atomic.Int64))
						count := n.(*atomic.Int64).Add(1)
						if count > limit || l.Served() > limit || l.Served() == 0 {
							t.Errorf("request %d (%d) of a worker with a limit of %d", count, l.Served(), limit)
						}
						if l.Served() == limit {
							go l.Crew().Retire() // frees the stations
							replace <- struct{}{}
						}
						return true
					})
					for range each {
						if err := k.queue.Do(task); err != nil {
							t.Errorf("Do: %v", err)
						}
					}
				})
			}
			wg.Wait()
			close(replace)
			<-replaced
			if total.Load() != submitters*each {
				t.Errorf("%d requests run, %d asked for", total.Load(), submitters*each)
			}
			exact := 0
			per.Range(func(_, n any) bool {
				if n.(*atomic.Int64).Load() == limit {
					exact++
				}
				return true
			})
			if want := submitters * each / limit; exact < want-2 || exact > want {
				t.Errorf("%d workers were used to their end, expected about %d", exact, want)
			}
			k.queue.mu.Lock()
			rest := slices.Clone(k.queue.crews)
			k.queue.mu.Unlock()
			for _, c := range rest {
				c.Retire()
			}
			mu.Lock()
			defer mu.Unlock()
			for _, c := range crews {
				<-c.gone
				c.lanes.Wait()
			}
		})
	}
}

func TestQueueFIFO(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newCrewTest(t, 4, 1)
		c := k.idle()
		h := k.hold()
		<-h.begun
		var order []int
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				task := job(func(*Lane, *Task) bool { order = append(order, i); return true })
				if err := k.queue.Do(task); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait() // it waits in the list now
		}
		if k.queue.Waiting() != 20 {
			t.Errorf("%d wait", k.queue.Waiting())
		}
		close(h.free)
		wg.Wait()
		if !slices.IsSorted(order) || len(order) != 20 {
			t.Errorf("order %v", order)
		}
		if got := k.queue.Totals(); got != (QueueTotals{Queued: 20}) {
			t.Errorf("totals %+v", got)
		}
		c.stop()
	})
}

func TestQueueFullTimeoutClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newCrewTest(t, 4, 1)
		k.queue.Configure(2, 5*time.Second, 0)
		c := k.idle()
		h := k.hold()
		<-h.begun
		start := time.Now()
		late := make(chan error, 2)
		go func() { late <- k.queue.Do(quick()) }()
		go func() { late <- k.queue.Do(quick()) }()
		synctest.Wait()
		if err := k.queue.Do(quick()); !errors.Is(err, ErrQueueFull) {
			t.Errorf("third waiter: %v", err)
		}
		for range 2 {
			if err := <-late; !errors.Is(err, ErrQueueTimeout) || time.Since(start) != 5*time.Second {
				t.Errorf("waiter: %v after %s", err, time.Since(start))
			}
		}
		// A closed queue refuses those that wait and those that come.
		reused := quick()
		go func() { late <- k.queue.Do(reused) }()
		synctest.Wait()
		k.queue.Close()
		if err := <-late; !errors.Is(err, ErrQueueClosed) {
			t.Errorf("waiter at Close: %v", err)
		}
		if err := k.queue.Do(quick()); !errors.Is(err, ErrQueueClosed) {
			t.Errorf("after Close: %v", err)
		}
		k.queue.Reopen()
		close(h.free)
		if err := <-h.done; err != nil {
			t.Error(err)
		}
		if err := k.queue.Do(reused); err != nil {
			t.Errorf("after Reopen: %v", err)
		}
		if got := k.queue.Totals(); got.Shed != 3 || got.Timeouts != 0 {
			t.Errorf("totals %+v", got)
		}
		// No waiting at all.
		k.queue.Configure(0, 0, 0)
		synctest.Wait()
		h = k.hold()
		<-h.begun
		if err := k.queue.Do(quick()); !errors.Is(err, ErrQueueFull) {
			t.Errorf("without a queue: %v", err)
		}
		close(h.free)
		<-h.done
		c.stop()
	})
}

func TestQueueRequestTimeout(t *testing.T) {
	for _, waits := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			k := newCrewTest(t, 4, 1)
			k.queue.Configure(8, 0, 10*time.Second)
			c := k.idle()
			if waits {
				// The limit counts from the begin, not from the arrival.
				h := k.hold()
				<-h.begun
				time.AfterFunc(7*time.Second, func() { close(h.free) })
			}
			start := time.Now()
			h := k.hold()
			<-h.begun
			begun := time.Since(start)
			if err := <-h.done; !errors.Is(err, ErrRequestTimeout) || time.Since(start)-begun != 10*time.Second {
				t.Errorf("%v, %s after its begin", err, time.Since(start)-begun)
			}
			if !h.task.Abandoned() || *c.runners[0].killed.Load() != ErrRequestTimeout {
				t.Error("the handler was not told")
			}
			if got := k.kinds(); !slices.Equal(got, []EventKind{Wedged}) {
				t.Errorf("events %v", got)
			}
			if c.row.LostLanes() != 1 || k.queue.Totals() != (QueueTotals{Queued: k.queue.queued.Load(), Timeouts: 1, Lost: 1}) {
				t.Errorf("lost %d, %+v", c.row.LostLanes(), k.queue.Totals())
			}
			if k.board.Line(0, 0).State() != Lost {
				t.Errorf("state %v", k.board.Line(0, 0).State())
			}
			c.Retire()
			<-c.ended
			select {
			case <-c.gone:
				t.Error("gone while the handler runs")
			default:
			}
			close(h.free)
			<-c.gone
			c.lanes.Wait()
			if c.row.LostLanes() != 0 || k.queue.Totals().Lost != 0 || c.Lost() != 0 || k.board.Line(0, 0).State() != Free {
				t.Error("the handler came back and still counts as lost")
			}
		})
	}
}

// An answer that comes at the very moment of the timeout: exactly one of the two
// wins, and a lane that was given up takes nothing more.
func TestQueueAnswerRacesTimeout(t *testing.T) {
	k := newCrewTest(t, 4, 1)
	k.queue.Configure(8, 0, 100*time.Microsecond)
	var answered, abandoned int
	for range 400 {
		c := k.crew(0, nil)
		task := job(func(*Lane, *Task) bool {
			for start := time.Now(); time.Since(start) < 100*time.Microsecond; {
				runtime.Gosched()
			}
			return true
		})
		switch err := k.queue.Do(task); {
		case err == nil:
			answered++
			c.Retire()
		case errors.Is(err, ErrRequestTimeout):
			abandoned++
			// The next request finds no lane, and must not get the lost one.
			if k.queue.idle.take() != nil {
				t.Fatal("the lane that was given up offers itself")
			}
			c.Retire()
		default:
			t.Fatal(err)
		}
		<-c.gone
		c.lanes.Wait()
		if n := c.runners[0].closed.Load(); n != 1 {
			t.Fatalf("closed %d times", n)
		}
	}
	if lost := k.queue.Totals().Lost; lost != 0 {
		t.Errorf("%d lost", lost)
	}
	t.Logf("%d answered, %d abandoned", answered, abandoned)
}

// TestQueueBeforeRun: a front that takes a request before the supervisor runs finds a
// queue that lets it wait.
func TestQueueBeforeRun(t *testing.T) {
	q := NewQueue(1)
	New(Config{MaxServers: 1, QueueSize: 1}, Options{Queue: q})
	if err := q.Admits(); err != nil {
		t.Error(err)
	}
}
