package emulate

import (
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bident/bident/pool"
)

// stage is a backend with one slot at a time and somebody who listens.
type stage struct {
	t       *testing.T
	backend *Backend
	queue   *pool.Queue
	board   *pool.Scoreboard
	serial  int64

	handlers atomic.Int64 // that run now
	finished chan any
}

var errHook = errors.New("hook failed")

func newStage(t *testing.T, lanes int, change func(*Config)) *stage {
	t.Helper()
	goroutines := runtime.NumGoroutine()
	s := &stage{t: t, queue: pool.NewQueue(64), finished: make(chan any, 8)}
	s.queue.Configure(64, 0, 0)
	var err error
	if s.board, err = pool.NewScoreboard(make([]byte, pool.ScoreboardSize(8, lanes)), 8, lanes); err != nil {
		t.Fatal(err)
	}
	c := Config{
		Queue:  s.queue,
		Runner: func(*pool.Lane) pool.Runner { return &runner{s} },
		Finish: func(state any) {
			if n := s.handlers.Load(); n != 0 {
				t.Errorf("%d handlers run in the finish hook", n)
			}
			s.finished <- state
		},
	}
	if change != nil {
		change(&c)
	}
	s.backend = New(c)
	t.Cleanup(func() {
		select {
		case v := <-s.finished:
			t.Errorf("the finish hook was called once more, with %v", v)
		default:
		}
		// Goroutines end a little after what they were waited for.
		deadline := time.Now().Add(20 * time.Second)
		for runtime.NumGoroutine() > goroutines {
			if time.Now().After(deadline) {
				stacks := make([]byte, 1<<20)
				t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), goroutines,
					stacks[:runtime.Stack(stacks, true)])
			}
			runtime.Gosched()
		}
	})
	return s
}

// runner runs jobs that are functions.
type runner struct{ stage *stage }

func (r *runner) Check() bool { return true }
func (r *runner) Run(_ *pool.Lane, t *pool.Task) bool {
	r.stage.handlers.Add(1)
	defer r.stage.handlers.Add(-1)
	t.Job.(func())()
	return true
}
func (r *runner) Kill(error) {}
func (r *runner) Close()     {}

// workerTest is one worker and its reports.
type workerTest struct {
	pool.Worker
	t      *testing.T
	row    *pool.Row
	events chan pool.Event
}

func (s *stage) start() *workerTest {
	s.t.Helper()
	s.serial++
	w := &workerTest{t: s.t, row: s.board.Row(0), events: make(chan pool.Event, 64)}
	var err error
	w.Worker, err = s.backend.Start(pool.Spec{
		ID: s.serial, Slot: 0, Generation: 3, Config: &pool.Config{}, Board: s.board,
	}, func(e pool.Event) { w.events <- e })
	if err != nil {
		s.t.Fatal(err)
	}
	return w
}

func (w *workerTest) expect(kind pool.EventKind) pool.Event {
	w.t.Helper()
	e := <-w.events
	if e.Kind != kind {
		w.t.Fatalf("%v (%+v), expected %v", e.Kind, e, kind)
	}
	return e
}

// silent checks that nothing more was reported.
func (w *workerTest) silent() {
	w.t.Helper()
	select {
	case e := <-w.events:
		w.t.Errorf("one report too many: %+v", e)
	default:
	}
}

func (s *stage) do(f func()) error { return s.queue.Do(pool.NewTask(f)) }

// stuck is a request whose handler does not return before it is let go.
func (s *stage) stuck() (free chan struct{}, answer chan error) {
	begun := make(chan struct{})
	free, answer = make(chan struct{}), make(chan error, 1)
	go func() { answer <- s.do(func() { close(begun); <-free }) }()
	<-begun
	return free, answer
}

func TestWorkerLife(t *testing.T) {
	s := newStage(t, 2, func(c *Config) {
		c.Init = func(id Identity) (any, error) { return id, nil }
	})
	for i := range 3 {
		w := s.start()
		w.expect(pool.Ready)
		for range 5 {
			if err := s.do(func() {}); err != nil {
				t.Error(err)
			}
		}
		w.Retire()
		w.Retire()
		e := w.expect(pool.Exited)
		if e.Cause != "" || e.Lost || e.PID != i+1 || w.PID() != i+1 || w.row.PID() != i+1 {
			t.Errorf("%+v", e)
		}
		if id := <-s.finished; id != (Identity{Slot: 0, PID: i + 1, Generation: 3}) {
			t.Errorf("finish hook got %v", id)
		}
		w.Kill()
		w.silent()
	}
}

func TestInitFails(t *testing.T) {
	for name, test := range map[string]struct {
		hook func(Identity) (any, error)
		want string
	}{
		"error":  {func(Identity) (any, error) { return nil, errHook }, "hook failed"},
		"panic":  {func(Identity) (any, error) { panic("oops") }, "oops"},
		"goexit": {func(Identity) (any, error) { runtime.Goexit(); return nil, nil }, "ended its goroutine"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, 1, func(c *Config) { c.Init = test.hook })
			w := s.start()
			e := w.expect(pool.Exited)
			if e.Cause != pool.CauseStart || e.Err == nil || !strings.Contains(e.Err.Error(), test.want) {
				t.Errorf("%+v", e)
			}
			w.Retire()
			w.Kill()
			w.silent()
		})
	}
}

