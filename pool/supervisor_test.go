package pool

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

const startTwo = "start 1, start 2, ready 1, ready 2"

func TestSupervisorLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		v := supervise(t, Config{MaxServers: 2}, &script{})
		if err := v.Ready(ctx); err != nil {
			t.Error(err)
		}
		v.expect(startTwo)
		// A crash after a request is made up for at once.
		w := v.backend.all()[0]
		w.spec.Row().begun.Store(3)
		w.exit(Event{Cause: CauseCrash, Exit: "exit 3", Request: "GET /x"})
		v.expect("exited 1 crash, start 3, ready 3")
		// The last request.
		w = v.backend.all()[1]
		w.report(Event{Kind: Expiring, Cause: CauseMaxRequests})
		w.report(Event{Kind: Spent, Cause: CauseMaxRequests})
		v.expect("expiring 2 max_requests, start 4, ready 4, retire 2 max_requests, exited 2 max_requests")
		if got := v.backend.all()[3].spec.Predecessor; got != 2 {
			t.Errorf("predecessor %d", got)
		}
		// An operator's wish.
		if err := v.Recycle(ctx, v.backend.all()[2].spec.Slot); err != nil {
			t.Error(err)
		}
		v.expect("expiring 3 recycle, start 5, ready 5, retire 3 recycle, exited 3 recycle")
		if err := v.Recycle(ctx, 63); !errors.Is(err, ErrNoWorker) {
			t.Error(err)
		}
		// One that leaves by itself after it has asked to.
		w = v.backend.all()[3]
		v.backend.change(func(s *script) { s.ready = time.Second })
		w.spec.Row().begun.Store(1)
		w.report(Event{Kind: Expiring, Cause: CauseMaxRequests})
		synctest.Wait()
		w.exit(Event{Cause: CauseDone})
		v.expect("expiring 4 max_requests, start 6, exited 4 max_requests")
		time.Sleep(time.Second)
		v.expect("ready 6")
		st, err := v.Status(ctx)
		if err != nil || len(st.Workers) != 2 || st.Totals.Spawned != 6 || st.Totals.Requests != 4 || len(st.Exits) != 4 {
			t.Errorf("%+v %v", st, err)
		}
		if x := st.Exits[3]; x.Cause != CauseCrash || x.Status != "exit 3" || x.Request != "GET /x" || x.Requests != 3 || x.PID != 1001 {
			t.Errorf("first exit %+v", x)
		}
		if st.Totals.Exits[CauseMaxRequests] != 2 || st.Workers[0].State != Idle || st.Workers[0].PID == 0 {
			t.Errorf("%+v", st)
		}
		v.stop(time.Second, nil)
		v.expect("retire 5 stop, retire 6 stop, exited 5 stop, exited 6 stop")
	})
}

func TestSupervisorStop(t *testing.T) {
	for _, test := range []struct {
		name    string
		leave   time.Duration
		timeout time.Duration
		after   time.Duration
		err     error
		steps   string
	}{
		{"clean", 3 * time.Second, 5 * time.Second, 3 * time.Second, nil, "retire 1 stop, exited 1 stop"},
		{"stuck", -1, 5 * time.Second, 5 * time.Second, ErrNotClean, "retire 1 stop, kill 1 killed, exited 1 killed"},
		{"at once", -1, 0, 0, ErrNotClean, "kill 1 killed, exited 1 killed"},
		{"without limit", time.Hour, NoLimit, time.Hour, nil, "retire 1 stop, exited 1 stop"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := supervise(t, Config{MaxServers: 1}, &script{leave: test.leave})
				v.expect("start 1, ready 1")
				start := time.Now()
				v.stop(test.timeout, test.err)
				if d := time.Since(start).Round(time.Millisecond); d != test.after {
					t.Errorf("after %s", d)
				}
				v.expect(test.steps)
			})
		})
	}
}

// A second Stop may make the deadline earlier, never later; the end of the
// context kills; whoever waits is answered.
func TestSupervisorStopTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := supervise(t, Config{MaxServers: 1}, &script{leave: -1, ready: time.Second})
		ready := later(func() error { return v.Ready(t.Context()) })
		scaled := later(func() error { return v.Scale(t.Context(), 2, false) })
		pending(t, ready)
		time.Sleep(time.Second)
		if err := errors.Join(<-ready, <-scaled); err != nil {
			t.Error(err)
		}
		recycled := later(func() error { return v.Recycle(t.Context(), 0) })
		start := time.Now()
		v.Stop(NoLimit)
		v.Stop(10 * time.Second)
		v.Stop(time.Hour)
		v.Stop(NoLimit)
		if err := v.Reload(t.Context(), v.config); !errors.Is(err, ErrStopped) {
			t.Errorf("Reload while stopping: %v", err)
		}
		pending(t, recycled)
		if err := <-v.done; !errors.Is(err, ErrNotClean) || time.Since(start) != 10*time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
		if err := <-recycled; err != nil && !errors.Is(err, ErrStopped) {
			t.Error(err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		v := supervise(t, Config{MaxServers: 2}, &script{leave: -1})
		paused := later(func() error { return v.Pause(t.Context()) })
		v.cancel()
		if err := <-v.done; !errors.Is(err, ErrNotClean) {
			t.Error(err)
		}
		if err := <-paused; err != nil && !errors.Is(err, ErrStopped) {
			t.Error(err)
		}
	})
	// A waiter whose own context ends first.
	synctest.Test(t, func(t *testing.T) {
		v := supervise(t, Config{MaxServers: 1}, &script{ready: -1})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := v.Ready(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		ready := later(func() error { return v.Ready(t.Context()) })
		v.stop(0, ErrNotClean)
		if err := <-ready; !errors.Is(err, ErrStopped) {
			t.Error(err)
		}
	})
}

