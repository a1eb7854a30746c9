package pool

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// What can become of a request other than being run.
var (
	// ErrQueueFull says that the queue holds queue_size requests already.
	ErrQueueFull = errors.New("pool: queue full")
	// ErrQueueTimeout says that no lane was free within queue_timeout.
	ErrQueueTimeout = errors.New("pool: queue timeout")
	// ErrQueueClosed says that no worker will come for the request any more.
	ErrQueueClosed = errors.New("pool: queue closed")
	// ErrRequestTimeout says that the handler was abandoned after request_timeout.
	ErrRequestTimeout = errors.New("pool: request timeout")
	// ErrKilled says that the worker was killed with the request in hand.
	ErrKilled = errors.New("pool: worker killed")
	// ErrLeft says that whoever asked has left while the request waited.
	ErrLeft = errors.New("pool: client left")
)

// PanicError is the error of a request whose handler panicked, or ended its
// goroutine.
type PanicError struct {
	Value any    // what was given to panic, nil after runtime.Goexit
	Stack []byte // of the lane, at the panic
}

func (e *PanicError) Error() string {
	if e.Value == nil {
		return "pool: handler ended its goroutine"
	}
	return fmt.Sprintf("pool: handler panicked: %v", e.Value)
}

// Unwrap gives the panic's value if it was an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// The states of a task. Exactly one side wins every race between a lane and an
// impatient front: what leaves running, or leaves taken for another state than
// waiting, does so by compare-and-swap; the other changes are made by the task's
// only owner, or under the queue's lock.
//
//	fresh -> taken <-> waiting -> expired (late, or the queue was closed)
//	           |
//	           +-> running -> answered
//	           |      |
//	           +------+-> abandoned (by the front after request_timeout, or killed)
const (
	taskFresh uint32 = iota
	taskWaiting
	taskTaken
	taskRunning
	taskAnswered
	taskAbandoned
	taskExpired
)

// Task is one request on its way through the queue. A front keeps one for each
// connection and uses it again for the next request; after ErrRequestTimeout or
// ErrKilled it belongs to the handler that was abandoned, and the front must
// take a new one.
type Task struct {
	// Job is what the front put in for the lane's Runner.
	Job any
	// Method and URI are shown in the scoreboard. They must stay valid until
	// the task is over.
	Method, URI []byte
	// Left, if it is not nil, says whether whoever asked has left. It is called
	// before a task that had to wait is begun, by a lane or under the queue's
	// lock, and must not block.
	Left func() bool
	// Follow, if it is not nil, is called by the lane that has run the task,
	// before the front is woken, unless others wait for a lane: it makes the task
	// the front's next request, if that is there already, and reports whether it
	// has. It must not block. Do then is over when the last of them is.
	Follow func() bool
	// Slow, if it is not nil, is called by Do, once, if a request has not been
	// answered for a moment: what others before it have left can be sent. From
	// then on nothing follows.
	Slow func()
	// Resume is called when a task that Here runs has its outcome before Here
	// returns, by the handler's goroutine or by whoever kills its worker: somebody
	// else must go on with it. It must not block. It is needed for Here only.
	Resume func()
	// Arrived is when the request was read, in nanoseconds since 1970.
	Arrived int64
	// Begun is when a lane began the request, in nanoseconds since 1970: Arrived
	// if it did not have to wait. The front sets it to 0 before Do and may read it
	// after, whatever the outcome: 0 then says that no lane has begun it.
	Begun int64

	state   atomic.Uint32
	lane    *Lane         // who runs it; valid once the state is running
	begun   atomic.Int64  // when it began, by sinceEpoch, or timeless
	turn    atomic.Uint64 // counts the requests that the task was used for
	change  sync.Mutex    // the turn, while a front looks at the clock
	hurried atomic.Bool   // Slow was called
	timed   bool          // its front looks at the clock
	waited  bool          // in the list, at least once
	here    bool          // it runs on its front's goroutine, which needs no waking
	err     error
	wake    chan struct{}
	timer   *time.Timer
	next    *Task // in the queue
	prev    *Task
}

// NewTask makes a task for a front's connection.
func NewTask(job any) *Task {
	return &Task{Job: job, wake: make(chan struct{}, 1)}
}

// answer wakes the front with the outcome. It reports false if the front has
// given up on the request.
func (t *Task) answer(err error) bool {
	if !t.settle(err) {
		return false
	}
	t.rouse()
	return true
}

// rouse tells the front that the outcome is there.
func (t *Task) rouse() {
	if t.here {
		t.Resume()
		return
	}
	t.wake <- struct{}{}
}

// settle decides the outcome, and leaves it to the caller to wake the front. It
// reports false if the front has given up on the request.
func (t *Task) settle(err error) bool {
	if !t.state.CompareAndSwap(taskRunning, taskAnswered) {
		return false
	}
	t.err = err
	return true
}

// Err is the outcome of a task that Resume was called for.
func (t *Task) Err() error { return t.err }

// Abandoned reports whether the front has given up on the request. Only the
// lane that runs the task may ask.
func (t *Task) Abandoned() bool { return t.state.Load() == taskAbandoned }

// renew makes the task ready for the request that follows. What its front has seen
// of the one before must not decide about this one: hence the turn.
func (t *Task) renew() {
	if t.timed {
		t.change.Lock()
		defer t.change.Unlock()
	}
	t.turn.Add(1)
	t.waited = false
	t.begun.Store(timeless)
	t.state.Store(taskTaken)
}

// abandon gives up on a running task on behalf of its front. It reports false
// if the answer is there already, or if it was the answer to the request of an
// earlier turn.
func (t *Task) abandon(turn uint64) bool {
	t.change.Lock()
	defer t.change.Unlock()
	return t.turn.Load() == turn && t.state.CompareAndSwap(taskRunning, taskAbandoned)
}

// kill gives up on a task on behalf of its worker and tells the front.
func (t *Task) kill() {
	if t.state.CompareAndSwap(taskRunning, taskAbandoned) || t.state.CompareAndSwap(taskTaken, taskAbandoned) {
		t.err = ErrKilled
		t.rouse()
	}
}

// epoch is what request_timeout is measured from. The clock that counts from
// here, unlike the one that status shows, is never set.
var epoch = time.Now()

// timeless is when a task begins that has all the time it needs.
const timeless = math.MinInt64

// sinceEpoch is the time since epoch in nanoseconds.
func sinceEpoch() int64 { return int64(time.Since(epoch)) }
