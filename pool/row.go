package pool

import (
	"errors"
	"sync/atomic"
	"unicode"
	"unicode/utf8"
)

// State is what a worker or a lane is doing, in the letters of Apache's
// scoreboard where it has one.
type State uint32

// The states of workers and lanes.
const (
	Free     State = 0   // shown as '.': no worker has this slot
	Starting State = 'S' // started, not ready yet
	Idle     State = '_' // ready, nothing in hand
	Working  State = 'W' // a request in hand
	Kept     State = 'K' // an accepting child that holds idle connections
	Retiring State = 'G' // finishes what is in hand, takes nothing more
	Dequeue  State = 'Q' // a dequeue worker
	Lost     State = 'X' // a handler that was abandoned still runs
)

// String is the state's letter; one that a child made up is shown as '?'.
func (s State) String() string {
	switch s {
	case Free:
		return "."
	case Starting, Idle, Working, Kept, Retiring, Dequeue, Lost:
		return string(rune(s))
	}
	return "?"
}

// Row is the header row of one worker in the scoreboard. It is 128 bytes long,
// so that the counters of two workers never share a cache line.
type Row struct {
	state       atomic.Uint32
	generation  atomic.Uint32
	id          atomic.Int64
	pid         atomic.Int64
	born        atomic.Int64
	limit       atomic.Uint64
	reserved    atomic.Uint64
	begun       atomic.Uint64
	connections atomic.Int64
	lost        atomic.Int64
	accepted    atomic.Uint64
	shed        atomic.Uint64
	timeouts    atomic.Uint64
	migrated    atomic.Uint64
	_           [24]byte
}

// reset makes the row ready for a worker that is about to start.
func (r *Row) reset(id int64, generation int, limit uint64, now int64) {
	r.pid.Store(0)
	r.id.Store(id)
	r.generation.Store(uint32(generation))
	r.born.Store(now)
	r.limit.Store(limit)
	r.reserved.Store(0)
	r.begun.Store(0)
	r.connections.Store(0)
	r.lost.Store(0)
	r.accepted.Store(0)
	r.shed.Store(0)
	r.timeouts.Store(0)
	r.migrated.Store(0)
	r.state.Store(uint32(Starting))
}

// ID is the worker's birth number, unique for the life of the supervisor.
func (r *Row) ID() int64 { return r.id.Load() }

// PID is the worker's process id, or its serial number in emulate mode; 0 until
// it is known.
func (r *Row) PID() int { return int(r.pid.Load()) }

// SetPID is called by the backend as soon as the worker has an identity.
func (r *Row) SetPID(pid int) { r.pid.Store(int64(pid)) }

// Generation is the number of the configuration that the worker was born from.
func (r *Row) Generation() int { return int(r.generation.Load()) }

// Limit is the number of requests that this worker may begin, 0 for no limit.
func (r *Row) Limit() uint64 { return r.limit.Load() }

// Begun is the number of requests that the worker has begun.
func (r *Row) Begun() uint64 { return r.begun.Load() }

// Connections is the number of connections that the worker itself holds; it is
// 0 where the parent owns them.
func (r *Row) Connections() int64 { return r.connections.Load() }

// AddConnections counts a connection that was opened (1) or closed (-1).
func (r *Row) AddConnections(n int64) {
	r.connections.Add(n)
	if n > 0 {
		r.accepted.Add(uint64(n))
	}
}

// AddMigration counts a connection that the worker has given to another process.
func (r *Row) AddMigration() { r.migrated.Add(1) }

// AddRefusal counts, in a worker that has a queue of its own, a request that was
// not answered by a handler because of err.
func (r *Row) AddRefusal(err error) {
	switch {
	case errors.Is(err, ErrRequestTimeout):
		r.timeouts.Add(1)
	case errors.Is(err, ErrQueueFull), errors.Is(err, ErrQueueTimeout):
		r.shed.Add(1)
	}
}

// most bounds what is believed of a counter that a child can write to, so that
// no sum of them overflows.
const most = 1 << 48

// addTo adds what the worker has counted itself to the totals.
func (r *Row) addTo(t *Totals) {
	t.Connections += int64(min(r.accepted.Load(), most))
	t.Shed += int64(min(r.shed.Load(), most))
	t.Timeouts += int64(min(r.timeouts.Load(), most))
	t.Migrated += int64(min(r.migrated.Load(), most))
}

