package pool

import "time"

// Phase is how far a worker has come in its life, as the supervisor knows it.
type Phase int

// The phases of a worker.
const (
	PhaseStarting Phase = iota // started, not ready
	PhaseLive                  // ready
	PhaseRetiring              // told to leave
	PhaseKilled                // told to die
)

// Member is one worker as Plan sees it.
type Member struct {
	ID         int64
	Phase      Phase
	Generation int
	Born       time.Time
	Told       time.Time // when it was told to leave or die
	Busy       bool      // has a request in hand
	IdleSince  time.Time // when it was first seen to have none since its last one; zero if it is busy or not ready
	Expiring   Cause     // why it has to be replaced, "" if it has not
	Spent      bool      // takes no more requests
	Lingering  bool      // has nothing in hand, and does not leave
	Lifetime   time.Duration
	Unready    bool // has never been ready
}

// Tally is all that Plan knows of the present: the workers in the order of
// their birth, and what has happened lately.
type Tally struct {
	Members    []Member
	Generation int // the newest configuration's
	// Want is the number of workers that an elastic pool has decided on; Plan
	// gives the next one.
	Want int
	// Waiting is the number of requests in the queue or the queues, and of what
	// waits outside.
	Waiting int
	// Lost is the number of slots held by handlers that were abandoned.
	Lost int
	// Failures are the deaths of the last minute, oldest first.
	Failures []Failure
	// LastStart is when a worker was last started, Raised when Want was last
	// raised, Looked when idle workers were last counted. Zero: never.
	LastStart, Raised, Looked time.Time

	// Paused retires all workers and starts none, but the server goes on.
	Paused bool
	// Stopping retires all workers for good. Those that are left at Deadline
	// are killed; a zero Deadline waits for ever.
	Stopping bool
	Deadline time.Time
}

// available counts the workers that can take a request.
func (t *Tally) available() int {
	n := 0
	for i := range t.Members {
		if m := &t.Members[i]; m.Phase == PhaseLive && !m.Spent {
			n++
		}
	}
	return n
}
