package pool

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

// ErrNoStations says that the queue was made for fewer lanes.
var ErrNoStations = errors.New("pool: more lanes than the queue was made for")

// Runner is what a lane does with a request: the only thing in which the kinds
// of worker differ.
type Runner interface {
	// Check is called with a request at hand that has not begun. False gives
	// the request back to the queue, whole, and ends the lane.
	Check() bool
	// Run runs the request. False ends the lane after it: the worker is
	// broken, and what it had in hand stays in the scoreboard for the exit
	// report to tell.
	Run(l *Lane, t *Task) bool
	// Kill ends a request in hand, as far as it can be ended from outside. It
	// may be called from another goroutine than Run, also when nothing is in
	// hand or Run has not yet come to anything that Kill could end (then
	// Task.Abandoned reports true); never after Close. It must not block. cause
	// is ErrRequestTimeout or ErrKilled.
	Kill(cause error)
	// Close is called once, when the lane has ended. It must not block.
	Close()
}

// Crew is the part of a worker that runs in this process: its lanes.
//
// In emulate mode that is the whole worker; where the parent dispatches
// requests to a child it is the parent's end of it; in an accepting child it is
// the child's.
type Crew struct {
	// State is the worker's own value, made by its init hook.
	State any
	// Slot, PID and Generation identify the worker to handlers.
	Slot, PID, Generation int

	queue *Queue
	row   *Row
	lanes []*Lane
	hooks CrewHooks

	retiring atomic.Bool
	killed   atomic.Bool
	gone     bool         // its stations may be another crew's, guarded by queue.mu
	live     atomic.Int64 // lanes that have neither ended nor been lost
	lost     atomic.Int64 // lanes that were abandoned and have not come back
	over     sync.Once
	back     sync.Once

	mu      sync.Mutex
	crashed error
	request string
	held    map[*func()]struct{} // what to do to end what the crew waits for
}

// CrewHooks are the functions by which a crew speaks to its worker. They are
// called from the lanes' goroutines and must not block.
type CrewHooks struct {
	// Report gets Expiring, Spent and Wedged.
	Report func(Event)
	// Ended is called once, after Retire, Kill or a crash, when the last lane
	// has ended or was given up.
	Ended func()
	// Gone is called once, after Ended, when also the last handler that was
	// given up has come back, which may be never.
	Gone func()
}

// NewCrew makes the lanes of a worker, as many as the scoreboard has lines for
// it. The worker's PID must be in its row. The error is ErrNoStations if the
// queue was made for fewer lanes.
func (q *Queue) NewCrew(board *Scoreboard, slot int, hooks CrewHooks) (*Crew, error) {
	row := board.Row(slot)
	c := &Crew{
		Slot: slot, PID: row.PID(), Generation: row.Generation(),
		queue: q, row: row, hooks: hooks,
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	n := board.Lanes()
	for i, seen := 0, 0; len(c.lanes) < n; seen++ {
		if seen == len(q.free) {
			for _, l := range c.lanes {
				q.free[l.station] = true
			}
			return nil, fmt.Errorf("%w: %d", ErrNoStations, len(q.free))
		}
		i = q.cursor
		q.cursor = (q.cursor + 1) % len(q.free)
		if !q.free[i] {
			continue
		}
		q.free[i] = false
		l := &Lane{
			crew: c, index: len(c.lanes), station: i,
			line: board.Line(slot, len(c.lanes)), inbox: make(chan *Task, 1),
		}
		l.line.reset()
		c.lanes = append(c.lanes, l)
	}
	for _, l := range c.lanes {
		q.idle.lanes[l.station].Store(l)
	}
	c.live.Store(int64(n))
	q.crews = append(q.crews, c)
	q.idle.oldest.Store(uint32(q.crews[0].lanes[0].station))
	return c, nil
}

// Lanes are the crew's lanes. Each must be given to a goroutine that calls Run.
func (c *Crew) Lanes() []*Lane { return c.lanes }

// Retire makes the lanes end as soon as they have nothing in hand.
func (c *Crew) Retire() {
	c.retiring.Store(true)
	c.withdraw()
	c.settle()
}

// withdraw wakes the lanes that are idle. A lane that offers itself from now on
// sees by itself that the crew retires.
func (c *Crew) withdraw() {
	c.queue.mu.Lock()
	defer c.queue.mu.Unlock()
	if c.gone {
		return
	}
	for _, l := range c.lanes {
		if c.queue.idle.withdraw(l.station) {
			l.inbox <- nil // there is room: the lane was idle
		}
	}
}

// Kill gives up on all that the lanes have in hand: the clients get an error,
// and a handler that does not end by itself counts as lost.
func (c *Crew) Kill() {
	c.killed.Store(true)
	c.Retire()
	for _, l := range c.lanes {
		l.kill()
	}
	c.mu.Lock()
	for kill := range c.held {
		(*kill)()
	}
	c.mu.Unlock()
	c.settle()
}

// Hold makes the crew stay, after its lanes have ended, until release is called:
// one of its requests has become something that lives on by itself. kill ends
// that, and is called if the crew is killed first.
func (c *Crew) Hold(kill func()) (release func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held == nil {
		c.held = make(map[*func()]struct{})
	}
	c.held[&kill] = struct{}{}
	return func() {
		c.mu.Lock()
		delete(c.held, &kill)
		c.mu.Unlock()
		c.settle()
	}
}

// holding reports whether something keeps the crew that has not been killed.
func (c *Crew) holding() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.held) > 0 && !c.killed.Load()
}

// Retiring reports whether the crew was told to end, or has crashed.
func (c *Crew) Retiring() bool { return c.retiring.Load() }

// Expire asks for the worker's replacement, as a handler may do.
func (c *Crew) Expire(cause Cause) { c.hooks.Report(Event{Kind: Expiring, Cause: cause}) }

// Crash ends the crew because of err; the requests in hand in other lanes are
// finished first. request is the one that did it.
func (c *Crew) Crash(err error, request string) {
	c.mu.Lock()
	if c.crashed == nil {
		c.crashed, c.request = err, request
	}
	c.mu.Unlock()
	c.Retire()
}

// Crashed is what the crew crashed of and the request that did it, or nil.
func (c *Crew) Crashed() (request string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.request, c.crashed
}

// Live is the number of lanes that have neither ended nor been given up.
func (c *Crew) Live() int { return int(c.live.Load()) }

// Lost is the number of abandoned handlers of this crew that still run.
func (c *Crew) Lost() int { return int(c.lost.Load()) }

// settle notices that the last lane is gone.
func (c *Crew) settle() {
	if c.live.Load() > 0 || !c.retiring.Load() || c.holding() {
		return
	}
	c.over.Do(func() {
		c.queue.disband(c)
		c.hooks.Ended()
	})
	if c.lost.Load() == 0 {
		c.back.Do(c.hooks.Gone)
	}
}

// disband gives the stations of a crew back.
func (q *Queue) disband(c *Crew) {
	q.mu.Lock()
	defer q.mu.Unlock()
	c.gone = true
	for _, l := range c.lanes {
		q.idle.lanes[l.station].Store(nil)
		q.free[l.station] = true
	}
	q.crews = slices.DeleteFunc(q.crews, func(other *Crew) bool { return other == c })
	if len(q.crews) > 0 {
		q.idle.oldest.Store(uint32(q.crews[0].lanes[0].station))
	}
}
