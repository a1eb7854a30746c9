package pool

// Outcome says what has become of a task that was given to Here.
type Outcome int

const (
	// NotHere says that nothing has happened: it is a task for Do.
	NotHere Outcome = iota
	// Done says that the task is over, as after Do.
	Done
	// Resumed says that Resume was called: the task and all that belongs to it
	// are somebody else's now.
	Resumed
)

// Here runs a task as Do does, but on the caller's goroutine: in the place of a
// lane that is idle, with the lane's ticket, its line of the scoreboard and its
// Runner, while the lane's own goroutine sleeps on. That saves the way to the lane
// and back, two switches of goroutines. It is for callers that can bear that a
// handler blocks them.
//
// Here does nothing if no lane is idle, if others wait for one, or if handlers have
// a limit of time, since nobody could look at the clock. Follow and Slow are not
// called. A handler that ends its goroutine ends the caller's; then Resume is
// called, too.
func (q *Queue) Here(t *Task) (Outcome, error) {
	if q.closed.Load() || q.limit.Load() > 0 || q.waiting.Load() > 0 {
		return NotHere, nil
	}
	l := q.idle.take()
	if l == nil {
		return NotHere, nil
	}
	t.err, t.waited, t.here, t.timed = nil, false, true, false
	t.hurried.Store(false)
	t.begun.Store(timeless)
	t.turn.Add(1)
	t.state.Store(taskTaken)
	if !l.runner.Check() {
		// It has to be given back, which the lane knows how to do.
		t.here = false
		l.inbox <- t
		<-t.wake
		return Done, t.err
	}
	if l.lend(t) {
		return Resumed, nil
	}
	if !t.here { // given back to the queue: the crew was killed
		<-t.wake
	}
	return Done, t.err
}

// lend runs a task on the caller's goroutine. given says that it was answered
// before that, so that somebody else has it.
func (l *Lane) lend(t *Task) (given bool) {
	more, returned := false, false
	defer func() {
		given = l.given // somebody else may have the lane after the next line
		l.release(more)
		if !returned && !given {
			t.rouse()
		}
	}()
	more = l.serve(l.runner, t)
	returned = true
	return
}

// release gives a lane that was used by Here back: to the next request if it can
// run one more, as in Run, and otherwise to its own goroutine, which ends it.
func (l *Lane) release(more bool) {
	c := l.crew
	owed, after := l.owed, l.after
	l.owed, l.after = nil, nil
	if !more || c.retiring.Load() || !c.row.reserve() {
		l.inbox <- nil // there is room: the lane was idle
	} else {
		q := c.queue
		q.idle.offer(l.station)
		if (q.waiting.Load() > 0 || c.retiring.Load()) && q.idle.withdraw(l.station) {
			l.inbox <- again // it looks for itself
		}
	}
	deliver(owed, after)
}
