package pool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// script is a backend whose workers do what a test says, in the bubble's time.
type script struct {
	mu      sync.Mutex
	ready   time.Duration // how long a worker takes to be ready; <0: never is
	leave   time.Duration // how long a retired one takes to leave; <0: never does
	failing bool          // Start returns an error
	quits   bool          // a worker leaves by itself instead of being ready
	dying   error         // a worker dies of it instead of being ready
	flood   int           // reports made from within Start and Retire
	workers []*scripted
}

var errScript = errors.New("scripted failure")

// all are the workers that were ever started, by birth.
func (s *script) all() []*scripted {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.workers)
}

func (s *script) change(f func(*script)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

func (w *scripted) told() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.retired
}

type scripted struct {
	*script
	spec    Spec
	report  func(Event)
	retired bool
	serves  atomic.Bool
}

func (s *script) Start(spec Spec, report func(Event)) (Worker, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failing {
		return nil, errScript
	}
	w := &scripted{script: s, spec: spec, report: report}
	s.workers = append(s.workers, w)
	for range s.flood {
		report(Event{Kind: EventKind(99)})
	}
	switch {
	case s.quits:
		time.AfterFunc(10*time.Millisecond, func() { w.exit(Event{Cause: CauseDone}) })
	case s.dying != nil:
		err := s.dying
		time.AfterFunc(max(0, s.ready), func() { w.exit(Event{Cause: CauseStart, Err: err}) })
	case s.ready == 0:
		report(Event{Kind: Ready})
	case s.ready > 0:
		time.AfterFunc(s.ready-w.lead(), func() { w.serves.Store(true); report(Event{Kind: Ready}) })
	}
	return w, nil
}

// lead makes what several workers do at the same time happen in their order.
func (w *scripted) lead() time.Duration { return time.Microsecond - time.Duration(w.spec.ID) }

func (w *scripted) PID() int { return 1000 + int(w.spec.ID) }

func (w *scripted) Retire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.retired = true
	for range w.flood {
		w.report(Event{Kind: EventKind(99)})
	}
	switch {
	case w.leave == 0:
		w.exit(Event{})
	case w.leave > 0:
		time.AfterFunc(w.leave-w.lead(), func() { w.exit(Event{}) })
	}
}

func (w *scripted) Kill() { w.exit(Event{Exit: "signal: killed"}) }

func (w *scripted) exit(e Event) {
	e.Kind, e.PID = Exited, w.PID()
	w.report(e)
}

// supervision is a supervisor that runs in a bubble.
type supervision struct {
	*Supervisor
	t       *testing.T
	backend *script
	mu      sync.Mutex
	steps   []string
	done    chan error
	ctx     context.Context
	cancel  context.CancelFunc
}

func supervise(t *testing.T, c Config, backend *script, change ...func(*Options)) *supervision {
	t.Helper()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	v := &supervision{t: t, backend: backend, done: make(chan error, 1)}
	o := Options{Backend: backend, Board: newBoard(t, 64, 1), Observe: func(s Step) {
		step := fmt.Sprintf("%s %d", s.What, s.Worker)
		if s.Cause != "" {
			step += " " + string(s.Cause)
		}
		v.mu.Lock()
		v.steps = append(v.steps, step)
		v.mu.Unlock()
	}}
	for _, f := range change {
		f(&o)
	}
	v.Supervisor = New(c.WithDefaults(), o)
	v.ctx, v.cancel = context.WithCancel(t.Context())
	go func() { v.done <- v.Run(v.ctx) }()
	synctest.Wait()
	return v
}

// expect compares the steps since the last time.
func (v *supervision) expect(want string) {
	v.t.Helper()
	if got := v.forget(); got != want {
		v.t.Errorf("steps:\n got %s\nwant %s", got, want)
	}
}

// forget are the steps since the last time.
func (v *supervision) forget() string {
	synctest.Wait()
	v.mu.Lock()
	defer v.mu.Unlock()
	steps := strings.Join(v.steps, ", ")
	v.steps = nil
	return steps
}