// A backend may report from within a call, any number of times.
func TestSupervisorReportsFromWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := supervise(t, Config{MaxServers: 2}, &script{flood: 1000})
		v.expect(startTwo)
		v.stop(time.Minute, nil)
		v.backend.all()[0].report(Event{Kind: Exited}) // to nobody
	})
}

func TestSupervisorLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := supervise(t, Config{MaxServers: 1, MaxLost: 1}, &script{leave: -1})
		v.expect("start 1, ready 1")
		for _, want := range []string{
			"wedged 1 timeout, start 2, ready 2, retire 1 timeout, exited 1 timeout",
			"wedged 2 timeout, start 3, ready 3, retire 2 timeout, exited 2 timeout, retire 3 scale, exited 3 scale",
		} {
			w := v.backend.all()[len(v.backend.all())-1]
			w.spec.Row().lost.Store(1)
			w.report(Event{Kind: Wedged, Cause: CauseTimeout})
			synctest.Wait()
			if !v.roster.find(w.spec.ID).spent {
				t.Error("a worker without a lane that lives can take requests")
			}
			w.exit(Event{Cause: CauseTimeout, Lost: true})
			synctest.Wait()
			if last := v.backend.all()[len(v.backend.all())-1]; last.told() {
				last.exit(Event{})
			}
			v.expect(want)
		}
		st, _ := v.Status(t.Context())
		if len(st.Workers) != 2 || st.Workers[0].State != Lost || st.Want != 0 || st.Workers[0].Slot == st.Workers[1].Slot {
			t.Errorf("%+v", st)
		}
		// One comes back: there may be a worker again, in its slot.
		w := v.backend.all()[0]
		w.report(Event{Kind: Returned})
		v.expect("start 4, ready 4")
		if got := v.backend.all()[3].spec; got.Slot != w.spec.Slot || got.Row().LostLanes() != 0 {
			t.Errorf("slot %d", got.Slot)
		}
		v.stop(0, ErrNotClean)
	})
}

func TestSupervisorStartTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := supervise(t, Config{MaxServers: 1, StartTimeout: 5 * time.Second}, &script{ready: -1})
		v.expect("start 1")
		time.Sleep(5 * time.Second)
		v.expect("kill 1 start, start 2, exited 1 start")
		v.stop(0, ErrNotClean)
	})
	// MaxLifetime and jitter.
	synctest.Test(t, func(t *testing.T) {
		v := supervise(t, Config{MaxServers: 20, MaxSurge: 20, MaxRequests: 100, MaxRequestsJitter: 50, Seed: 7, MaxLifetime: time.Hour}, &script{})
		limits := make(map[uint64]bool)
		for _, w := range v.backend.all() {
			limit := w.spec.Row().Limit()
			limits[limit] = true
			if limit < 50 || limit > 100 {
				t.Errorf("limit %d", limit)
			}
		}
		if len(limits) < 5 {
			t.Errorf("limits %v", limits)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if st, _ := v.Status(t.Context()); st.Totals.Exits[CauseMaxLifetime] != 20 {
			t.Errorf("%+v", st.Totals)
		}
		v.stop(NoLimit, nil)
	})
}

// Workers on demand: none, then as many as there are requests, then none.
func TestSupervisorOnDemand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue(64)
		v := supervise(t, Config{MinServers: NoLimit, MaxServers: 3}, &script{ready: time.Second},
			func(o *Options) { o.Queue = q })
		if err := v.Ready(t.Context()); err != nil {
			t.Error(err)
		}
		v.expect("")
		task := quick()
		start := time.Now()
		answer := later(func() error { return q.Do(task) })
		v.expect("start 1")
		time.Sleep(time.Second)
		w := v.backend.all()[0]
		c, err := q.NewCrew(w.spec.Board, w.spec.Slot, CrewHooks{Report: w.report, Ended: func() {}, Gone: func() {}})
		if err != nil {
			t.Fatal(err)
		}
		go c.Lanes()[0].Run(&funcRunner{})
		if err := <-answer; err != nil || time.Since(start) != time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
		v.expect("ready 1")
		time.Sleep(25 * time.Second)
		v.expect("")
		time.Sleep(20 * time.Second)
		v.expect("retire 1 idle, exited 1 idle")
		c.Retire()
		v.stop(NoLimit, nil)
	})
}

func TestSupervisorNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := supervise(t, Config{MaxServers: 3}, &script{}, func(o *Options) { o.Board = newBoard(t, 2, 1) })
		time.Sleep(time.Second)
		v.expect(startTwo)
		v.stop(NoLimit, nil)
		if !slices.IsSortedFunc(v.tally.Failures, func(a, b Failure) int { return a.At.Compare(b.At) }) {
			t.Error("failures out of order")
		}
	})
}
