package pool

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestLanePanicAndGoexit(t *testing.T) {
	cause := errors.New("cause")
	for name, test := range map[string]struct {
		how   func()
		value any
	}{
		"panic":  {func() { panic(cause) }, cause},
		"goexit": {runtime.Goexit, nil},
	} {
		t.Run(name, func(t *testing.T) {
			k := newCrewTest(t, 8, 2)
			c := k.crew(0, nil)
			other := k.hold()
			<-other.begun
			task := job(func(*Lane, *Task) bool { test.how(); return true })
			err := k.queue.Do(task)
			var p *PanicError
			if !errors.As(err, &p) || p.Value != test.value || !strings.Contains(string(p.Stack), "lane_test.go") {
				t.Errorf("error %v", err)
			}
			if test.value != nil && !errors.Is(err, cause) {
				t.Error("the panic's error is lost")
			}
			if !c.Retiring() {
				t.Error("a crew that crashed goes on")
			}
			select {
			case <-c.ended:
				t.Error("ended with a request in hand")
			default:
			}
			close(other.free)
			if err := <-other.done; err != nil {
				t.Errorf("the other lane's request: %v", err)
			}
			<-c.gone
			c.lanes.Wait()
			if request, err := c.Crashed(); !errors.As(err, &p) || request != "GET /x" {
				t.Errorf("crashed of %v in %q", err, request)
			}
			for _, r := range c.runners {
				if r.closed.Load() != 1 {
					t.Errorf("closed %d times", r.closed.Load())
				}
			}
			// The task is the front's again.
			c = k.crew(0, nil)
			task.Job = func(*Lane, *Task) bool { return true }
			if err := k.queue.Do(task); err != nil {
				t.Error(err)
			}
			c.stop()
		})
	}
}

// After Answer the front has its task back while the lane goes on, and
// request_timeout is over.
func TestLaneAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newCrewTest(t, 8, 1)
		k.queue.Configure(8, 0, time.Second)
		streaming, other := k.idle(), k.idle()
		free := make(chan struct{})
		task := job(func(l *Lane, _ *Task) bool {
			if !l.Answer() || l.Answer() {
				t.Error("the first Answer counts, the second does not")
			}
			<-free
			return true
		})
		if err := k.queue.Do(task); err != nil {
			t.Fatal(err)
		}
		task.Job = func(l *Lane, _ *Task) bool {
			if l.Crew() != other.Crew {
				t.Error("the lane that streams took a request")
			}
			return true
		}
		for range 100 {
			if err := k.queue.Do(task); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		time.Sleep(time.Hour)
		if streaming.Lost() != 0 || k.board.Line(0, 0).State() != Working {
			t.Error("a stream has no time limit")
		}
		// Killed in the middle of the stream: nobody is told twice.
		streaming.Kill()
		<-streaming.ended
		if streaming.Lost() != 1 {
			t.Errorf("%d lost", streaming.Lost())
		}
		close(free)
		<-streaming.gone
		other.stop()
	})
}

// An Answer that comes after the front has given up says so, and the lane ends.
func TestLaneAnswerTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newCrewTest(t, 8, 1)
		k.queue.Configure(8, 0, time.Second)
		c := k.idle()
		result := make(chan bool, 1)
		task := job(func(l *Lane, task *Task) bool {
			time.Sleep(2 * time.Second)
			result <- l.Answer() || !task.Abandoned()
			return true
		})
		if err := k.queue.Do(task); !errors.Is(err, ErrRequestTimeout) {
			t.Error(err)
		}
		if <-result {
			t.Error("the late answer was taken")
		}
		c.lanes.Wait()
		if got := k.kinds(); !slices.Equal(got, []EventKind{Wedged}) {
			t.Errorf("events %v", got)
		}
		c.stop()
	})
}

