package httpd

import (
	"bytes"
	"context"
	"log/slog"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// slowLooks is how often the watchdog looks within the time that a request
	// may take.
	slowLooks = 4
	// slowTick is the least time between two looks.
	slowTick = time.Millisecond
	// dumpPause is the least time between two dumps of all stacks, for which the
	// whole process has to stop.
	dumpPause = time.Second
	// dumpLeast and dumpMost bound the memory for a dump. It begins with the
	// least, and grows if a lane was not in it.
	dumpLeast = 256 << 10
	dumpMost  = 8 << 20
	// stackMost is how much of a lane's stack is logged, and whatMost how much of
	// a request's target.
	stackMost = 16 << 10
	whatMost  = 1 << 10
)

// slowWatch logs requests whose handlers run longer than a limit, while they run.
// It is one goroutine, the watchdog, which looks at all lanes of this process now
// and then; lanes only count their requests, so that requests need no clock. A nil
// slowWatch does nothing.
type slowWatch struct {
	limit time.Duration
	log   *slog.Logger
	life  context.Context // ends the watchdog
	begin sync.Once

	mu    sync.Mutex
	lanes map[*slowLane]bool

	// the watchdog's own:
	size   int // of the next dump
	dumped time.Time
	slow   []slowRequest
}

// slowLane is a lane as the watchdog sees it. A nil slowLane does nothing.
type slowLane struct {
	watch *slowWatch
	crew  crew
	// own is what the part of a dump begins with that the lane's goroutine has; nil
	// for a lane whose requests run elsewhere.
	own []byte

	turn uint64 // of the request in hand, counted by the lane
	what []byte // "GET /x"; the watchdog's while running is slowLooked
	// goroutine is as own, for the one that runs the request in hand; as what.
	goroutine []byte
	running   atomic.Uint64 // turn while a request is in hand, else 0
	looking   sync.Mutex    // held by the watchdog while running is slowLooked

	// the watchdog's own:
	seen  uint64 // the turn it has seen last
	since time.Time
	told  bool
}

// slowLooked is what running is while the watchdog reads what.
const slowLooked = ^uint64(0)

// slowRequest is a request that is about to be logged.
type slowRequest struct {
	lane      *slowLane
	turn      uint64
	what      string
	goroutine []byte
	age       time.Duration
}

// newSlowWatch makes a watch that ends with life; nil for a limit of 0.
func newSlowWatch(life context.Context, limit time.Duration, log *slog.Logger) *slowWatch {
	if limit <= 0 {
		return nil
	}
	return &slowWatch{limit: limit, log: log, life: life, lanes: make(map[*slowLane]bool), size: dumpLeast}
}

// lane registers a lane, which must call leave at its end. If its handlers run
// here it must be called by the goroutine that runs them.
func (w *slowWatch) lane(c crew, here bool) *slowLane {
	if w == nil {
		return nil
	}
	l := &slowLane{watch: w, crew: c}
	if here {
		l.own = goroutineLine()
	}
	w.mu.Lock()
	w.lanes[l] = true
	w.mu.Unlock()
	w.begin.Do(func() { go w.run() })
	return l
}

// goroutineLine is what the part of this goroutine begins with in every dump:
// "goroutine 7 ", without the state.
func goroutineLine() []byte {
	line := make([]byte, 64)
	line = line[:runtime.Stack(line, false)]
	if i := bytes.IndexByte(line, '['); i > 0 {
		return line[:i]
	}
	return nil
}

// leave strikes the lane off.
func (l *slowLane) leave() {
	if l == nil {
		return
	}
	l.watch.mu.Lock()
	delete(l.watch.lanes, l)
	l.watch.mu.Unlock()
}

