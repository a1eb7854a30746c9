package httpd

import (
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/bident/bident/pool"
)

// errProgramSilent says that a program has stopped in the middle of its answer.
var errProgramSilent = errors.New("httpd: the program has said nothing more for request_timeout")

// silence bounds how long a program may say nothing once its answer is a stream, when
// the request's own time does not count any more: it would hold its lane for ever. Only
// the time counts in which the lane waits for the program, and not that in which it
// waits for a client that is slow.
//
// The lane notes when it begins to wait, and one timer looks at that: what comes in
// many pieces, or whole, does not touch the timer. A silence without a limit, and the
// zero value, do nothing.
type silence struct {
	limit  func() time.Duration // request_timeout, not above 0 for none
	giveUp func()               // makes the exchange end; not called by the lane
	timer  *time.Timer
	epoch  time.Time // of the clock; set with timer, once
	// since is when the wait for the program began, by clock, or one of those
	// below, or the limit that was passed, negative. Only the lane makes it anything
	// else than that, or a later time.
	since atomic.Int64
}

const (
	silenceNone = 0 // no answer is being streamed
	silenceBusy = 1 // one is, and the program is not waited for
)

// clock is the time, in nanoseconds, above silenceBusy.
func (s *silence) clock() int64 { return int64(time.Since(s.epoch)) + silenceBusy + 1 }

// begin is called when the answer has become a stream.
func (s *silence) begin() {
	if s.limit == nil {
		return
	}
	limit := s.limit()
	if limit <= 0 {
		return
	}
	if s.timer == nil {
		s.epoch = time.Now()
		s.timer = time.AfterFunc(limit, s.look)
	}
	s.since.Store(silenceBusy)
	s.timer.Reset(limit)
}

// wait is called when the lane is about to wait for the program.
func (s *silence) wait() {
	if at := s.since.Load(); at > silenceNone {
		s.since.CompareAndSwap(at, s.clock())
	}
}

// heard is called when octets of the answer have come. It reports false if that is too
// late.
func (s *silence) heard() bool {
	for {
		at := s.since.Load()
		if at <= silenceBusy || s.since.CompareAndSwap(at, silenceBusy) {
			return at >= silenceNone
		}
	}
}

// stir is called, by any goroutine, when the program has said something beside its
// answer.
func (s *silence) stir() {
	if at := s.since.Load(); at > silenceBusy {
		s.since.CompareAndSwap(at, s.clock())
	}
}

// end is called by the lane when the program has nothing more to say. It returns the
// limit that was passed, 0 if none was.
func (s *silence) end() time.Duration {
	if s.since.Load() == silenceNone {
		return 0
	}
	s.timer.Stop()
	return time.Duration(-min(s.since.Swap(silenceNone), 0))
}

// look is the timer's. It may be behind, and find another answer than the one that it
// was set for: what it does is right for that one, too.
func (s *silence) look() {
	at, limit := s.since.Load(), s.limit()
	if at <= silenceNone || limit <= 0 {
		return
	}
	left := limit
	if at != silenceBusy {
		if left -= time.Duration(s.clock() - at); left <= 0 {
			if s.since.CompareAndSwap(at, -int64(limit)) {
				s.giveUp()
				return
			}
			left = limit // it has just said something
		}
	}
	s.timer.Reset(left)
}

// warnSilent logs that a program is given up. pid is 0 if it is somebody else's.
func warnSilent(log *slog.Logger, program string, slot, pid int, what []byte, limit time.Duration) {
	log.Warn("the program has fallen silent in the middle of its answer, which is cut", "program", program,
		"slot", slot, "pid", pid, "request", string(what), "limit", limit)
}

// hangUp closes the connection to a program that has fallen silent, which ends the
// exchange. The lane, which learns of it by the end of silence, has no other one after.
func (r *exchangeRunner) hangUp() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conn != nil {
		r.conn.Close()
	}
}

// fallenSilent gives up on the request in hand, and on the worker.
func (r *exchangeRunner) fallenSilent(l *pool.Lane, limit time.Duration) error {
	program, pid := r.program, r.crew.pid
	if r.up != nil {
		program, pid = r.up.at.url, 0
	}
	warnSilent(r.log, program, r.crew.slot, pid, r.what, limit)
	l.Abandon()
	return errProgramSilent
}