func TestNoStations(t *testing.T) {
	s := newStage(t, 65, nil)
	e := s.start().expect(pool.Exited)
	if e.Cause != pool.CauseStart || !errors.Is(e.Err, pool.ErrNoStations) {
		t.Errorf("%+v", e)
	}
	<-s.finished
}

// Told to leave while the init hook runs: it exits as soon as the hook returns;
// killed, at once, and the hook's value is finished when it returns.
func TestLeaveWhileStarting(t *testing.T) {
	for _, kill := range []bool{false, true} {
		free, begun := make(chan struct{}), make(chan struct{})
		s := newStage(t, 1, func(c *Config) {
			c.Init = func(Identity) (any, error) { close(begun); <-free; return "state", nil }
		})
		w := s.start()
		<-begun
		if kill {
			w.Kill()
			if e := w.expect(pool.Exited); e.Exit != "killed" || e.Lost {
				t.Errorf("%+v", e)
			}
			close(free)
		} else {
			w.Retire()
			w.silent()
			close(free)
			if e := w.expect(pool.Exited); e.Cause != "" || e.Lost {
				t.Errorf("%+v", e)
			}
		}
		if v := <-s.finished; v != "state" {
			t.Errorf("finish hook got %v", v)
		}
		w.silent()
	}
}

func TestFinishFails(t *testing.T) {
	for name, hook := range map[string]func(any){
		"panic":  func(any) { panic("oops") },
		"goexit": func(any) { runtime.Goexit() },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, 1, func(c *Config) { c.Finish = hook })
			w := s.start()
			w.expect(pool.Ready)
			w.Retire()
			if e := w.expect(pool.Exited); e.Cause != pool.CauseCrash || e.Err == nil {
				t.Errorf("%+v", e)
			}
			w.silent()
		})
	}
}

// A stuck handler: the worker leaves without it, the slot is free and the finish
// hook is called when it has come back.
func TestKillStuck(t *testing.T) {
	s := newStage(t, 2, nil)
	w := s.start()
	w.expect(pool.Ready)
	free, answer := s.stuck()
	w.Kill()
	if err := <-answer; !errors.Is(err, pool.ErrKilled) {
		t.Error(err)
	}
	if e := w.expect(pool.Exited); !e.Lost {
		t.Errorf("%+v", e)
	}
	if w.row.LostLanes() != 1 || s.queue.Totals().Lost != 1 || len(s.finished) != 0 {
		t.Error("the handler is not counted as lost")
	}
	w.Kill()
	close(free)
	<-s.finished
	w.expect(pool.Returned)
	if w.row.LostLanes() != 0 || s.queue.Totals().Lost != 0 {
		t.Error("the handler is still counted as lost")
	}
	w.silent()
}

func TestRequestTimeout(t *testing.T) {
	s := newStage(t, 1, nil)
	s.queue.Configure(8, 0, time.Millisecond)
	w := s.start()
	w.expect(pool.Ready)
	free, answer := s.stuck()
	if err := <-answer; !errors.Is(err, pool.ErrRequestTimeout) {
		t.Error(err)
	}
	if e := w.expect(pool.Wedged); e.Cause != pool.CauseTimeout {
		t.Errorf("%+v", e)
	}
	w.Retire()
	if e := w.expect(pool.Exited); !e.Lost || e.Cause != pool.CauseTimeout {
		t.Errorf("%+v", e)
	}
	close(free)
	<-s.finished
	w.expect(pool.Returned)
	w.silent()
}

// A handler that panics or ends its goroutine ends its worker, after the other
// lane has finished.
func TestCrash(t *testing.T) {
	for name, how := range map[string]func(){"panic": func() { panic("oops") }, "goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, 2, nil)
			w := s.start()
			w.expect(pool.Ready)
			free, answer := s.stuck()
			var p *pool.PanicError
			if err := s.do(how); !errors.As(err, &p) {
				t.Error(err)
			}
			w.silent()
			close(free)
			if err := <-answer; err != nil {
				t.Error(err)
			}
			if e := w.expect(pool.Exited); e.Cause != pool.CauseCrash || !errors.As(e.Err, &p) || e.Exit != "panic" || e.Lost {
				t.Errorf("%+v", e)
			}
			<-s.finished
			w.silent()
		})
	}
}

// Retire and Kill from everywhere at once, at every moment of a worker's life:
// one exit, one call of the finish hook, and every request has an outcome.
func TestEndRaces(t *testing.T) {
	s := newStage(t, 2, nil)
	for i := range 300 {
		w := s.start()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for range i % 7 {
				runtime.Gosched()
			}
			if i%2 == 0 {
				w.Retire()
			}
			w.Kill()
		}()
		answer := make(chan error, 1)
		over := make(chan struct{})
		go func() {
			task := pool.NewTask(func() { runtime.Gosched() })
			answer <- s.queue.Do(task)
			close(over)
		}()
		lost, exited := false, false
		for !exited || lost {
			switch e := <-w.events; e.Kind {
			case pool.Ready:
			case pool.Exited:
				if exited {
					t.Fatal("a second exit")
				}
				exited, lost = true, e.Lost
			case pool.Returned:
				lost = false
			default:
				t.Fatalf("%+v", e)
			}
		}
		<-ended
		<-s.finished
		s.queue.Close() // a request that no worker took
		if err := <-answer; err != nil && !errors.Is(err, pool.ErrKilled) && !errors.Is(err, pool.ErrQueueClosed) {
			t.Error(err)
		}
		<-over
		s.queue.Reopen()
		w.silent()
	}
}
