package httpd

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestSilence: only the time in which a lane waits for a program counts, from the
// moment on in which its answer has become a stream.
func TestSilence(t *testing.T) {
	const limit = 10 * time.Second
	type lane struct {
		silence
		given atomic.Int64
	}
	for _, c := range []struct {
		name string
		play func(s *lane, current *atomic.Int64)
		want time.Duration // the limit that was passed
	}{
		{"at once", func(s *lane, _ *atomic.Int64) { s.wait(); time.Sleep(limit) }, limit},
		{"not yet", func(s *lane, _ *atomic.Int64) { s.wait(); time.Sleep(limit - 1) }, 0},
		{"pieces", func(s *lane, _ *atomic.Int64) {
			for range 50 {
				s.wait()
				time.Sleep(limit * 9 / 10)
				if !s.heard() {
					return
				}
			}
		}, 0},
		{"pieces, and then no more", func(s *lane, _ *atomic.Int64) {
			for range 50 {
				s.wait()
				time.Sleep(limit / 7)
				s.heard()
			}
			s.wait()
			time.Sleep(limit - 1)
			synctest.Wait()
			if s.given.Load() > 0 {
				s.given.Store(100) // too early
			}
			time.Sleep(time.Nanosecond)
		}, limit},
		{"a slow client", func(s *lane, _ *atomic.Int64) {
			s.wait()
			time.Sleep(limit / 2)
			s.heard()
			time.Sleep(20 * limit)
			s.wait()
			time.Sleep(limit / 2)
			s.heard()
		}, 0},
		{"words beside the answer", func(s *lane, _ *atomic.Int64) {
			s.wait()
			for range 5 {
				time.Sleep(limit / 2)
				s.stir()
			}
		}, 0},
		{"a limit that is lifted", func(s *lane, current *atomic.Int64) {
			s.wait()
			current.Store(0)
			time.Sleep(5 * limit)
		}, 0},
		{"a limit that is lowered", func(s *lane, current *atomic.Int64) {
			s.wait()
			time.Sleep(limit / 2)
			s.heard()
			s.wait()
			current.Store(int64(limit / 4))
			time.Sleep(limit / 2)
		}, limit / 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var current atomic.Int64
				s := &lane{}
				s.limit = func() time.Duration { return time.Duration(current.Load()) }
				s.giveUp = func() { s.given.Add(1) }
				for range 2 { // answers
					current.Store(int64(limit))
					s.given.Store(0)
					s.wait() // it is no stream yet
					time.Sleep(3 * limit)
					s.begin()
					c.play(s, &current)
					synctest.Wait()
					if c.want > 0 && s.heard() {
						t.Error("heard too late")
					}
					if got := s.end(); got != c.want {
						t.Errorf("passed %v, expected %v", got, c.want)
					}
					time.Sleep(3 * limit)
					if got, want := s.given.Load(), int64(min(c.want, 1)); got != want {
						t.Errorf("given up %d times, expected %d", got, want)
					}
				}
			})
		})
	}
}

// TestSilenceWithoutLimit: nothing is looked at.
func TestSilenceWithoutLimit(t *testing.T) {
	for _, s := range []*silence{{}, {limit: func() time.Duration { return 0 }}} {
		s.begin()
		s.wait()
		s.stir()
		if !s.heard() || s.end() != 0 || s.timer != nil {
			t.Error("it does something")
		}
	}
}
