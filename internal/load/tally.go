package load

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// The range of the histogram, in microseconds; values outside are recorded at
// its ends (the timeout is at most the upper one).
const (
	minLatency = 1
	maxLatency = int64(time.Minute / time.Microsecond)
)

// sample is one answer.
type sample struct {
	micros int64
	status int16
}

// counts are what connections add up by themselves between two deliveries.
type counts struct {
	inside    uint64 // answers that came whole within the interval
	tail      uint64 // measured answers that came after it
	warm      uint64 // answers to requests begun before it
	written   uint64 // octets, of the whole run
	read      uint64
	connects  uint64
	resent    uint64 // requests sent again behind an announced close
	abandoned uint64 // requests unanswered when ctx ended
}

// tally is what all connections have counted together. Connections deliver in
// batches, so that the lock costs nothing per request.
type tally struct {
	mu       sync.Mutex
	sum      counts
	latency  *hdrhistogram.Histogram
	statuses [600]uint64
	errors   [kinds]uint64 // by requests begun in the interval
	early    [kinds]uint64 // by requests begun before it
	examples [kinds]error  // the first of each kind
	waited   []waited      // of connections that have left
}

func newTally() *tally {
	return &tally{latency: hdrhistogram.New(minLatency, maxLatency, 3)}
}

// deliver adds samples and counts; the caller may then forget them.
func (t *tally) deliver(samples []sample, c *counts) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range samples {
		// Clamped into the range, so that RecordValue cannot refuse.
		_ = t.latency.RecordValue(min(max(s.micros, minLatency), maxLatency))
		t.statuses[s.status]++
	}
	t.sum.inside += c.inside
	t.sum.tail += c.tail
	t.sum.warm += c.warm
	t.sum.written += c.written
	t.sum.read += c.read
	t.sum.connects += c.connects
	t.sum.resent += c.resent
	t.sum.abandoned += c.abandoned
	*c = counts{}
}

// leave takes what a connection has waited, at the end of its work.
func (t *tally) leave(w waited) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waited = append(t.waited, w)
}

// fail counts n failures of one kind.
func (t *tally) fail(kind Kind, n int, measured bool, cause error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if measured {
		t.errors[kind] += uint64(n)
	} else {
		t.early[kind] += uint64(n)
	}
	if t.examples[kind] == nil {
		t.examples[kind] = cause
	}
}