// A lane whose runner cannot go on gives its request back, which is next, before
// those that have come later; its ticket is not used up.
func TestGiveBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newCrewTest(t, 8, 1)
		k.queue.Configure(1, 10*time.Second, 0)
		broken := k.crew(5, func() bool { time.Sleep(time.Second); return false })
		synctest.Wait()
		var order []string
		var wg sync.WaitGroup
		for _, name := range []string{"first", "second"} {
			wg.Go(func() {
				task := job(func(*Lane, *Task) bool { order = append(order, name); return true })
				if err := k.queue.Do(task); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait() // second waits in a queue for one
		}
		time.Sleep(2 * time.Second)
		if k.queue.Waiting() != 2 || broken.row.reserved.Load() != 0 || broken.row.Begun() != 0 {
			t.Errorf("%d wait, %d tickets taken", k.queue.Waiting(), broken.row.reserved.Load())
		}
		c := k.crew(0, nil)
		wg.Wait()
		if !slices.Equal(order, []string{"first", "second"}) {
			t.Errorf("order %v", order)
		}
		c.stop()

		// One that nobody takes after all is late, whether its front looks at
		// the clock or not, and closed with the queue.
		broken.stop()
		broken = k.crew(0, func() bool { return false })
		synctest.Wait()
		start := time.Now()
		task := quick()
		if err := k.queue.Do(task); !errors.Is(err, ErrQueueTimeout) || time.Since(start) != 10*time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
		broken.stop()
		broken = k.crew(0, func() bool { k.queue.Close(); return false })
		synctest.Wait()
		if err := k.queue.Do(task); !errors.Is(err, ErrQueueClosed) {
			t.Errorf("given back to a closed queue: %v", err)
		}
		broken.stop()
	})
}

// Lanes that break while requests come: each request is run exactly once.
func TestGiveBackUnderLoad(t *testing.T) {
	k := newCrewTest(t, 64, 2)
	births := make(chan *testCrew, 4096) // crews of which a lane has broken
	start := func() *testCrew {
		var c *testCrew
		var checks atomic.Int64
		begin := make(chan struct{})
		c = k.crew(0, func() bool {
			<-begin
			if checks.Add(1) != 9 {
				return true
			}
			births <- c
			return false
		})
		close(begin)
		return c
	}
	var run, asked atomic.Int64
	var wg sync.WaitGroup
	crews := map[*testCrew]bool{start(): true, start(): true}
	for range 8 {
		wg.Go(func() {
			task := job(func(*Lane, *Task) bool { run.Add(1); return true })
			for range 300 {
				asked.Add(1)
				if err := k.queue.Do(task); err != nil {
					t.Error(err)
				}
			}
		})
	}
	over := make(chan struct{})
	go func() { wg.Wait(); close(over) }()
	for done := false; !done; {
		select {
		case <-over:
			done = true
		case c := <-births:
			// Its other lane goes on until the successor is there.
			crews[start()] = true
			delete(crews, c)
			c.stop()
		}
	}
	for c := range crews {
		c.stop()
	}
	if run.Load() != asked.Load() {
		t.Errorf("%d run, %d asked for", run.Load(), asked.Load())
	}
}

// A runner that reports its worker broken leaves the request in the scoreboard.
func TestLaneBroken(t *testing.T) {
	k := newCrewTest(t, 8, 1)
	c := k.crew(0, nil)
	if err := k.queue.Do(job(func(*Lane, *Task) bool { return false })); err != nil {
		t.Error(err)
	}
	c.lanes.Wait()
	if got := k.board.InHand(0); got != "GET /x" {
		t.Errorf("in hand: %q", got)
	}
	c.stop()
}

// The reports of a worker that nears its last request: one eighth before it.
func TestLaneReports(t *testing.T) {
	for limit, want := range map[uint64][]EventKind{
		1: {Spent}, 7: {Spent}, 8: {Expiring, Spent}, 20: {Expiring, Spent},
	} {
		k := newCrewTest(t, 8, 1)
		c := k.crew(limit, nil)
		task := quick()
		for i := range limit {
			if err := k.queue.Do(task); err != nil {
				t.Error(err)
			}
			if n := len(k.kinds()); n == 1 && len(want) == 2 && i+1 != limit-limit/8 && i+1 < limit-limit/8 {
				t.Errorf("limit %d: Expiring at request %d", limit, i+1)
			}
		}
		c.lanes.Wait()
		if got := k.kinds(); !slices.Equal(got, want) {
			t.Errorf("limit %d: %v, expected %v", limit, got, want)
		}
		c.stop()
	}
}
