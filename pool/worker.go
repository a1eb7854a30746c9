package pool

import "fmt"

// Backend is how workers of one kind are born.
type Backend interface {
	// Start starts a worker and returns at once. What becomes of it is
	// reported: Ready when it can serve, and in any case one Exited, its last
	// report but for a Returned. An error means that there is no worker and nothing will be
	// reported.
	//
	// Start is called by the supervisor's goroutine. report may be called from
	// any goroutine, also before Start has returned, and never blocks.
	Start(spec Spec, report func(Event)) (Worker, error)
}

// Worker is the supervisor's handle on one worker. Its methods return at once
// and may be called more than once; the supervisor's goroutine calls them.
type Worker interface {
	// PID is the process id, or the serial number in emulate mode; 0 as long
	// as it is not known.
	PID() int
	// Retire lets the worker finish what it has in hand, take nothing more,
	// and exit. A worker that is still starting exits as soon as it can.
	Retire()
	// Kill ends the worker now. What it has in hand is answered with an error.
	Kill()
}

// LateWorker is a Worker that can say what keeps it, before it is killed.
type LateWorker interface {
	Worker
	// KillLate is Kill for a worker that has exceeded a limit of time: limit is
	// its name, such as "retire_timeout". The worker may be given a moment to say
	// what it does, for which nobody waits: not those who asked for what it has
	// in hand, and not the caller.
	KillLate(limit string)
}

// Spec is what a backend is told about a worker that it starts.
type Spec struct {
	ID          int64 // birth number, unique for the life of the supervisor
	Slot        int   // row of the scoreboard, reset for this worker
	Generation  int
	Predecessor int64 // ID of the worker that this one replaces, 0 if none
	Config      *Config
	Board       *Scoreboard
}

// Row is the worker's row in the scoreboard.
func (s Spec) Row() *Row { return s.Board.Row(s.Slot) }

// EventKind says what happened to a worker.
type EventKind int

// What a backend reports of a worker.
const (
	_         EventKind = iota
	Ready               // it can serve
	Expiring            // it will have to be replaced soon, for Cause
	Spent               // it has begun its last request and takes no more
	Wedged              // a handler of it was abandoned
	Exited              // it is gone
	Returned            // after Exited with Lost: the abandoned handlers have come back
	Lingering           // told to leave it has nothing in hand, and has not left
)

func (k EventKind) String() string {
	switch k {
	case Ready:
		return "ready"
	case Expiring:
		return "expiring"
	case Spent:
		return "spent"
	case Wedged:
		return "wedged"
	case Exited:
		return "exited"
	case Returned:
		return "returned"
	case Lingering:
		return "lingering"
	}
	return fmt.Sprintf("EventKind(%d)", int(k))
}

// Event is one report about a worker.
type Event struct {
	Kind  EventKind
	Cause Cause  // of Expiring; of Exited: CauseCrash, CauseTimeout, CauseMaxMemory, CauseKilled, or "" if the worker did as it was told
	PID   int    // of Exited
	Exit  string // of Exited: "exit 3", "signal: killed", or "" for a clean exit
	// Request is the request that was in hand at a crash, as "GET /x".
	Request string
	// Lost says, of Exited, that abandoned handlers still run and count their
	// row down when they come back: the slot is not free before. A backend says
	// Returned then, so that the supervisor notices at once.
	Lost bool
	// Err is why the worker could not start, or what it died of, if known.
	Err error
}

// Cause is why a worker left, in the words of status.
type Cause string

// The causes of exits.
const (
	CauseMaxRequests Cause = "max_requests"
	CauseMaxLifetime Cause = "max_lifetime"
	CauseMaxMemory   Cause = "max_memory"
	CauseReload      Cause = "reload"
	CauseRecycle     Cause = "recycle" // asked for by an operator, for one slot
	CauseDone        Cause = "done"    // asked for by a handler, or the program left by itself
	CauseIdle        Cause = "idle"    // more spare workers than max_spare_servers
	CauseScale       Cause = "scale"   // max_servers was lowered
	CauseStop        Cause = "stop"
	CauseTimeout     Cause = "timeout" // a handler was abandoned
	CauseCrash       Cause = "crash"
	CauseKilled      Cause = "killed" // did not leave in time, or was stopped by a signal
	CauseStart       Cause = "start"  // died, or was killed, before it was ready
)
