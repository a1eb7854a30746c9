package pool

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
	"unsafe"
)

func TestHistogramBuckets(t *testing.T) {
	list := Buckets()
	if n := len(list); n < 24 || n > 32 || !slices.IsSorted(list) {
		t.Fatalf("%d buckets: %v", n, list)
	}
	if list[0] != 50*time.Microsecond || list[len(list)-1] != 100*time.Second {
		t.Errorf("from %v to %v", list[0], list[len(list)-1])
	}
	for i := 1; i < len(list); i++ {
		if r := float64(list[i]) / float64(list[i-1]); r < 1.4 || r > 2 {
			t.Errorf("%v and %v are a factor of %.2f apart", list[i-1], list[i], r)
		}
	}
	list[0] = 0
	if Buckets()[0] == 0 {
		t.Error("the caller's slice is ours")
	}
	if unsafe.Sizeof(Histogram{}) != 256 || unsafe.Sizeof(Timing{}) != 512 {
		t.Errorf("histogram of %d bytes, timing of %d", unsafe.Sizeof(Histogram{}), unsafe.Sizeof(Timing{}))
	}
}

// Every duration is in the bucket that a plain search finds.
func TestHistogramObserve(t *testing.T) {
	list := Buckets()
	durations := []time.Duration{math.MinInt64, -1, 0, 1, 2, math.MaxInt64, math.MaxInt64 - 1}
	for _, b := range list {
		durations = append(durations, b-1, b, b+1)
	}
	for n := range 63 {
		durations = append(durations, 1<<n, 1<<n-1, 1<<n+1)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 10000 {
		durations = append(durations, time.Duration(random.Int64()>>random.IntN(63)))
	}
	for _, d := range durations {
		var h Histogram
		h.Observe(d)
		want, _ := slices.BinarySearch(list, max(d, 0))
		s := h.Snapshot()
		if s.Count != 1 || s.Counts[want] != 1 || s.Sum != min(max(d, 0), mostSum) {
			t.Errorf("%d: %+v, want bucket %d", d, s, want)
		}
	}
}

func TestHistogramConcurrent(t *testing.T) {
	all := NewTimings(3)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			one := all.Share()
			for i := range 1000 {
				one.Observe(time.Duration(i)*time.Millisecond, time.Second)
			}
		})
	}
	wg.Wait()
	var sum Totals
	all.addTo(&sum)
	if sum.Wait.Count != 8000 || sum.Duration.Count != 8000 || sum.Duration.Sum != 8000*time.Second {
		t.Errorf("%+v", sum)
	}
	for i := range all.list {
		if all.list[i].run.Snapshot().Count == 0 {
			t.Errorf("share %d was never used", i)
		}
	}
	if len(NewTimings(-1).list) != 1 {
		t.Error("no share")
	}
}

func TestDistributionQuantile(t *testing.T) {
	var h Histogram
	if q := h.Snapshot().Quantile(0.5); q != 0 {
		t.Errorf("of nothing: %v", q)
	}
	if q := (Distribution{}).Quantile(0.5); q != 0 {
		t.Errorf("of the zero value: %v", q)
	}
	h.Observe(0)
	h.Observe(3)
	if q := h.Snapshot().Quantile(0.9); q != 3 {
		t.Errorf("more than the sum: %v", q)
	}
	h = Histogram{}
	for range 90 {
		h.Observe(2 * time.Millisecond) // in (1.5 ms, 2.5 ms]
	}
	for range 10 {
		h.Observe(time.Hour)
	}
	s := h.Snapshot()
	for q, want := range map[float64]time.Duration{
		-1: 1500 * time.Microsecond, 0: 1500 * time.Microsecond, 0.45: 2 * time.Millisecond,
		0.9: 2500 * time.Microsecond, 0.91: 100 * time.Second, 1: 100 * time.Second, 7: 100 * time.Second,
	} {
		if got := s.Quantile(q); got != want {
			t.Errorf("%v: %v, want %v", q, got, want)
		}
	}
}

// What workers have observed is in the totals while they live and after, once.
func TestTimingsOfAllWorkers(t *testing.T) {
	b := newBoard(t, 2, 1)
	own := NewTimings(2)
	s := New(Config{MaxServers: 2}.WithDefaults(), Options{Board: b, Timings: own})
	s.start0(t)
	s.start(0)
	b.Timings(0).Share().Observe(0, time.Millisecond)
	b.Timings(1).Share().Observe(time.Second, time.Millisecond)
	own.Share().Observe(time.Minute, time.Second)
	want := func(when string, count uint64, wait, run time.Duration) {
		t.Helper()
		got := s.status().Totals
		if got.Wait.Count != count || got.Duration.Count != count || got.Wait.Sum != wait || got.Duration.Sum != run {
			t.Errorf("%s: %+v %+v", when, got.Wait, got.Duration)
		}
	}
	const run = time.Second + 2*time.Millisecond
	want("alive", 3, 61*time.Second, run)
	s.exited(s.roster.records[0], Event{Kind: Exited})
	want("one is gone", 3, 61*time.Second, run)
	s.start(0)
	want("its slot is used again", 3, 61*time.Second, run)
	b.Timings(0).Share().Observe(0, time.Millisecond)
	want("and its worker observes", 4, 61*time.Second, run+time.Millisecond)
	before := s.status().Totals
	s.exited(s.roster.records[0], Event{Kind: Exited})
	s.exited(s.roster.records[0], Event{Kind: Exited})
	want("all are gone", 4, 61*time.Second, run+time.Millisecond)
	own.Share().Observe(0, 0)
	if before.Wait.Count != 4 {
		t.Error("a status changes after it was read")
	}
}

// Children that write nonsense for ever overflow nothing.
func TestTimingsGarbage(t *testing.T) {
	b := newBoard(t, 1, 1)
	s := New(Config{MaxServers: 1}.WithDefaults(), Options{Board: b})
	mem := unsafe.Slice((*byte)(unsafe.Pointer(&b.timings[0])), unsafe.Sizeof(Timing{}))
	var last Distribution
	for i := range 3000 {
		s.start0(t)
		s.roster.records[0].phase = PhaseLive
		copy(mem[:len(mem)-i%200], bytes.Repeat([]byte{0xff}, len(mem)))
		d := s.status().Totals.Wait
		s.exited(s.roster.records[0], Event{Kind: Exited})
		var sum uint64
		for _, n := range d.Counts {
			sum += n
		}
		if sum != d.Count || d.Count > math.MaxInt64 || d.Sum < 0 || d.Count < last.Count || d.Sum < last.Sum {
			t.Fatalf("life %d: %+v after %+v", i, d, last)
		}
		if q := d.Quantile(0.99); q < 0 || q > 100*time.Second {
			t.Fatalf("quantile %v", q)
		}
		last = d
	}
	if last.Sum != math.MaxInt64 {
		t.Errorf("sum %d", last.Sum)
	}
}

func BenchmarkTimingObserve(b *testing.B) {
	var t Timing
	for i := 0; b.Loop(); i++ {
		t.Observe(0, time.Duration(i)*time.Microsecond)
	}
}
