package pool

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Queue is where requests wait for a lane: bounded, first come first served,
// with a deadline.
//
// Lanes pull. A lane that is idle offers itself in the stations, and a request
// that finds an offer takes it without touching a lock. Only a request that
// finds none waits in the list; a lane that becomes free looks there first.
// Each side looks again after it has published what the other looks for, so no
// request is left waiting beside an idle lane.
type Queue struct {
	idle    *stations
	waiting atomic.Int64 // requests in the list
	size    atomic.Int64 // how many may wait
	wait    atomic.Int64 // nanoseconds that each may wait, 0 for ever
	limit   atomic.Int64 // nanoseconds that a handler may run, 0 for ever
	queued  atomic.Int64 // how many have ever waited
	shed    atomic.Int64 // how many were refused, full or late
	timeout atomic.Int64 // how many handlers were abandoned
	lost    atomic.Int64 // how many abandoned handlers still run
	closed  atomic.Bool

	demand atomic.Pointer[func()]

	mu      sync.Mutex
	starved bool // no lane will come
	head    *Task
	tail    *Task
	free    []bool // stations that no worker has, guarded by mu
	cursor  int
	crews   []*Crew // in the order of birth, guarded by mu
	meter   *Row    // of the worker whose own queue this is, nil if it is not
}

// NewQueue makes a queue that at most lanes lanes pull from.
func NewQueue(lanes int) *Queue {
	q := &Queue{idle: newStations(lanes)}
	q.free = make([]bool, q.idle.size())
	for i := range q.free {
		q.free[i] = true
	}
	return q
}

// Configure sets how many requests may wait, how long each may wait, and how
// long a handler may run; 0 is no limit of time. It may be called at any time.
func (q *Queue) Configure(size int, wait, run time.Duration) {
	q.size.Store(int64(size))
	q.wait.Store(int64(wait))
	q.limit.Store(int64(run))
}

// RunLimit is how long a handler may run, 0 for ever.
func (q *Queue) RunLimit() time.Duration { return time.Duration(q.limit.Load()) }

// Waiting is the number of requests in the list.
func (q *Queue) Waiting() int { return int(q.waiting.Load()) }

// QueueTotals are a queue's counters since its beginning.
type QueueTotals struct {
	Queued   int64 // requests that had to wait
	Shed     int64 // requests refused because the queue was full or the wait too long
	Timeouts int64 // handlers abandoned
	Lost     int64 // abandoned handlers that still run
}

// Totals reads the counters.
func (q *Queue) Totals() QueueTotals {
	return QueueTotals{q.queued.Load(), q.shed.Load(), q.timeout.Load(), q.lost.Load()}
}

// Close refuses all requests from now on, and those that wait, with
// ErrQueueClosed. Reopen takes it back.
func (q *Queue) Close() {
	q.closed.Store(true)
	q.mu.Lock()
	defer q.mu.Unlock()
	for t := q.head; t != nil; t = q.head {
		q.refuse(t, ErrQueueClosed)
	}
}

// starve says that no lane will come for a while, however long a request waits:
// requests are refused as if the queue were full, also those that wait.
func (q *Queue) starve(starved bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.starved = starved
	for t := q.head; starved && t != nil; t = q.head {
		q.shed.Add(1)
		q.refuse(t, ErrQueueFull)
	}
}

// Reopen makes a closed queue take requests again.
func (q *Queue) Reopen() { q.closed.Store(false) }

// Closed reports whether the queue refuses all requests.
func (q *Queue) Closed() bool { return q.closed.Load() }