func (v *supervision) stop(timeout time.Duration, want error) {
	v.t.Helper()
	v.Stop(timeout)
	if err := <-v.done; !errors.Is(err, want) || (want == nil) != (err == nil) {
		v.t.Errorf("Run: %v, expected %v", err, want)
	}
	v.cancel()
	ctx := context.Background()
	for name, err := range map[string]error{
		"Ready": v.Ready(ctx), "Scale": v.Scale(ctx, 2, false), "Recycle": v.Recycle(ctx, 0),
		"Reload": v.Reload(ctx, v.config), "Pause": v.Pause(ctx),
	} {
		if !errors.Is(err, ErrStopped) {
			v.t.Errorf("%s after the end: %v", name, err)
		}
	}
	if _, err := v.Status(ctx); !errors.Is(err, ErrStopped) {
		v.t.Errorf("Status after the end: %v", err)
	}
	v.Stop(0)
}

// later runs a command and gives its outcome.
func later(f func() error) chan error {
	c := make(chan error, 1)
	go func() { c <- f() }()
	synctest.Wait()
	return c
}

func pending(t *testing.T, c chan error) {
	t.Helper()
	synctest.Wait()
	select {
	case err := <-c:
		t.Errorf("over too early: %v", err)
		c <- err
	default:
	}
}

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
				if d := time.Since(start); d != test.after {
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

func TestSupervisorReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := supervise(t, Config{MaxServers: 2}, &script{ready: time.Second, leave: time.Second})
		time.Sleep(time.Second)
		v.expect(startTwo)
		c := v.given
		c.MaxRequests = 77
		start := time.Now()
		if err := v.Reload(t.Context(), c); err != nil || time.Since(start).Round(time.Millisecond) != 4*time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
		v.expect("start 3, ready 3, retire 1 reload, exited 1 reload, start 4, ready 4, retire 2 reload, exited 2 reload")
		if w := v.backend.all()[3]; w.spec.Generation != 2 || w.spec.Row().Limit() != 77 || w.spec.Config.MaxRequests != 77 {
			t.Errorf("%+v", w.spec)
		}
		// A reload in the middle of another takes its place.
		one := later(func() error { return v.Reload(t.Context(), c) })
		time.Sleep(1500 * time.Millisecond)
		two := later(func() error { return v.Reload(t.Context(), c) })
		pending(t, one)
		if err := errors.Join(<-one, <-two); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		for _, w := range v.backend.all()[:5] {
			if !w.told() {
				t.Errorf("%d is still there", w.spec.ID)
			}
		}
		v.forget()
		v.stop(NoLimit, nil)
	})
}

// Workers of a new generation that do not start leave the old ones alone, and
// the reload says why.
func TestSupervisorReloadFails(t *testing.T) {
	for name, change := range map[string]func(*script){
		"dies":   func(s *script) { s.dying = errScript },
		"cannot": func(s *script) { s.failing = true },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := supervise(t, Config{MaxServers: 2}, &script{})
				v.expect(startTwo)
				v.backend.change(change)
				if err := v.Reload(t.Context(), v.given); !errors.Is(err, errScript) {
					t.Errorf("Reload: %v", err)
				}
				st, err := v.Status(t.Context())
				if err != nil || len(st.Workers) < 2 || st.Workers[0].State != Idle || st.Workers[1].State != Idle {
					t.Errorf("%+v %v", st.Workers, err)
				}
				synctest.Wait()
				if v.backend.all()[0].told() || v.backend.all()[1].told() {
					t.Error("the old ones were told to leave")
				}
				// It goes on trying, and backs off.
				before := st.Totals.Spawned
				time.Sleep(time.Minute)
				st, _ = v.Status(t.Context())
				if n := st.Totals.Spawned - before; n < 3 || n > 25 {
					t.Errorf("%d starts in a minute", n)
				}
				v.backend.change(func(s *script) { s.dying, s.failing = nil, false })
				if err := v.Reload(t.Context(), v.given); err != nil {
					t.Error(err)
				}
				v.stop(NoLimit, nil)
			})
		})
	}
	// Never ready, and ended without a word: both are failures of the start.
	synctest.Test(t, func(t *testing.T) {
		v := supervise(t, Config{MaxServers: 1}, &script{})
		v.backend.change(func(s *script) { s.ready = -1 })
		err := v.Reload(t.Context(), v.given)
		if err == nil || !strings.Contains(err.Error(), "not ready in time") {
			t.Errorf("Reload: %v", err)
		}
		synctest.Wait()
		v.backend.change(func(s *script) { s.quits = true })
		if err = v.Reload(t.Context(), v.given); err == nil || !strings.Contains(err.Error(), "does not start") {
			t.Errorf("Reload: %v", err)
		}
		v.stop(time.Minute, nil)
	})
}

