package accesslog

import (
	"bytes"
	"sync/atomic"
	"time"
)

// clock writes times of one layout and remembers how the last few seconds read,
// since most requests of a busy server arrive in these.
type clock struct {
	layout layout
	// Second s is kept in place s mod len. Requests are logged when they end, so
	// that several seconds are current at once.
	stamps [16]atomic.Pointer[stamp]
}

// stamp is a second in writing. It is never changed.
type stamp struct {
	second int64
	text   []byte
}

func newClock(l layout) *clock { return &clock{layout: l} }

// append appends the second of an instant, given in nanoseconds since the epoch.
func (c *clock) append(dst []byte, nanos int64) []byte {
	second := nanos / 1e9
	if nanos%1e9 < 0 {
		second--
	}
	place := &c.stamps[uint64(second)%uint64(len(c.stamps))]
	known := place.Load()
	if known != nil && known.second == second {
		return append(dst, known.text...)
	}
	start := len(dst)
	dst = c.layout.append(dst, time.Unix(second, 0))
	// An old request must not drive out a second that others still need, or two
	// kinds of them would allocate in turn for ever. An hour is no request's age
	// but a clock that was set.
	const farOff = 3600
	if known == nil || second > known.second || second < known.second-farOff {
		place.CompareAndSwap(known, &stamp{second, bytes.Clone(dst[start:])})
	}
	return dst
}
