package pool

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

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
				// That is final: nothing comes of it when the cause is gone, unasked.
				before := st.Totals.Spawned
				v.backend.change(func(s *script) { s.dying, s.failing = nil, false })
				time.Sleep(time.Minute)
				st, _ = v.Status(t.Context())
				if n := st.Totals.Spawned - before; n != 0 || st.Generation != 1 {
					t.Errorf("%d starts in a minute, generation %d", n, st.Generation)
				}
				// The next generation has a number of its own.
				if err := v.Reload(t.Context(), v.given); err != nil {
					t.Error(err)
				}
				if st, _ = v.Status(t.Context()); st.Generation != 3 || st.Workers[0].Generation != 3 {
					t.Errorf("generation %d", st.Generation)
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
		v.expect("retire 4 scale, retire 3 scale, retire 2 scale, exited 2 scale, start 5, " +
			"exited 3 scale, start 6, exited 4 scale, ready 5, ready 6")
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

// Whoever asks for what happens already gets it: a slot is never without a worker for
// somebody who sees one there.
func TestSupervisorRecycleTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Since its successor is in another slot, slot 0 has only one that leaves.
		v := supervise(t, Config{MaxServers: 1}, &script{leave: time.Minute})
		v.expect("start 1, ready 1")
		first := later(func() error { return v.Recycle(t.Context(), 0) })
		v.expect("expiring 1 recycle, start 2, ready 2, retire 1 recycle")
		second := later(func() error { return v.Recycle(t.Context(), 0) })
		pending(t, second)
		if err := errors.Join(<-first, <-second); err != nil {
			t.Error(err)
		}
		v.expect("exited 1 recycle")
		if err := v.Recycle(t.Context(), 0); !errors.Is(err, ErrNoWorker) {
			t.Errorf("a slot without a worker: %v", err)
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