// LostLanes is the number of abandoned handlers that still run.
func (r *Row) LostLanes() int64 { return r.lost.Load() }

// State is the worker's state as the supervisor set it.
func (r *Row) State() State { return State(r.state.Load()) }

func (r *Row) setState(s State) { r.state.Store(uint32(s)) }

// reserve takes one of the worker's tickets for a request that is yet to come.
// It reports false if all are taken. A lane reserves before it offers itself,
// so that a worker never begins more than its limit, under any load.
func (r *Row) reserve() bool {
	limit := r.limit.Load()
	if limit == 0 {
		return true
	}
	for {
		n := r.reserved.Load()
		if n >= limit {
			return false
		}
		if r.reserved.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// unreserve gives back the ticket of a request that has not begun.
func (r *Row) unreserve() {
	if r.limit.Load() == 0 {
		return
	}
	for {
		n := r.reserved.Load()
		if n == 0 || r.reserved.CompareAndSwap(n, n-1) {
			return
		}
	}
}

// lineText is how much of "METHOD URI" a line holds.
const lineText = 216

// Line is one lane's line in the scoreboard: its state and the request in hand.
type Line struct {
	sequence atomic.Uint32
	state    atomic.Uint32
	started  atomic.Int64
	served   atomic.Uint64
	length   atomic.Uint32
	_        [12]byte
	text     [lineText]byte
}

// State is Free, Idle, Working or Lost.
func (l *Line) State() State { return State(l.state.Load()) }

func (l *Line) setState(s State) { l.state.Store(uint32(s)) }

func (l *Line) reset() {
	// A process that was killed in the middle of Begin leaves an odd number.
	l.sequence.Store((l.sequence.Load() + 1) &^ 1)
	l.state.Store(uint32(Free))
	l.started.Store(0)
	l.served.Store(0)
	l.length.Store(0)
}

// Begin notes that the lane begins a request and returns the number of the
// request among those of its worker, 1 for the first. now is the time in
// nanoseconds since 1970 that status shows the age of the request from.
//
// method and uri are copied, at most 216 bytes of them.
//
//go:norace
func (l *Line) Begin(r *Row, now int64, method, uri []byte) uint64 {
	// The text is guarded by the sequence counter (odd while it is written),
	// which the race detector does not understand: hence norace. There is
	// one writer, the lane; readers start again if the counter moved.
	//
	// The counter is odd before the text changes and even after it has on every
	// machine: what follows a Swap comes after it, and the Swap comes after the
	// counter. One read-modify-write alone would not say so on ARM.
	l.sequence.Add(1)
	l.started.Swap(now)
	n := copy(l.text[:], method)
	if n < len(l.text) {
		l.text[n] = ' '
		n++
		n += copy(l.text[n:], uri)
	}
	l.length.Store(uint32(n))
	l.sequence.Add(1)
	l.state.Store(uint32(Working))
	return r.begun.Add(1)
}

// End notes that the lane has nothing in hand any more.
func (l *Line) End() {
	l.served.Add(1)
	l.state.Store(uint32(Idle))
}

// LineView is what a line said at one moment.
type LineView struct {
	State   State
	Request string // "GET /path", cut at 216 bytes; the last one, if the lane is idle
	Started int64  // when it began, in nanoseconds since 1970
	Served  uint64 // requests that this lane has ended
}

// View reads a line. It reports false if the line was written to all the while
// that it was read, or if it holds nonsense.
//
//go:norace
func (l *Line) View() (LineView, bool) {
	var text [lineText]byte
	for range 100 {
		before := l.sequence.Load()
		if before%2 == 1 {
			continue
		}
		n := l.length.Load()
		text = l.text
		v := LineView{State: l.State(), Started: l.started.Load(), Served: l.served.Load()}
		// Not Load: what was read before must have been read by now.
		if l.sequence.Add(0) != before {
			continue
		}
		if n > lineText {
			return LineView{}, false
		}
		v.Request = printable(text[:n])
		return v, true
	}
	return LineView{}, false
}

// printable is text without anything that could play tricks on a terminal or a
// log: control characters, also those that reverse the direction of writing, line
// separators, and octets that are not UTF-8 each become '?'.
func printable(text []byte) string {
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		switch {
		case r == utf8.RuneError && n == 1, !unicode.IsPrint(r):
			out = append(out, '?')
		default:
			out = append(out, text[:n]...)
		}
		text = text[n:]
	}
	return string(out)
}