// Admits is nil if the queue would take a request now, and otherwise counts as a
// refusal: ErrQueueFull or ErrQueueClosed. A front asks before it reads a body
// that nobody may have time for. It is no reservation: clients that take long to
// send a body must not keep places from others.
func (q *Queue) Admits() error {
	if q.closed.Load() {
		return ErrQueueClosed
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.starved || q.waiting.Load() >= q.size.Load() && !q.idle.some() {
		q.shed.Add(1)
		return ErrQueueFull
	}
	return nil
}

// Sweep refuses the waiting requests of those who have left, with ErrLeft.
func (q *Queue) Sweep() {
	if q.waiting.Load() == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for t := q.head; t != nil; {
		next := t.next
		if t.Left != nil && t.Left() {
			q.refuse(t, ErrLeft)
		}
		t = next
	}
}

// drop refuses a task that a lane has taken, if it waited and whoever asked has
// left meanwhile.
func (q *Queue) drop(t *Task) bool {
	if !t.waited || t.Left == nil || !t.Left() {
		return false
	}
	t.state.Store(taskExpired)
	t.err = ErrLeft
	t.wake <- struct{}{}
	return true
}

// Do runs a task on a lane and returns when its answer is there.
//
// The error is nil, a *PanicError, ErrQueueFull, ErrQueueTimeout,
// ErrQueueClosed, ErrLeft, ErrRequestTimeout or ErrKilled. After the last two the task
// belongs to the abandoned handler and must not be used again.
func (q *Queue) Do(t *Task) error {
	if q.closed.Load() {
		return ErrQueueClosed
	}
	t.err, t.waited, t.here, t.timed = nil, false, false, q.limit.Load() > 0 || t.Slow != nil
	t.hurried.Store(false)
	t.begun.Store(timeless)
	t.turn.Add(1)
	t.state.Store(taskTaken)
	if q.waiting.Load() == 0 {
		if lane := q.idle.take(); lane != nil {
			lane.inbox <- t
			if !t.timed {
				<-t.wake
				return t.err
			}
			return q.await(t)
		}
	}
	t.timed = true
	if err := q.enqueue(t); err != nil {
		return err
	}
	q.match()
	return q.await(t)
}

// match brings waiting tasks and idle lanes together: a lane may have offered
// itself before it could see a task that has just been queued.
func (q *Queue) match() {
	for q.waiting.Load() > 0 {
		lane := q.idle.take()
		if lane == nil {
			if f := q.demand.Load(); f != nil {
				(*f)()
			}
			return
		}
		if t := q.pop(); t != nil {
			lane.inbox <- t
		} else {
			lane.inbox <- again
		}
	}
}

// again is put into the inbox of a lane that was taken for a task which
// somebody else took in the meantime: it offers itself anew.
var again = &Task{}

// await waits for the answer of a queued or running task, as long as
// queue_timeout and request_timeout allow.
func (q *Queue) await(t *Task) error {
	queued, turn, slow := time.Now(), t.turn.Load(), t.Slow
	for {
		if n := t.turn.Load(); n != turn {
			queued, turn = time.Now(), n // a request that has followed
		}
		wait, run := q.wait.Load(), q.limit.Load()
		if wait == 0 && run == 0 && slow == nil {
			<-t.wake
			return t.err
		}
		// How long until there is something to decide. A task that waits
		// may begin at any time, so its front looks again after run, too.
		var left int64
		switch t.state.Load() {
		case taskRunning:
			begun := t.begun.Load()
			if run == 0 || begun == timeless {
				if slow == nil {
					<-t.wake
					return t.err
				}
				left = math.MaxInt64
			} else if left = run - (sinceEpoch() - begun); left <= 0 {
				if t.abandon(turn) {
					q.timeout.Add(1)
					t.lane.lose(ErrRequestTimeout)
					return ErrRequestTimeout
				}
				left = int64(time.Millisecond) // the answer is there, or the next request
			}
		case taskWaiting:
			left = wait - int64(time.Since(queued))
			if wait != 0 && left <= 0 {
				if q.expire(t) {
					return ErrQueueTimeout
				}
				continue
			}
			if wait == 0 || run != 0 && run < left {
				left = run
			}
		default: // about to run, or to be given back; or the outcome is there
			left = run
			if wait != 0 {
				w := max(wait-int64(time.Since(queued)), int64(time.Millisecond))
				if left == 0 || w < left {
					left = w
				}
			}
		}
		if slow != nil && (left <= 0 || left > int64(slowAfter)) {
			left = int64(slowAfter)
		}
		if t.timer == nil {
			t.timer = time.NewTimer(time.Duration(left))
		} else {
			t.timer.Reset(time.Duration(left))
		}
		select {
		case <-t.wake:
			t.timer.Stop()
			return t.err
		case <-t.timer.C:
			if slow != nil {
				t.hurried.Store(true)
				slow()
				slow = nil
			}
		}
	}
}

// slowAfter is the moment after which a front is told that a request is slow.
const slowAfter = 2 * time.Millisecond

// expire takes a task that has waited too long out of the queue. It reports
// false if a lane took it first.
func (q *Queue) expire(t *Task) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if t.state.Load() != taskWaiting {
		return false
	}
	q.unlink(t)
	t.state.Store(taskExpired)
	q.shed.Add(1)
	return true
}

// expireFor does the same for a front that does not look at the clock, unless
// the task serves another request by now.
func (q *Queue) expireFor(t *Task, turn uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if t.state.Load() == taskWaiting && t.turn.Load() == turn {
		q.shed.Add(1)
		q.refuse(t, ErrQueueTimeout)
	}
}

// refuse answers a task that waits in the list; q.mu is held.
func (q *Queue) refuse(t *Task, err error) {
	q.unlink(t)
	t.state.Store(taskExpired)
	t.err = err
	t.wake <- struct{}{}
}

func (q *Queue) enqueue(t *Task) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.starved || q.waiting.Load() >= q.size.Load() {
		q.shed.Add(1)
		return ErrQueueFull
	}
	if q.closed.Load() {
		return ErrQueueClosed
	}
	t.waited = true
	t.state.Store(taskWaiting)
	t.prev, t.next = q.tail, nil
	if q.tail == nil {
		q.head = t
	} else {
		q.tail.next = t
	}
	q.tail = t
	q.queued.Add(1)
	q.count(1)
	return nil
}

// giveBack returns a task that a lane took but could not begin to the head of
// the queue, where it is next, however full the queue is. If the queue was closed
// in the meantime, it is refused.
func (q *Queue) giveBack(t *Task) {
	q.mu.Lock()
	t.waited, t.here = true, false
	t.state.Store(taskWaiting)
	t.prev, t.next = nil, q.head
	if q.head == nil {
		q.tail = t
	} else {
		q.head.prev = t
	}
	q.head = t
	q.count(1)
	switch wait := time.Duration(q.wait.Load()); {
	case q.closed.Load():
		q.refuse(t, ErrQueueClosed)
	case !t.timed && wait > 0:
		turn := t.turn.Load()
		time.AfterFunc(wait, func() { q.expireFor(t, turn) })
	}
	q.mu.Unlock()
	q.match()
}

// pop takes the task that has waited longest, or nil.
func (q *Queue) pop() *Task {
	q.mu.Lock()
	defer q.mu.Unlock()
	t := q.head
	if t == nil {
		return nil
	}
	q.unlink(t)
	t.state.Store(taskTaken)
	return t
}

// unlink takes t out of the list; q.mu is held.
func (q *Queue) unlink(t *Task) {
	if t.prev == nil {
		q.head = t.next
	} else {
		t.prev.next = t.next
	}
	if t.next == nil {
		q.tail = t.prev
	} else {
		t.next.prev = t.prev
	}
	t.prev, t.next = nil, nil
	q.count(-1)
}
