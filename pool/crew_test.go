package pool

import (
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
	slot  int // the next crew's: no test has so many that two meet in one

	mu     sync.Mutex
	events []Event
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
	k := &crewTest{t: t, queue: NewQueue(stations), board: newBoard(t, MaxSlots, lanes)}
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
