package pool

import (
	"bytes"
	"math/bits"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"
)

// BenchmarkBeginEnd is a gate: the best of five runs is to stay under 50 ns.
//
//	go test -run '^$' -bench BeginEnd -count 5 ./pool
func BenchmarkBeginEnd(b *testing.B) {
	board := newBoard(b, 1, 1)
	board.reset(0, 1, 1, 0, 0)
	row, line := board.Row(0), board.Line(0, 0)
	method, uri := []byte("GET"), []byte("/some/path/of/usual/length?id=4711")
	b.ReportAllocs()
	for b.Loop() {
		line.Begin(row, 1234567890, method, uri)
		line.End()
	}
}

// BenchmarkQueueDo is a request through an idle lane and back.
func BenchmarkQueueDo(b *testing.B) {
	k := newCrewTest(b, 4, 1)
	c := k.crew(0, nil)
	task := quick()
	b.ReportAllocs()
	for b.Loop() {
		if err := k.queue.Do(task); err != nil {
			b.Fatal(err)
		}
	}
	c.stop()
}

// A kept request allocates nothing, with and without request_timeout, neither
// when it finds an idle lane nor when it has to wait for one.
func TestQueueDoAllocatesNothing(t *testing.T) {
	for name, configure := range map[string]func(*Queue){
		"no limits":       func(q *Queue) { q.Configure(8, 0, 0) },
		"queue_timeout":   func(q *Queue) { q.Configure(8, time.Minute, 0) },
		"request_timeout": func(q *Queue) { q.Configure(8, time.Minute, time.Minute) },
	} {
		k := newCrewTest(t, 4, 1)
		configure(k.queue)
		c := k.crew(0, nil)
		task := quick()
		if n := testing.AllocsPerRun(2000, func() {
			if err := k.queue.Do(task); err != nil {
				t.Error(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations for a request", name, n)
		}
		c.stop()
	}
}

// While lanes are plentiful no request takes a lock of ours. What the channels
// between front and lane do inside the runtime is none: a front waits on its own
// task's channel, and a lane on its own inbox.
//
// The profiles count every wait for a mutex in the process, and none may lie in
// this package. But they would miss a lock that happens to be free, so the test
// holds Queue.mu all the while: a request that wants it never returns.
func TestKeptRequestTakesNoLock(t *testing.T) {
	defer runtime.SetMutexProfileFraction(runtime.SetMutexProfileFraction(1))
	runtime.SetBlockProfileRate(1)
	defer runtime.SetBlockProfileRate(0)
	k := newCrewTest(t, 256, 8)
	crews := []*testCrew{k.crew(0, nil), k.crew(0, nil), k.crew(0, nil)}
	for k.offers() < 24 {
		runtime.Gosched()
	}
	before := ours(t)
	k.queue.mu.Lock()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			task := quick()
			for range 3000 {
				if err := k.queue.Do(task); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	k.queue.mu.Unlock()
	if got := k.queue.Totals().Queued; got != 0 {
		t.Errorf("%d requests waited in the list", got)
	}
	if after := ours(t); after != before {
		t.Errorf("locks in this package were waited for:\n%s", after)
	}
	for _, c := range crews {
		c.stop()
	}
}

// offers counts the lanes that offer themselves.
func (k *crewTest) offers() (n int) {
	for i := range k.queue.idle.words {
		n += bits.OnesCount64(k.queue.idle.words[i].Load())
	}
	return n
}

// ours are the samples of the lock profiles in which a function of this package
// waited for a mutex.
func ours(t *testing.T) string {
	var found strings.Builder
	for _, name := range []string{"mutex", "block"} {
		var text bytes.Buffer
		if err := pprof.Lookup(name).WriteTo(&text, 1); err != nil {
			t.Fatal(err)
		}
		for sample := range strings.SplitSeq(text.String(), "\n\n") {
			for stack := range strings.SplitSeq(sample, "@") {
				if strings.Contains(stack, "sync.(*Mutex)") && strings.Contains(stack, "pool.(*Queue)") {
					found.WriteString(stack)
				}
			}
		}
	}
	return found.String()
}
