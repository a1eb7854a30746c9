package pool

import (
	"errors"
	"runtime"
	"sync"
	"testing"
)

// hereRunner does what a task's job says.
type hereRunner struct{}

func (hereRunner) Check() bool { return true }
func (hereRunner) Run(l *Lane, t *Task) bool {
	t.Job.(func(*Lane))(l)
	return true
}
func (hereRunner) Kill(error) {}
func (hereRunner) Close()     {}

// hereCrew is a crew whose lanes run.
func hereCrew(t *testing.T, lanes int, limit uint64) (*Queue, *Crew, *sync.WaitGroup) {
	t.Helper()
	board, err := NewScoreboard(bytesOf(make([]uint64, ScoreboardSize(1, lanes)/8)), 1, lanes)
	if err != nil {
		t.Fatal(err)
	}
	board.Row(0).reset(1, 1, limit, 0)
	q := NewQueue(lanes)
	q.Configure(10, 0, 0)
	c, err := q.NewCrew(board, 0, CrewHooks{Report: func(Event) {}, Ended: func() {}, Gone: func() {}})
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	for _, l := range c.Lanes() {
		running.Go(func() { l.Run(hereRunner{}) })
	}
	t.Cleanup(func() {
		c.Retire()
		running.Wait()
	})
	return q, c, &running
}

// here runs a function on this goroutine as soon as a lane is idle.
func here(q *Queue, f func(*Lane)) (Outcome, error) {
	t := NewTask(f)
	t.Resume = func() {}
	for {
		if o, err := q.Here(t); o != NotHere || q.Closed() {
			return o, err
		}
		runtime.Gosched()
	}
}

// TestHere: a task runs on the caller's goroutine, and counts as one of the lane's.
func TestHere(t *testing.T) {
	q, c, _ := hereCrew(t, 2, 0)
	for i := range 100 {
		ran := uint64(0)
		if o, err := here(q, func(l *Lane) { ran = l.Served() }); o != Done || err != nil || ran != uint64(i+1) {
			t.Fatalf("%v %v, request %d", o, err, ran)
		}
		if err := q.Do(NewTask(func(*Lane) {})); err != nil { // the lanes still take their own
			t.Fatal(err)
		}
		c.row.begun.Add(^uint64(0)) // of which nobody asked for the number
	}
}

// TestHereTickets: the limit is exact, however requests come to the lanes.
func TestHereTickets(t *testing.T) {
	const limit = 1000
	q, c, running := hereCrew(t, 4, limit)
	var mu sync.Mutex
	seen := make(map[uint64]bool)
	note := func(l *Lane) {
		mu.Lock()
		defer mu.Unlock()
		if seen[l.Served()] {
			t.Errorf("request %d twice", l.Served())
		}
		seen[l.Served()] = true
	}
	var clients sync.WaitGroup
	for i := range 8 {
		clients.Go(func() {
			task := NewTask(note)
			task.Resume = func() {}
			for {
				if i%2 == 0 {
					if o, _ := q.Here(task); o == Done {
						continue
					}
				}
				if q.Do(task) != nil {
					return
				}
			}
		})
	}
	running.Wait() // after the last request all lanes end
	q.Close()
	clients.Wait()
	if len(seen) != limit || c.row.Begun() != limit {
		t.Errorf("%d requests, %d begun, the limit is %d", len(seen), c.row.Begun(), limit)
	}
}

// TestHereNot: what Here does not do.
func TestHereNot(t *testing.T) {
	q, _, _ := hereCrew(t, 1, 0)
	task := NewTask(func(*Lane) {})
	if o, err := here(q, func(*Lane) {
		if o, _ := q.Here(task); o != NotHere {
			t.Error("no lane is idle")
		}
	}); o != Done || err != nil {
		t.Errorf("%v %v", o, err)
	}
	q.Configure(10, 0, 1)
	if o, _ := q.Here(task); o != NotHere {
		t.Error("handlers have a limit of time")
	}
	q.Configure(10, 0, 0)
	q.Close()
	if o, _ := q.Here(task); o != NotHere {
		t.Error("the queue is closed")
	}
}

// TestHerePanic: a panic is the request's outcome and the worker's end.
func TestHerePanic(t *testing.T) {
	q, c, running := hereCrew(t, 2, 0)
	o, err := here(q, func(*Lane) { panic("x") })
	var p *PanicError
	if o != Done || !errors.As(err, &p) || p.Value != "x" {
		t.Errorf("%v %v", o, err)
	}
	running.Wait()
	if _, err := c.Crashed(); err == nil {
		t.Error("the crew has not crashed")
	}
}

// TestHereResumed: somebody else goes on with a task that is answered early, that
// is killed, or whose handler ends the goroutine.
func TestHereResumed(t *testing.T) {
	for name, f := range map[string]func(*Lane){
		"answered": func(l *Lane) { l.Answer() },
		"killed":   func(l *Lane) { l.Crew().Kill() },
		"ended":    func(*Lane) { runtime.Goexit() },
	} {
		t.Run(name, func(t *testing.T) {
			q, _, _ := hereCrew(t, 2, 0)
			resumed := make(chan error, 2)
			task := NewTask(f)
			task.Resume = func() { resumed <- task.Err() }
			over := make(chan Outcome, 1)
			go func() {
				o := NotHere
				defer func() { over <- o }()
				for o == NotHere {
					o, _ = q.Here(task)
					runtime.Gosched()
				}
			}()
			err := <-resumed
			var p *PanicError
			switch o := <-over; name {
			case "answered":
				if o != Resumed || err != nil {
					t.Errorf("%v %v", o, err)
				}
			case "killed":
				if o != Resumed || !errors.Is(err, ErrKilled) {
					t.Errorf("%v %v", o, err)
				}
			case "ended":
				if o != NotHere || !errors.As(err, &p) {
					t.Errorf("%v %v", o, err)
				}
			}
			if len(resumed) > 0 {
				t.Error("resumed twice")
			}
		})
	}
}
