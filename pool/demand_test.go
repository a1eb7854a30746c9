package pool

import (
	"math"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A queue of a worker's own counts in its row; who finds an idle lane is not in it.
func TestMeter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newCrewTest(t, 8, 1)
		row := k.board.Row(63)
		k.queue.Meter(row)
		check := func(what string, waiting int, queued int64) {
			t.Helper()
			var sum Totals
			row.addTo(&sum)
			if row.Waiting() != waiting || sum.Queued != queued {
				t.Errorf("%s: %d wait, %d have waited; want %d, %d", what, row.Waiting(), sum.Queued, waiting, queued)
			}
		}
		c := k.idle()
		if err := k.queue.Do(quick()); err != nil {
			t.Error(err)
		}
		check("an idle lane", 0, 0)
		release := make(chan struct{})
		first := later(func() error { return k.queue.Do(job(func(*Lane, *Task) bool { <-release; return true })) })
		var left atomic.Bool
		gone := quick()
		gone.Left = left.Load
		rest := []chan error{first, later(func() error { return k.queue.Do(quick()) }), later(func() error { return k.queue.Do(gone) })}
		check("a busy lane", 2, 2)
		left.Store(true)
		k.queue.Sweep()
		check("one has left", 1, 2)
		close(release)
		for _, r := range rest {
			<-r
		}
		check("at the end", 0, 2)
		c.Retire()
		<-c.gone
		if row.reset(1, 1, 0, 0); row.queued.Load() != 0 {
			t.Error("a new worker begins with another's count")
		}
	})
}

// A child can write anything.
func TestWaitingIsBounded(t *testing.T) {
	row := newBoard(t, 1, 1).Row(0)
	for _, n := range []int64{math.MinInt64, -1, math.MaxInt64, 1 << 40} {
		row.waiting.Store(n)
		row.queued.Store(uint64(n))
		var sum Totals
		for range MaxSlots {
			row.addTo(&sum)
		}
		if got := row.Waiting(); got < 0 || got > believed || sum.Queued < 0 {
			t.Errorf("%d: %d wait, the sum of those who did is %d", n, got, sum.Queued)
		}
	}
}

// Workers with queues of their own.
func TestDemandOfWorkersQueues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := supervise(t, Config{MinServers: 1, MaxServers: 3, MaxSpareServers: 1}, &script{leave: time.Hour})
		v.expect("start 1, ready 1")
		busy := func(i int) *Row {
			w := v.backend.all()[i]
			w.spec.Board.Line(w.spec.Slot, 0).setState(Working)
			return w.spec.Row()
		}
		// Two wait for the only worker, which is busy.
		first := busy(0)
		first.waiting.Store(2)
		first.queued.Store(5)
		time.Sleep(sparePoll)
		v.expect("start 2, start 3, ready 2, ready 3")
		if st, err := v.Status(t.Context()); err != nil || st.Waiting != 2 || st.Totals.Queued != 5 {
			t.Errorf("%d wait, %d have waited, %v", st.Waiting, st.Totals.Queued, err)
		}
		first.waiting.Store(0)
		first.queued.Store(7)
		time.Sleep(time.Minute)
		v.expect("retire 3 idle")
		// What waits in one that is leaving is not for others.
		v.backend.all()[2].spec.Row().waiting.Store(9)
		busy(1)
		time.Sleep(time.Minute)
		v.expect("")
		v.backend.all()[0].exit(Event{Cause: CauseCrash})
		v.forget()
		if st, _ := v.Status(t.Context()); st.Totals.Queued != 7 {
			t.Errorf("%d have waited", st.Totals.Queued)
		}
		v.stop(0, ErrNotClean)
	})
}

// What waits where no worker takes it.
func TestDemandFromOutside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var outside, asked atomic.Int64
		v := supervise(t, Config{MinServers: NoLimit, MaxServers: 3}, &script{ready: time.Second}, func(o *Options) {
			o.Outside = func() int { asked.Add(1); return int(outside.Load()) }
		})
		v.expect("")
		before := time.Now()
		v.Demand() // there is none, after all
		v.expect("")
		outside.Store(1)
		v.Demand()
		v.expect("start 1")
		if !time.Now().Equal(before) {
			t.Error("not at once")
		}
		time.Sleep(time.Second)
		outside.Store(-7)
		v.expect("ready 1")
		time.Sleep(time.Minute)
		v.expect("retire 1 idle, exited 1 idle")
		// Nobody calls, and it is found out all the same.
		outside.Store(2)
		time.Sleep(sparePoll)
		v.expect("start 2, start 3")
		// A fixed number does not ask.
		scaled := v.config
		scaled.MinServers = 3
		outside.Store(0)
		if err := v.Reload(t.Context(), scaled); err != nil {
			t.Error(err)
		}
		n := asked.Load()
		v.Demand()
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := asked.Load(); got != n {
			t.Errorf("asked %d times", got-n)
		}
		v.stop(0, ErrNotClean)
	})
}