func TestSupervisorScale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := supervise(t, Config{MaxServers: 2}, &script{ready: time.Second, leave: time.Second})
		time.Sleep(time.Second)
		v.expect(startTwo)
		up := later(func() error { return v.Scale(t.Context(), 2, true) })
		pending(t, up)
		if err := <-up; err != nil {
			t.Error(err)
		}
		v.expect("start 3, start 4, ready 3, ready 4")
		// Down, and up again before it is done.
		down := later(func() error { return v.Scale(t.Context(), 1, false) })
		pending(t, down)
		if err := v.Scale(t.Context(), 3, false); err != nil {
			t.Error(err)
		}
		if err := <-down; err != nil {
			t.Error(err)
		}
		v.expect("retire 4 scale, retire 3 scale, retire 2 scale, exited 4 scale, start 5, " +
			"exited 3 scale, exited 2 scale, start 6, ready 5, ready 6")
		for _, n := range []int{0, -1, MaxSlots} {
			if err := v.Scale(t.Context(), n, false); !errors.Is(err, ErrConfig) {
				t.Errorf("Scale(%d): %v", n, err)
			}
		}
		// Reload during scale and scale during reload: both are heard.
		one := later(func() error { return v.Scale(t.Context(), 4, false) })
		two := later(func() error { c := v.given; c.MaxServers, c.MinServers = 2, 2; return v.Reload(t.Context(), c) })
		three := later(func() error { return v.Scale(t.Context(), 3, false) })
		if err := errors.Join(<-one, <-two, <-three); err != nil {
			t.Error(err)
		}
		if st, _ := v.Status(t.Context()); st.Want != 3 || len(st.Workers) != 3 || st.Workers[0].Generation != 2 {
			t.Errorf("%+v", st)
		}
		v.stop(NoLimit, nil)
	})
}

// A pool that follows the load still does so after it was scaled down to its
// lowest number and up again.
func TestSupervisorScaleElastic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := supervise(t, Config{MaxServers: 8, MinServers: 4, MinSpareServers: 1}, &script{})
		for _, n := range []int{4, 2, 8} {
			if err := v.Scale(t.Context(), n, false); err != nil {
				t.Error(err)
			}
		}
		if c, err := v.Config(t.Context()); err != nil || c.MinServers != 4 || c.MaxServers != 8 || !c.Elastic() {
			t.Errorf("%+v %v", c, err)
		}
		v.stop(NoLimit, nil)
	})
}

func TestSupervisorPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := supervise(t, Config{MaxServers: 2}, &script{leave: time.Second})
		v.expect(startTwo)
		paused := later(func() error { return v.Pause(t.Context()) })
		reloading := later(func() error { return v.Scale(t.Context(), 3, false) })
		if err := <-paused; !errors.Is(err, ErrSuperseded) {
			t.Errorf("Pause: %v", err)
		}
		if err := <-reloading; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		v.backend.change(func(s *script) { s.ready = time.Second })
		reloading = later(func() error { return v.Reload(t.Context(), v.given) })
		if err := v.Pause(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-reloading; !errors.Is(err, ErrSuperseded) {
			t.Errorf("Reload: %v", err)
		}
		v.forget()
		time.Sleep(time.Hour)
		v.expect("")
		if err := v.Reload(t.Context(), v.given); err != nil {
			t.Error(err)
		}
		if st, _ := v.Status(t.Context()); len(st.Workers) != 2 {
			t.Errorf("%+v", st.Workers)
		}
		v.stop(NoLimit, nil)
	})
}

// Recycling that never stops, as under load, hides nothing: commands have their
// outcome.
func TestSupervisorCommandsUnderRecycling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := supervise(t, Config{MaxServers: 3}, &script{ready: 10 * time.Millisecond, leave: 10 * time.Millisecond})
		over := make(chan struct{})
		var next int
		tick := time.NewTicker(7 * time.Millisecond)
		go func() {
			for {
				select {
				case <-over:
					return
				case <-tick.C:
					if all := v.backend.all(); next < len(all) && all[next].serves.Load() {
						all[next].report(Event{Kind: Expiring, Cause: CauseMaxRequests})
						next++
					}
				}
			}
		}()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := errors.Join(v.Ready(ctx), v.Reload(ctx, v.given), v.Scale(ctx, 5, false), v.Scale(ctx, 2, false)); err != nil {
			t.Error(err)
		}
		close(over)
		tick.Stop()
		v.stop(NoLimit, nil)
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