// begin notes that a handler is about to run, on the lane's goroutine or on the one
// whose part of a dump begins like that.
func (l *slowLane) begin(method, uri, goroutine []byte) {
	if l == nil {
		return
	}
	if l.goroutine = l.own; goroutine != nil {
		l.goroutine = goroutine
	}
	l.what = append(append(l.what[:0], method...), ' ')
	l.what = append(l.what, uri[:min(len(uri), whatMost)]...)
	l.turn++
	l.running.Store(l.turn)
}

// end notes that it has returned.
func (l *slowLane) end() {
	if l == nil || l.running.CompareAndSwap(l.turn, 0) {
		return
	}
	l.looking.Lock()
	l.running.Store(0)
	l.looking.Unlock()
}

// run is the watchdog.
func (w *slowWatch) run() {
	ticker := time.NewTicker(max(w.limit/slowLooks, slowTick))
	defer ticker.Stop()
	for {
		select {
		case <-w.life.Done():
			return
		case <-ticker.C:
			w.look(time.Now())
		}
	}
}

// look finds the requests that have become slow and logs them.
func (w *slowWatch) look(now time.Time) {
	w.slow = w.slow[:0]
	stacks := false
	w.mu.Lock()
	for l := range w.lanes {
		s := l.look(now, w.limit)
		if s.turn != 0 {
			w.slow = append(w.slow, s)
			stacks = stacks || s.goroutine != nil
		}
	}
	w.mu.Unlock()
	if len(w.slow) == 0 {
		return
	}
	var dump []byte
	whole := true
	if stacks && (w.dumped.IsZero() || now.Sub(w.dumped) >= dumpPause) {
		w.dumped = now
		dump = make([]byte, w.size)
		n := runtime.Stack(dump, true)
		whole = n < len(dump)
		dump = dump[:n]
	}
	missed := false
	for _, s := range w.slow {
		attrs := []any{"request", s.what, "slot", s.lane.crew.slot, "pid", s.lane.crew.pid, "age", s.age.Round(time.Millisecond)}
		switch {
		case s.goroutine == nil:
		case dump == nil:
			attrs = append(attrs, "stack", "not taken: at most one dump per "+dumpPause.String())
		default:
			stack := stackOf(dump, s.goroutine)
			switch {
			case stack == nil && !whole:
				missed = true
				attrs = append(attrs, "stack", "not among the first "+strconv.Itoa(len(dump)>>10)+" KiB of all stacks")
			case stack == nil || s.lane.running.Load() != s.turn:
				attrs = append(attrs, "stack", "not taken: the handler has just returned")
			default:
				attrs = append(attrs, "stack", string(stack))
			}
		}
		w.log.Warn("slow request", attrs...)
	}
	if missed {
		w.size = min(2*w.size, dumpMost)
	}
	clear(w.slow)
}

// look returns a request that is to be logged now, with turn 0 if there is none. It
// began at most one look before it was seen, so that none is logged too early.
func (l *slowLane) look(now time.Time, limit time.Duration) (s slowRequest) {
	turn := l.running.Load()
	switch {
	case turn == 0:
		return s
	case turn != l.seen:
		l.seen, l.since, l.told = turn, now, false
		return s
	}
	age := now.Sub(l.since)
	if l.told || age < limit {
		return s
	}
	l.looking.Lock()
	defer l.looking.Unlock()
	if !l.running.CompareAndSwap(turn, slowLooked) {
		return s
	}
	s = slowRequest{l, turn, string(l.what), l.goroutine, age}
	l.running.Store(turn)
	l.told = true
	return s
}

// stackOf is the part of a dump that belongs to a goroutine, cut if it is long;
// nil if there is none.
func stackOf(dump, goroutine []byte) []byte {
	at := 0
	for !bytes.HasPrefix(dump[at:], goroutine) {
		n := bytes.Index(dump[at:], []byte("\n\n"))
		if n < 0 {
			return nil
		}
		at += n + 2
	}
	stack := dump[at:]
	if n := bytes.Index(stack, []byte("\n\n")); n >= 0 {
		stack = stack[:n]
	}
	return stack[:min(len(stack), stackMost)]
}
