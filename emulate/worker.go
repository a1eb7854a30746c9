package emulate

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/bident/bident/pool"
)

// What became of a worker whose hook ended its goroutine instead of returning.
var (
	errInitGoexit   = errors.New("emulate: init hook ended its goroutine")
	errFinishGoexit = errors.New("emulate: finish hook ended its goroutine")
)

// worker is a group of lanes.
type worker struct {
	backend *Backend
	spec    pool.Spec
	report  func(pool.Event)
	pid     int

	mu      sync.Mutex
	crew    *pool.Crew // nil while the worker starts
	retired bool
	exited  bool // Exited has been reported
	lost    bool // and said that handlers were still running
	state   any
}

// PID is the worker's serial number.
func (w *worker) PID() int { return w.pid }

// start makes the worker ready, unless it was told to leave in the meantime.
func (w *worker) start() {
	identity := Identity{Slot: w.spec.Slot, PID: w.pid, Generation: w.spec.Generation}
	returned := false
	defer func() {
		if !returned {
			w.exit(pool.Event{Kind: pool.Exited, PID: w.pid, Cause: pool.CauseStart, Err: errInitGoexit})
		}
	}()
	state, err := initialize(w.backend.config.Init, identity)
	returned = true
	if err != nil {
		w.exit(pool.Event{Kind: pool.Exited, PID: w.pid, Cause: pool.CauseStart, Err: err})
		return
	}
	w.mu.Lock()
	w.state = state
	if w.retired {
		w.mu.Unlock()
		w.finish(pool.Event{Kind: pool.Exited, PID: w.pid})
		return
	}
	crew, err := w.backend.config.Queue.NewCrew(w.spec.Board, w.spec.Slot, pool.CrewHooks{
		Report: w.report, Ended: w.ended, Gone: w.gone,
	})
	if err != nil {
		w.mu.Unlock()
		w.finish(pool.Event{Kind: pool.Exited, PID: w.pid, Cause: pool.CauseStart, Err: err})
		return
	}
	crew.State = state
	w.crew = crew
	w.mu.Unlock()
	// Ready is reported first: from the moment that a lane runs it may report
	// that it has begun its last request.
	w.report(pool.Event{Kind: pool.Ready})
	for _, lane := range crew.Lanes() {
		go lane.Run(w.backend.config.Runner(lane))
	}
}

// initialize runs the init hook; a panic in it is its error.
func initialize(hook func(Identity) (any, error), id Identity) (state any, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("emulate: init hook panicked: %v\n%s", v, debug.Stack())
		}
	}()
	return hook(id)
}

// finish runs the finish hook and reports the exit: e, unless the hook fails.
func (w *worker) finish(e pool.Event) {
	returned := false
	// Deferred, because the hook may end the goroutine.
	defer func() {
		if v := recover(); v != nil {
			e.Cause, e.Exit = pool.CauseCrash, "panic"
			e.Err = fmt.Errorf("emulate: finish hook panicked: %v\n%s", v, debug.Stack())
		} else if !returned {
			e.Cause, e.Err = pool.CauseCrash, errFinishGoexit
		}
		w.exit(e)
	}()
	w.backend.config.Finish(w.state)
	returned = true
}

// exit reports the exit, if that has not been done; or else that the slot is
// free now.
func (w *worker) exit(e pool.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case !w.exited:
		w.exited, w.lost = true, e.Lost
		w.report(e)
	case w.lost:
		w.lost = false
		w.report(pool.Event{Kind: pool.Returned, PID: w.pid})
	}
}

// ended is called when the last lane has ended or was given up.
func (w *worker) ended() {
	if w.crew.Lost() > 0 {
		// The handlers that do not return keep the slot; the worker is over.
		e := w.last()
		e.Lost = true
		if e.Cause == "" {
			e.Cause = pool.CauseTimeout
		}
		w.exit(e)
	}
}

// gone is called when no handler of the worker runs any more.
func (w *worker) gone() {
	go w.finish(w.last())
}

// last is the worker's last report.
func (w *worker) last() pool.Event {
	e := pool.Event{Kind: pool.Exited, PID: w.pid}
	request, err := w.crew.Crashed()
	e.Request = request
	if err != nil {
		e.Cause, e.Err, e.Request, e.Exit = pool.CauseCrash, err, request, "panic"
	}
	return e
}

// Retire implements pool.Worker.
func (w *worker) Retire() {
	w.mu.Lock()
	w.retired = true
	crew := w.crew
	w.mu.Unlock()
	if crew != nil {
		crew.Retire()
	}
}

// Kill implements pool.Worker. An init hook that does not return is left behind.
func (w *worker) Kill() {
	w.mu.Lock()
	w.retired = true
	crew := w.crew
	w.mu.Unlock()
	if crew != nil {
		crew.Kill()
		return
	}
	w.exit(pool.Event{Kind: pool.Exited, PID: w.pid, Exit: "killed"})
}
