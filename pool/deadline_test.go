package pool

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestLate: workers that are killed because of a limit of time are told which, and
// those that an operator wants dead are killed without a word.
func TestLate(t *testing.T) {
	limits := Config{MaxServers: 1, StartTimeout: time.Second, RetireTimeout: time.Second}
	for want, scenario := range map[string]func(v *supervision){
		"start_timeout": func(v *supervision) {
			v.backend.change(func(s *script) { s.ready = -1 })
			later(func() error { return v.Recycle(v.ctx, 0) })
			time.Sleep(1500 * time.Millisecond)
		},
		"retire_timeout": func(v *supervision) {
			v.backend.change(func(s *script) { s.leave = -1 })
			later(func() error { return v.Recycle(v.ctx, 0) })
			time.Sleep(1500 * time.Millisecond)
		},
		"die_timeout": func(v *supervision) {
			v.backend.change(func(s *script) { s.leave = -1 })
			v.Stop(time.Second)
			time.Sleep(1500 * time.Millisecond)
		},
		"stop": func(v *supervision) {
			v.backend.change(func(s *script) { s.leave = -1 })
			v.Stop(0)
		},
		"stop, twice": func(v *supervision) {
			v.backend.change(func(s *script) { s.leave = -1 })
			v.Stop(time.Hour)
			v.Stop(0)
		},
		"end of the context": func(v *supervision) {
			v.backend.change(func(s *script) { s.leave = -1 })
			v.cancel()
		},
	} {
		t.Run(want, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := supervise(t, limits, &script{})
				scenario(v)
				synctest.Wait()
				got := ""
				for _, w := range v.backend.all() {
					v.backend.change(func(*script) { got += w.late })
				}
				if got != want && (strings.HasSuffix(want, "_timeout") || got != "") {
					t.Errorf("%q", got)
				}
				v.backend.change(func(s *script) { s.ready, s.leave = 0, 0 })
				v.Stop(0)
				<-v.done
				v.cancel()
			})
		})
	}
}

// TestMaxMemory: a worker that has too much memory is replaced like any other; if
// all have that before they serve they are not replaced as fast as can be.
func TestMaxMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := supervise(t, Config{MaxServers: 1}, &script{})
		defer v.stop(time.Second, nil)
		v.expect("start 1, ready 1")
		w := v.backend.all()[0]
		v.options.Board.Line(0, 0).Begin(v.options.Board.Row(0), 1, []byte("GET"), []byte("/"))
		w.report(Event{Kind: Expiring, Cause: CauseMaxMemory})
		v.expect("expiring 1 max_memory, start 2, ready 2, retire 1 max_memory, exited 1 max_memory")
		v.backend.all()[1].exit(Event{Cause: CauseMaxMemory, Exit: "signal: killed"})
		v.expect("exited 2 max_memory") // it has served nothing
		time.Sleep(20 * time.Millisecond)
		v.expect("start 3, ready 3")
		st, err := v.Status(context.Background())
		if err != nil || st.Totals.Exits[CauseMaxMemory] != 2 || len(st.Exits) != 2 {
			t.Errorf("%+v %v", st.Totals, err)
		}
	})
}

// TestUseless: a worker that has served nothing counts as one that failed to start,
// unless it has said before that it was done; one that had too much memory always.
func TestUseless(t *testing.T) {
	for _, c := range []struct {
		name    string
		said    []Event
		exit    Cause
		begun   uint64
		failure bool
	}{
		{"by itself", nil, CauseDone, 0, true},
		{"by itself, after a request", nil, CauseDone, 1, false},
		{"done", []Event{{Kind: Spent, Cause: CauseDone}}, CauseDone, 0, false},
		{"done, after a request", []Event{{Kind: Spent, Cause: CauseDone}}, CauseDone, 1, false},
		{"about to be done", []Event{{Kind: Expiring, Cause: CauseDone}}, CauseDone, 0, false},
		{"last request", []Event{{Kind: Spent, Cause: CauseMaxRequests}}, CauseDone, 0, false},
		{"memory", nil, CauseMaxMemory, 0, true},
		{"memory, after a request", nil, CauseMaxMemory, 1, false},
		{"done and memory", []Event{{Kind: Spent, Cause: CauseDone}}, CauseMaxMemory, 0, true},
		{"said memory", []Event{{Kind: Expiring, Cause: CauseMaxMemory}}, CauseDone, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := supervise(t, Config{MaxServers: 1}, &script{})
				defer v.stop(time.Second, nil)
				// Those that come next do not get ready, and nobody is told to leave.
				v.backend.change(func(s *script) { s.ready = -1 })
				w := v.backend.all()[0]
				w.spec.Row().begun.Store(c.begun)
				for _, e := range c.said {
					w.report(e)
				}
				w.exit(Event{Cause: c.exit})
				synctest.Wait()
				if n := len(v.tally.Failures); n > 1 || (n > 0) != c.failure {
					t.Errorf("%d failures", n)
				}
			})
		})
	}
}
