package pool

import (
	"math"
	"math/bits"
	"slices"
	"sync/atomic"
	"time"
)

// bounds are the upper bounds of the buckets, in nanoseconds: 50 us, and 1, 1.5,
// 2.5 and 5 of each power of ten from 100 us to 100 s. Neighbours are at most a
// factor of 2 apart, and what service levels are written in (0.1 s, 0.25 s, 0.5 s,
// 1 s) is among them.
var bounds = [...]int64{
	50e3,
	100e3, 150e3, 250e3, 500e3,
	1e6, 1500e3, 2500e3, 5e6,
	10e6, 15e6, 25e6, 50e6,
	100e6, 150e6, 250e6, 500e6,
	1e9, 1500e6, 2500e6, 5e9,
	10e9, 15e9, 25e9, 50e9,
	100e9,
}

// firstBound tells for a number of bits the first bucket that a duration of so
// many bits may belong to; at most two further ones have to be looked at.
var firstBound = func() (first [65]uint8) {
	for n := range first {
		least := int64(0)
		if n > 0 {
			least = int64(min(uint64(1)<<(n-1), math.MaxInt64))
		}
		i, _ := slices.BinarySearch(bounds[:], least)
		first[n] = uint8(i)
	}
	return first
}()

// Buckets are the upper bounds of the buckets of every Histogram, ascending. A
// duration belongs to the first bucket whose bound is not less; one above them
// all belongs to the bucket that follows the last. The slice is the caller's.
func Buckets() []time.Duration {
	list := make([]time.Duration, len(bounds))
	for i, b := range bounds {
		list[i] = time.Duration(b)
	}
	return list
}

// Histogram counts durations in fixed logarithmic buckets. The zero value is
// empty and ready. It is 256 bytes of atomic counters without a pointer, so that
// it can lie in memory that processes share; no lock is taken and nothing
// allocated.
type Histogram struct {
	counts [len(bounds) + 1]atomic.Uint64
	sum    atomic.Uint64 // nanoseconds
	_      [4]uint64
}

// Observe counts a duration; a negative one, as clocks that are set bring about,
// counts as 0. It is safe for concurrent use.
func (h *Histogram) Observe(d time.Duration) {
	n := int64(max(d, 0))
	i := int(firstBound[bits.Len64(uint64(n))])
	for i < len(bounds) && n > bounds[i] {
		i++
	}
	h.counts[i].Add(1)
	if n > 0 {
		h.sum.Add(uint64(n))
	}
}

func (h *Histogram) reset() {
	for i := range h.counts {
		h.counts[i].Store(0)
	}
	h.sum.Store(0)
}

// Snapshot reads the counters. Beside concurrent calls of Observe, the sum may
// already have what the counts do not, or the other way round.
func (h *Histogram) Snapshot() Distribution {
	var d Distribution
	h.addTo(&d)
	return d
}

// mostSum bounds what is believed of a sum that a child can write to: 36 years.
const mostSum = 1 << 60

// addTo adds the counters to d. What a child may have written is bounded, and
// sums that would overflow stay at the highest value.
func (h *Histogram) addTo(d *Distribution) {
	if d.Counts == nil {
		d.Counts = make([]uint64, len(h.counts))
	}
	for i := range h.counts {
		n := min(h.counts[i].Load(), most, mostCount-d.Counts[i])
		d.Counts[i] += n
		d.Count += n
	}
	sum := int64(min(h.sum.Load(), mostSum))
	if int64(d.Sum) > math.MaxInt64-sum {
		sum = math.MaxInt64 - int64(d.Sum)
	}
	d.Sum += time.Duration(sum)
}

// mostCount is where the counter of a bucket stays, so that the sum of all of
// them is an int64.
const mostCount = 1 << 58

// Distribution is what a histogram held at one moment.
type Distribution struct {
	// Counts are the durations by bucket, not cumulative: one number for each
	// of Buckets, and a last one for what was above them all. Nil if there was no
	// histogram.
	Counts []uint64
	// Sum of all durations. It stays at its highest value, 292 years, rather than
	// overflow.
	Sum time.Duration
	// Count is the sum of Counts.
	Count uint64
}

// clone is a copy that shares nothing with d.
func (d Distribution) clone() Distribution {
	d.Counts = slices.Clone(d.Counts)
	return d
}

// Quantile estimates the duration that the share q of all durations, from 0 to
// 1, do not exceed, by linear interpolation within its bucket, and never more than
// the sum of all. It is 0 if nothing was counted, and the last bound for all that
// is above it.
func (d Distribution) Quantile(q float64) time.Duration {
	if d.Count == 0 {
		return 0
	}
	rank := min(max(q, 0), 1) * float64(d.Count)
	below, seen := int64(0), 0.0
	for i, n := range d.Counts {
		if i == len(bounds) {
			break
		}
		if c := float64(n); n > 0 && seen+c >= rank {
			share := max(rank-seen, 0) / c
			return min(time.Duration(float64(below)+share*float64(bounds[i]-below)), d.Sum)
		}
		seen += float64(n)
		below = bounds[i]
	}
	return min(time.Duration(bounds[len(bounds)-1]), d.Sum)
}

// Timing is what is measured of the requests of one slot, or of one share of a
// front's connections. The zero value is empty and ready.
type Timing struct {
	wait Histogram // in the queue
	run  Histogram // from the beginning on a lane to the end
}

// Observe counts a request that has been run: how long it waited for a lane, 0 if
// it found one at once, and how long it ran from its beginning. Requests that no
// lane has begun are not observed. It is safe for concurrent use and allocates
// nothing.
func (t *Timing) Observe(wait, run time.Duration) {
	t.wait.Observe(wait)
	t.run.Observe(run)
}

func (t *Timing) reset() {
	t.wait.reset()
	t.run.reset()
}

func (t *Timing) addTo(all *Totals) {
	t.wait.addTo(&all.Wait)
	t.run.addTo(&all.Duration)
}

// Timings are what a front writes to: its connections share a few Timings among
// them, so that processors seldom meet at one counter.
type Timings struct {
	list []Timing
	next atomic.Uint32
}

// NewTimings makes the timings of a front in this process's own memory, in n
// shares, at least 1. They are part of the totals if they are in Options.Timings.
func NewTimings(n int) *Timings { return &Timings{list: make([]Timing, max(n, 1))} }

// Share is the share of the next connection, in turn. It is safe for concurrent
// use.
func (t *Timings) Share() *Timing {
	return &t.list[int(t.next.Add(1)-1)%len(t.list)]
}

func (t *Timings) addTo(all *Totals) {
	for i := range t.list {
		t.list[i].addTo(all)
	}
}
