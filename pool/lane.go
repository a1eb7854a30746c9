package pool

import (
	"cmp"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// fate is what has become of a lane.
type fate int

const (
	laneLive fate = iota
	laneEnded
	laneLost
)

// Lane is what executes one request at a time.
type Lane struct {
	crew    *Crew
	index   int
	station int
	line    *Line
	inbox   chan *Task // one place: nil withdraws, again offers anew

	busy   atomic.Bool
	task   atomic.Pointer[Task] // in hand and not answered; whoever swaps it out answers
	served uint64
	owed   *Task       // settled; its front is yet to be woken
	after  func()      // see After
	late   atomic.Bool // the front had given up when the answer came
	given  bool        // the answer was there before the runner returned

	mu     sync.Mutex // not taken on a request's path
	fate   fate
	runner Runner
}

// Crew is the worker's lanes in this process.
func (l *Lane) Crew() *Crew { return l.crew }

// Index is the lane's number within its worker, from 0.
func (l *Lane) Index() int { return l.index }

// Served is the number of the request in hand among those of the worker, from 1.
func (l *Lane) Served() uint64 { return l.served }

// Answer wakes the front before the runner returns: the head of the answer is
// complete, and the rest follows as a stream, which keeps the lane busy until
// its end. It reports false if nobody waits for the answer any more; whatever the
// runner produces then reaches nobody. Only the first call counts. From Answer on
// the task is the front's again. Streaming stops request_timeout;
// a runner that knows better calls Abandon.
func (l *Lane) Answer() bool {
	t := l.task.Swap(nil)
	if t == nil {
		return false
	}
	answered := t.answer(nil)
	l.late.Store(!answered)
	return answered
}

// Abandon gives up on the request in hand, whose answer has begun, as request_timeout
// does with others: it is counted as a timeout, Kill is called, and the worker is
// replaced for CauseTimeout. Only a runner may call it, from Run, which must return
// false then.
func (l *Lane) Abandon() {
	l.crew.queue.timeout.Add(1)
	l.lose(ErrRequestTimeout)
}

// Run is the lane's life: it pulls requests from the queue and gives them to
// the runner until the worker retires, has begun its last request or breaks.
func (l *Lane) Run(r Runner) {
	l.mu.Lock()
	l.runner = r
	l.mu.Unlock()
	// Deferred, because a handler may end the goroutine.
	defer l.end(r)
	l.line.setState(Idle)
	defer l.deliver()
	for !l.crew.retiring.Load() && l.crew.row.reserve() {
		t := l.next()
		if t == nil {
			return
		}
		if l.crew.queue.drop(t) {
			l.crew.row.unreserve()
			continue
		}
		if !r.Check() {
			l.crew.row.unreserve()
			l.crew.queue.giveBack(t)
			return
		}
		if !l.serve(r, t) {
			return
		}
	}
}

// next waits for a request. It returns nil if the worker retires first.
func (l *Lane) next() *Task {
	if t := l.follow(); t != nil {
		return t
	}
	q := l.crew.queue
	// From its offer on the lane may be in use by somebody else (see Queue.Here),
	// and these with it.
	owed, after := l.owed, l.after
	l.owed, l.after = nil, nil
	for {
		if l.crew.retiring.Load() {
			l.owed, l.after = owed, after
			return nil
		}
		if q.waiting.Load() > 0 {
			if t := q.pop(); t != nil {
				deliver(owed, after)
				return t
			}
		}
		q.idle.offer(l.station)
		if q.waiting.Load() > 0 || l.crew.retiring.Load() {
			// Queued, or told to retire, while this lane was not yet to be
			// seen. Whoever clears the offer decides.
			if q.idle.withdraw(l.station) {
				continue
			}
		}
		// The lane can be found now: whoever gets the answer and asks again
		// at once finds it, and not a younger one.
		deliver(owed, after)
		owed, after = nil, nil
		if t := <-l.inbox; t != again {
			return t
		}
	}
}

// follow goes on with the next request of the front that the lane has just worked
// for, if that is there already and nobody else waits: the front sleeps on, and
// two hand-overs are saved. The task is then as one that was taken from the queue:
// it needs a ticket, may be given back, and can be abandoned.
func (l *Lane) follow() *Task {
	t, q := l.owed, l.crew.queue
	if t == nil || t.Follow == nil || t.err != nil || t.hurried.Load() ||
		l.crew.retiring.Load() || q.waiting.Load() > 0 || q.closed.Load() {
		return nil
	}
	if q.limit.Load() > 0 && (!t.timed || t.begun.Load() == timeless) {
		return nil // the limit is new, and the front does not look at the clock
	}
	if !t.Follow() {
		return nil
	}
	l.owed = nil
	t.renew()
	return t
}

// serve begins a request, runs it and answers.
func (l *Lane) serve(r Runner, t *Task) (more bool) {
	c := l.crew
	now := t.Arrived
	if t.waited || now == 0 {
		now = time.Now().UnixNano()
	}
	t.lane, t.Begun = l, now
	if c.queue.limit.Load() > 0 {
		t.begun.Store(sinceEpoch())
	}
	l.busy.Store(true)
	l.task.Store(t)
	// Kill says that it is there and then looks for a task, this lane shows its
	// task and then looks for Kill: one of them sees the other. A task that has
	// not begun goes to another worker if Kill has not answered it.
	if c.killed.Load() {
		l.given = true
		if l.task.Swap(nil) != nil {
			l.given = false
			c.row.unreserve()
			c.queue.giveBack(t)
		}
		l.busy.Store(false)
		return false
	}
	if !t.state.CompareAndSwap(taskTaken, taskRunning) {
		l.given = true
		l.busy.Store(false)
		return false
	}
	l.served = l.line.Begin(c.row, now, t.Method, t.URI)
	if limit := c.row.Limit(); limit > 0 {
		c.count(l.served, limit)
	}
	returned := false
	defer func() {
		if returned {
			return
		}
		// A panic, or runtime.Goexit, of which recover knows nothing.
		v := recover()
		err := &PanicError{Value: v, Stack: debug.Stack()}
		view, _ := l.line.View()
		c.Crash(err, view.Request)
		l.line.End()
		l.conclude(err)
		l.deliver()
	}()
	more = r.Run(l, t)
	returned = true
	if more {
		// Before the answer, so that whoever has the answer finds it counted.
		l.line.End()
	}
	l.conclude(nil)
	return more && !l.late.Load()
}

// conclude settles the outcome, unless the answer is there already; the front
// learns of it by deliver.
// A lane whose front has given up takes nothing more: the front is about to count
// it as lost, and whatever the lane took until then would be lost with it.
func (l *Lane) conclude(err error) {
	l.busy.Store(false)
	t := l.task.Swap(nil)
	l.given = t == nil
	if t != nil {
		if t.settle(err) {
			l.owed = t
		} else {
			l.late.Store(true)
		}
	}
	if l.late.Load() {
		l.lose(ErrRequestTimeout)
	}
}

// After makes the lane call f when it can be found again by the next request, or
// has ended: what a front must wait for that was woken by Answer. Only a runner
// may call it, from Run.
func (l *Lane) After(f func()) { l.after = f }

// deliver wakes the front whose answer has been concluded.
func (l *Lane) deliver() {
	owed, after := l.owed, l.after
	l.owed, l.after = nil, nil
	deliver(owed, after)
}

func deliver(owed *Task, after func()) {
	if owed != nil && !owed.here {
		owed.wake <- struct{}{}
	}
	if after != nil {
		after()
	}
}

// count reports that the worker nears its last request, or has begun it. The
// first report leaves an eighth of the limit for the replacement to get ready.
func (c *Crew) count(served, limit uint64) {
	switch served {
	case limit:
		c.hooks.Report(Event{Kind: Spent, Cause: CauseMaxRequests})
	case limit - limit/8:
		c.hooks.Report(Event{Kind: Expiring, Cause: CauseMaxRequests})
	}
}

// lose gives up on a lane whose handler does not return, or came too late.
func (l *Lane) lose(cause error) {
	c := l.crew
	l.mu.Lock()
	if l.fate != laneLive {
		l.mu.Unlock()
		return
	}
	l.fate = laneLost
	l.line.setState(Lost)
	c.lost.Add(1)
	c.row.lost.Add(1)
	c.queue.lost.Add(1)
	if l.runner != nil {
		l.runner.Kill(cause)
	}
	l.mu.Unlock()
	if view, ok := l.line.View(); ok {
		c.mu.Lock()
		c.request = cmp.Or(c.request, view.Request)
		c.mu.Unlock()
	}
	c.live.Add(-1)
	if cause == ErrRequestTimeout {
		c.hooks.Report(Event{Kind: Wedged, Cause: CauseTimeout})
	}
	c.settle()
}

// kill gives up on what the lane has in hand.
func (l *Lane) kill() {
	if !l.busy.Load() {
		return
	}
	if t := l.task.Swap(nil); t != nil {
		t.kill()
	}
	l.lose(ErrKilled)
}

// end notes that the lane's goroutine is about to end.
func (l *Lane) end(r Runner) {
	c := l.crew
	l.mu.Lock()
	lost := l.fate == laneLost
	if !lost {
		l.fate = laneEnded
	}
	if lost || l.line.State() == Idle {
		l.line.setState(Free)
	}
	r.Close()
	l.mu.Unlock()
	if !lost {
		c.live.Add(-1)
		c.settle()
		return
	}
	// The handler that was given up has come back after all.
	c.row.lost.Add(-1)
	c.queue.lost.Add(-1)
	c.lost.Add(-1)
	c.settle()
}
