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

// crewTest is a queue with crews whose lanes run what the jobs say.
type crewTest struct {
	t     testing.TB
	queue *Queue
	board *Scoreboard
	lanes int
	slot  int

	mu     sync.Mutex
	events []Event
	ended  sync.WaitGroup
}

func newBoard(t testing.TB, slots, lanes int) *Scoreboard {
	t.Helper()
	words := make([]uint64, (ScoreboardSize(slots, lanes)+7)/8)
	b, err := NewScoreboard(bytesOf(words), slots, lanes)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func newCrewTest(t testing.TB, stations, lanes int) *crewTest {
	k := &crewTest{t: t, queue: NewQueue(stations), board: newBoard(t, 64, lanes), lanes: lanes}
	k.queue.Configure(1024, 0, 0)
	return k
}

// funcRunner runs jobs that are functions.
type funcRunner struct {
	check  func() bool
	killed atomic.Pointer[error]
	kills  chan error
	closed atomic.Int32
}

func (r *funcRunner) Check() bool { return r.check == nil || r.check() }
func (r *funcRunner) Run(l *Lane, t *Task) bool {
	if f, ok := t.Job.(func(*Lane, *Task) bool); ok {
		return f(l, t)
	}
	return true
}
func (r *funcRunner) Kill(cause error) {
	r.killed.Store(&cause)
	if r.kills != nil {
		r.kills <- cause
	}
}
func (r *funcRunner) Close() { r.closed.Add(1) }

type testCrew struct {
	*Crew
	runners []*funcRunner
	ended   chan struct{}
	gone    chan struct{}
	lanes   sync.WaitGroup
}

// crew starts a worker that may begin limit requests.
func (k *crewTest) crew(limit uint64, check func() bool) *testCrew {
	k.t.Helper()
	slot := k.slot
	k.slot = (k.slot + 1) % k.board.Slots()
	k.board.reset(slot, int64(slot), 1, limit, 0)
	c := &testCrew{ended: make(chan struct{}), gone: make(chan struct{})}
	var err error
	c.Crew, err = k.queue.NewCrew(k.board, slot, CrewHooks{
		Report: func(e Event) {
			k.mu.Lock()
			k.events = append(k.events, e)
			k.mu.Unlock()
		},
		// Closing twice panics: that each is called once is part of the test.
		Ended: func() { close(c.ended) },
		Gone:  func() { close(c.gone) },
	})
	if err != nil {
		k.t.Fatal(err)
	}
	for _, l := range c.Lanes() {
		r := &funcRunner{check: check, kills: make(chan error, 4)}
		c.runners = append(c.runners, r)
		c.lanes.Go(func() { l.Run(r) })
	}
	return c
}

// idle starts a worker and waits until its lanes offer themselves.
func (k *crewTest) idle() *testCrew {
	c := k.crew(0, nil)
	synctest.Wait()
	return c
}

func (c *testCrew) stop() {
	c.Retire()
	<-c.gone
	c.lanes.Wait()
}

func (k *crewTest) kinds() (kinds []EventKind) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, e := range k.events {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

func job(f func(*Lane, *Task) bool) *Task {
	t := NewTask(f)
	t.Method, t.URI, t.Arrived = []byte("GET"), []byte("/x"), time.Now().UnixNano()
	return t
}

// quick is a request that ends at once.
func quick() *Task { return job(func(*Lane, *Task) bool { return true }) }

// holder is a request that says when it has begun and ends when it is let go.
type holder struct {
	begun, free chan struct{}
	done        chan error
	task        *Task
}

func (k *crewTest) hold() *holder {
	h := &holder{begun: make(chan struct{}), free: make(chan struct{}), done: make(chan error, 1)}
	h.task = job(func(*Lane, *Task) bool { close(h.begun); <-h.free; return true })
	go func() { h.done <- k.queue.Do(h.task) }()
	return h
}

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
			}
		})
	}
	c := k.crew(0, nil)
	for range 500 {
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
