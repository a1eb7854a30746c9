package accesslog

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"time"
)

// flusher is what the goroutine that writes keeps from one run to the next. Only
// one of them is there at a time; File.running hands the state on.
type flusher struct {
	rest     []byte // lines taken from the buffer
	done     int    // octets of rest that are written
	spare    []byte // an empty buffer
	limit    int    // octets of one write, see writeLimit
	busy     bool   // much was written since the timer ran out, and more is likely to come
	reported time.Time
}

// largeBuffer is the capacity from which a buffer is not kept without a flusher.
const largeBuffer = 2 * MaxWrite

// flush is the flusher. It is started by the first line, or by a request, and
// ends when there is nothing left to do; after it wrote much it stays for
// MaxDelay more, or a busy log would lose buffers and goroutine all the time.
func (l *File) flush() {
	timer := time.NewTimer(MaxDelay)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			l.flusher.busy = false
		case <-l.wake:
		}
		// The lines that come from now on wait for this.
		timer.Reset(MaxDelay)
		l.mu.Lock()
		asks := l.asks
		l.asks = nil
		l.mu.Unlock()
		err := l.drain()
		for _, a := range asks {
			err = l.serve(a, err)
		}
		if err != nil {
			timer.Reset(RetryInterval)
		}
		if l.rested(err) {
			return
		}
	}
}

// drain writes what was taken before and then what is buffered now.
func (l *File) drain() error {
	if err := l.write(); err != nil {
		return err
	}
	l.mu.Lock()
	l.flusher.rest, l.buf = l.buf, l.flusher.spare
	l.flusher.spare = nil
	l.held = len(l.flusher.rest)
	l.flusher.busy = l.flusher.busy || l.held >= gathered
	l.mu.Unlock()
	return l.write()
}

// write writes the rest in pieces of whole lines. After an error the rest is what
// the sink did not take.
func (l *File) write() error {
	s := &l.flusher
	for s.done < len(s.rest) {
		n, err := l.out.Write(s.rest[s.done : s.done+wholeLines(s.rest[s.done:], s.limit)])
		s.done += n
		l.mu.Lock()
		l.wrote(n, err)
		l.mu.Unlock()
		if err != nil {
			l.report(err)
			return err
		}
	}
	if s.spare == nil {
		s.spare = s.rest[:0]
	}
	s.rest, s.done = nil, 0
	return nil
}

// wholeLines is how many octets of lines the next write carries: as many lines as
// fit into limit, or one that does not.
func wholeLines(lines []byte, limit int) int {
	if len(lines) <= limit {
		return len(lines)
	}
	if i := bytes.LastIndexByte(lines[:limit], '\n'); i >= 0 {
		return i + 1
	}
	if i := bytes.IndexByte(lines[limit:], '\n'); i >= 0 {
		return limit + i + 1
	}
	return len(lines)
}

// report tells OnError, unless it has heard something of late. That Close ended a
// write that hung is no news.
func (l *File) report(err error) {
	s := &l.flusher
	if errors.Is(err, os.ErrClosed) {
		return
	}
	if now := time.Now(); s.reported.IsZero() || now.Sub(s.reported) >= ReportInterval {
		s.reported = now
		if l.options.OnError != nil {
			l.options.OnError(prefixed(err))
		}
	}
}

// serve does what was asked, after drain returned err, and returns what drain
// would return now.
func (l *File) serve(a *ask, err error) error {
	l.mu.Lock()
	cancelled, old := a.cancelled, l.out
	if !cancelled {
		a.settled = true
		if a.file != nil {
			l.out = a.file
		}
	}
	l.mu.Unlock()
	switch {
	case a.final:
		if err != nil {
			l.discard()
		}
		l.tell()
		closing := old.Close()
		if cancelled {
			closing = nil // Close did, unless another file came in between
		}
		a.done <- errors.Join(prefixed(err), prefixed(closing))
		return nil
	case cancelled:
		a.done <- ErrBlocked
	case a.file == nil:
		a.done <- prefixed(err)
	default:
		s := &l.flusher
		s.limit = writeLimit(a.file)
		if closing := old.Close(); closing != nil {
			l.report(closing)
		}
		a.done <- nil
		if err != nil {
			// The new file begins with the line that the old one has in part.
			start := bytes.LastIndexByte(s.rest[:s.done], '\n') + 1
			l.mu.Lock()
			l.held += s.done - start
			l.mu.Unlock()
			s.done = start
			err = l.drain()
		}
	}
	return err
}

// prefixed is err with the name of what failed, or nil.
func prefixed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("access log: %w", err)
}

// discard drops and counts what is left, when nobody will try again.
func (l *File) discard() {
	s := &l.flusher
	l.mu.Lock()
	defer l.mu.Unlock()
	n := uint64(bytes.Count(s.rest[s.done:], newline) + bytes.Count(l.buf, newline))
	l.lost += n
	l.untold += n
	s.rest, s.done, l.buf, l.held = nil, 0, nil, 0
}

var newline = []byte{'\n'}

// tell tells OnLoss of what was dropped since it last heard of it.
func (l *File) tell() {
	l.mu.Lock()
	n := l.untold
	l.untold = 0
	l.mu.Unlock()
	if n > 0 && l.options.OnLoss != nil {
		l.options.OnLoss(n)
	}
}

// rested ends a round of the flusher that had the outcome err. It returns whether
// nothing is left to do.
func (l *File) rested(err error) bool {
	s := &l.flusher
	l.mu.Lock()
	closed, asked := l.closed, len(l.asks) > 0
	l.mu.Unlock()
	// What Close asks for is still to be tried, even if it asked while this failed.
	if closed && err != nil && !asked {
		l.discard()
	}
	if closed || err == nil {
		l.tell()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.buf) > 0 || l.held > 0 || len(l.asks) > 0 || s.busy && !l.closed {
		return false
	}
	if cap(l.buf) > largeBuffer {
		l.buf = nil
	}
	if cap(s.spare) > largeBuffer {
		s.spare = nil
	}
	l.running = false
	return true
}
