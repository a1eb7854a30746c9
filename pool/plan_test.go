package pool

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

var t0 = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func at(d time.Duration) time.Time { return t0.Add(d) }

// decided is a decision in short: "start 3, retire 1 reload, kill 2 start".
func decided(d Decision) string {
	var parts []string
	for _, a := range d.Actions {
		verb := [...]string{"start", "retire", "kill"}[a.Verb]
		parts = append(parts, strings.TrimSpace(fmt.Sprintf("%s %d %s", verb, a.ID, a.Cause)))
	}
	return strings.Join(parts, ", ")
}

func live(id int64, more ...func(*Member)) Member {
	m := Member{ID: id, Phase: PhaseLive, Generation: 1, Born: t0}
	for _, f := range more {
		f(&m)
	}
	return m
}

func starting(m *Member)  { m.Phase, m.Unready = PhaseStarting, true }
func retiring(m *Member)  { m.Phase, m.Told = PhaseRetiring, t0 }
func lingering(m *Member) { m.Lingering = true }
func spent(m *Member)     { m.Spent, m.Expiring = true, CauseMaxRequests }
func busy(m *Member)      { m.Busy = true }
func newer(m *Member)     { m.Generation = 2 }
func expiring(c Cause) func(*Member) {
	return func(m *Member) { m.Expiring = c }
}

func TestPlanFixed(t *testing.T) {
	second := time.Second
	for _, test := range []struct {
		name   string
		config Config
		tally  Tally
		now    time.Duration
		want   string
		wake   time.Duration // 0: none
	}{
		{"empty", Config{MaxServers: 3}, Tally{}, 0, "start 0, start 0, start 0", 0},
		{"steady", Config{MaxServers: 2}, Tally{Members: []Member{live(1), live(2)}}, second, "", 0},
		{"one died", Config{MaxServers: 2}, Tally{Members: []Member{live(2)}}, second, "start 0", 0},
		{"killed ones do not count", Config{MaxServers: 1},
			Tally{Members: []Member{live(1, func(m *Member) { m.Phase = PhaseKilled })}}, second, "start 0", 0},
		{"retiring ones take room", Config{MaxServers: 2},
			Tally{Members: []Member{live(1, retiring), live(2, retiring)}}, second, "start 0", 0},
		{"lingering ones take none", Config{MaxServers: 1},
			Tally{Members: []Member{live(1, retiring, lingering), live(2, spent)}}, second, "start 2", 0},
		{"but for those that are too many", Config{MaxServers: 1},
			Tally{Members: []Member{live(1, retiring, lingering), live(2, retiring, lingering), live(3, retiring, lingering)}}, second, "", 2 * second},
		{"of which one has to go", Config{MaxServers: 1},
			Tally{Members: []Member{live(1, retiring, lingering), live(2, retiring, lingering), live(3, retiring, lingering)}}, 2 * second,
			"kill 1 killed, start 0", 0},
		{"unless somebody serves", Config{MaxServers: 1},
			Tally{Members: []Member{live(1, retiring, lingering), live(2, retiring, lingering), live(3, retiring, lingering),
				live(4, expiring(CauseRecycle))}}, 2 * second, "", 0},

		// Replacement.
		{"heir first", Config{MaxServers: 2}, Tally{Members: []Member{live(1, expiring(CauseRecycle)), live(2)}}, second, "start 1", 0},
		{"heir on its way", Config{MaxServers: 2},
			Tally{Members: []Member{live(1, expiring(CauseRecycle)), live(2), live(3, starting)}}, second, "", 59*second + second},
		{"heir ready", Config{MaxServers: 2},
			Tally{Members: []Member{live(1, expiring(CauseRecycle)), live(2), live(3)}}, second, "retire 1 recycle", 0},
		{"second heir", Config{MaxServers: 2, MaxSurge: 2},
			Tally{Members: []Member{live(1, expiring(CauseRecycle)), live(2, expiring(CauseDone)), live(3)}}, second,
			"start 2, retire 1 recycle", 0},
		{"surge of two", Config{MaxServers: 3, MaxSurge: 2},
			Tally{Generation: 2, Members: []Member{live(1), live(2), live(3)}}, second, "start 1, start 2", 0},
		{"no surge", Config{MaxServers: 3, MaxSurge: NoLimit, MaxUnavailable: 1},
			Tally{Generation: 2, Members: []Member{live(1), live(2), live(3)}}, second, "retire 1 reload", 0},
		{"no surge, one short", Config{MaxServers: 3, MaxSurge: NoLimit, MaxUnavailable: 1},
			Tally{Generation: 2, Members: []Member{live(2), live(3)}}, second, "start 0", 0},
		{"spent waits for its heir", Config{MaxServers: 1}, Tally{Members: []Member{live(1, spent)}}, second, "start 1", 0},
		{"spent makes room", Config{MaxServers: 2}, Tally{Members: []Member{live(1, spent), live(2, spent)}}, second,
			"retire 1 max_requests, start 1", 0},
		{"reload", Config{MaxServers: 2}, Tally{Generation: 2, Members: []Member{live(1), live(2)}}, second, "start 1", 0},
		{"reload, one done", Config{MaxServers: 2},
			Tally{Generation: 2, Members: []Member{live(1), live(2), live(3, newer)}}, second, "retire 1 reload", 0},
		{"reload while starting", Config{MaxServers: 1}, Tally{Generation: 2, Members: []Member{live(1, starting)}}, second,
			"retire 1 reload, start 0", 60 * second},

		// Scale.
		{"up", Config{MaxServers: 3}, Tally{Members: []Member{live(1)}}, second, "start 0, start 0", 0},
		{"down, youngest first", Config{MaxServers: 1}, Tally{Members: []Member{live(1), live(2), live(3)}}, second,
			"retire 3 scale, retire 2 scale", 0},
		{"down, idle first", Config{MaxServers: 2}, Tally{Members: []Member{live(1), live(2), live(3, busy)}}, second,
			"retire 2 scale", 0},
		{"down, who is not ready first", Config{MaxServers: 2},
			Tally{Members: []Member{live(1), live(2, starting), live(3)}}, second, "retire 2 scale", 60 * second},

		// Times.
		{"lifetime", Config{MaxServers: 1}, Tally{Members: []Member{live(1, func(m *Member) { m.Lifetime = 5 * second })}},
			second, "", 5 * second},
		{"lifetime over", Config{MaxServers: 1}, Tally{Members: []Member{live(1, func(m *Member) { m.Lifetime = 5 * second })}},
			5 * second, "start 1", 0},
		{"start timeout", Config{MaxServers: 1}, Tally{Members: []Member{live(1, starting)}}, 60 * second, "kill 1 start, start 0", 0},
		{"no start timeout", Config{MaxServers: 1, StartTimeout: NoLimit}, Tally{Members: []Member{live(1, starting)}}, 1e6 * second, "", 0},
		{"retire timeout", Config{MaxServers: 1, RetireTimeout: 9 * second},
			Tally{Members: []Member{live(1, retiring), live(2)}}, 9 * second, "kill 1 killed", 0},
		{"no retire timeout", Config{MaxServers: 1}, Tally{Members: []Member{live(1, retiring), live(2)}}, 1e6 * second, "", 0},
		{"retired while starting", Config{MaxServers: 1},
			Tally{Members: []Member{live(1, starting, retiring), live(2)}}, 60 * second, "kill 1 killed", 0},
		{"start delay", Config{MaxServers: 3, StartDelay: 2 * second}, Tally{LastStart: at(0)}, second, "", 2 * second},
		{"start delay over", Config{MaxServers: 3, StartDelay: 2 * second}, Tally{LastStart: at(0)}, 2 * second, "start 0", 4 * second},
		{"back-off", Config{MaxServers: 1}, Tally{Failures: []Failure{{At: at(0)}, {At: at(0)}, {At: at(0)}}}, 0, "", 40 * time.Millisecond},

		// The end.
		{"stop", Config{MaxServers: 1}, Tally{Stopping: true, Deadline: at(9 * second),
			Members: []Member{live(1), live(2, starting), live(3, retiring)}}, second, "retire 1 stop, retire 2 stop", 9 * second},
		{"stop is over", Config{MaxServers: 1}, Tally{Stopping: true, Deadline: at(9 * second),
			Members: []Member{live(1, retiring), live(2)}}, 9 * second, "kill 1 killed, kill 2 killed", 0},
		{"stop without limit", Config{MaxServers: 1}, Tally{Stopping: true,
			Members: []Member{live(1, retiring), live(2)}}, 1e6 * second, "retire 2 stop", 0},
		{"paused", Config{MaxServers: 2}, Tally{Paused: true, Members: []Member{live(1)}}, second, "retire 1 stop", 0},
		{"paused and empty", Config{MaxServers: 2}, Tally{Paused: true}, second, "", 0},

		// Lost handlers.
		{"made up for", Config{MaxServers: 2, MaxLost: 3}, Tally{Lost: 3}, second, "start 0, start 0", 0},
		{"too many", Config{MaxServers: 2, MaxLost: 3}, Tally{Lost: 4}, second, "start 0", 0},
		{"far too many", Config{MaxServers: 2, MaxLost: 3}, Tally{Lost: 9}, second, "", 0},
		{"none made up for", Config{MaxServers: 2, MaxLost: NoLimit}, Tally{Lost: 1}, second, "start 0", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := test.config.WithDefaults()
			if test.tally.Generation == 0 {
				test.tally.Generation = 1
			}
			before := fmt.Sprintf("%+v", test.tally)
			d := Plan(&c, &test.tally, at(test.now))
			if got := decided(d); got != test.want {
				t.Errorf("decided %q, expected %q", got, test.want)
			}
			var wake time.Time
			if test.wake != 0 {
				wake = at(test.wake)
			}
			if !d.Wake.Equal(wake) {
				t.Errorf("wake %v, expected %v", d.Wake.Sub(t0), test.wake)
			}
			if after := fmt.Sprintf("%+v", test.tally); after != before {
				t.Errorf("Plan changed the tally: %s, was %s", after, before)
			}
		})
	}
}

func TestPlanElastic(t *testing.T) {
	many := func(n int, more ...func(*Member)) (ms []Member) {
		for i := range n {
			ms = append(ms, live(int64(i+1), more...))
		}
		return ms
	}
	old := at(-time.Hour)
	for _, test := range []struct {
		name   string
		config Config
		tally  Tally
		now    time.Duration
		want   int
	}{
		{"begin", Config{MinSpareServers: 2}, Tally{}, 0, 5},
		{"begin with more", Config{MinSpareServers: 2, StartServers: 7}, Tally{}, 0, 7},
		{"begin with spare ones", Config{MinSpareServers: 9}, Tally{}, 0, 9},
		{"never below min_servers", Config{MinServers: 3, MinSpareServers: 1}, Tally{Want: 1, Raised: old, Looked: old}, 0, 3},
		{"spare ones are made up for at once", Config{MinServers: 3, MinSpareServers: 2},
			Tally{Want: 3, Raised: t0, Looked: t0, Members: many(3, busy)}, 0, 5},
		{"starting ones are spare", Config{MinServers: 3, MinSpareServers: 2},
			Tally{Want: 5, Raised: t0, Looked: t0, Members: append(many(3, busy), many(2, starting)...)}, 0, 5},
		{"up to max_servers", Config{MaxServers: 4, MinServers: 3, MinSpareServers: 2},
			Tally{Want: 3, Raised: t0, Looked: t0, Members: many(3, busy)}, 0, 4},
		{"too many spare, not looked yet", Config{MinServers: 2, MaxSpareServers: 3},
			Tally{Want: 8, Raised: old, Looked: at(11 * time.Second), Members: many(8)}, 20 * time.Second, 8},
		{"too many spare, raised lately", Config{MinServers: 2, MaxSpareServers: 3},
			Tally{Want: 8, Raised: t0, Looked: t0, Members: many(8)}, 29 * time.Second, 8},
		{"too many spare", Config{MinServers: 2, MaxSpareServers: 3},
			Tally{Want: 8, Raised: old, Looked: t0, Members: many(8)}, 10 * time.Second, 3},
		{"too many spare, too young", Config{MinServers: 2, MaxSpareServers: 3, MinChildTTL: time.Minute},
			Tally{Want: 8, Raised: old, Looked: t0, Members: many(8)}, 59 * time.Second, 8},
		{"too many spare beside busy ones", Config{MinServers: 2, MaxSpareServers: 3},
			Tally{Want: 8, Raised: old, Looked: t0, Members: append(many(3, busy), many(5)...)}, 10 * time.Second, 6},
		{"no limit of spare ones", Config{MinServers: 2, MaxSpareServers: NoLimit},
			Tally{Want: 8, Raised: old, Looked: old, Members: many(8)}, 10 * time.Second, 8},
		{"default limit of spare ones", Config{MinServers: 2}, Tally{Want: 8, Raised: old, Looked: old, Members: many(8)}, 10 * time.Second, 2},
		{"workers to be replaced count", Config{MinServers: 2, MaxSpareServers: 3},
			Tally{Want: 8, Raised: old, Looked: old, Generation: 2, Members: many(8, busy)}, 10 * time.Second, 8},
		{"on demand, nothing to do", Config{MinServers: NoLimit}, Tally{}, 0, 0},
		{"on demand, later nothing to do", Config{MinServers: NoLimit}, Tally{Raised: old, Looked: old}, 0, 0},
		{"on demand, three requests", Config{MinServers: NoLimit}, Tally{Raised: old, Looked: old, Waiting: 3}, 0, 3},
		{"on demand, lanes", Config{MinServers: NoLimit, Concurrency: 4}, Tally{Raised: old, Looked: old, Waiting: 9}, 0, 3},
		{"on demand, more while these start", Config{MinServers: NoLimit},
			Tally{Want: 3, Raised: old, Looked: old, Waiting: 5, Members: many(3, starting)}, 0, 5},
		{"on demand, these take long to start", Config{MinServers: NoLimit},
			Tally{Want: 3, Raised: old, Looked: old, Waiting: 3, Members: many(3, starting)}, 10 * time.Second, 3},
		{"on demand, at most", Config{MinServers: NoLimit, MaxServers: 2}, Tally{Raised: old, Looked: old, Waiting: 9}, 0, 2},
		{"on demand, back to none", Config{MinServers: NoLimit}, Tally{Want: 3, Raised: old, Looked: old, Members: many(3)}, 10 * time.Second, 0},
		{"lost beyond max_lost", Config{MinServers: 2, MaxServers: 4, MaxLost: 1}, Tally{Want: 4, Raised: old, Looked: t0, Lost: 4}, 0, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := test.config.Validate(); err != nil {
				t.Fatal(err)
			}
			c := test.config.WithDefaults()
			if test.tally.Generation == 0 {
				test.tally.Generation = 1
			}
			d := Plan(&c, &test.tally, at(test.now))
			if d.Want != test.want {
				t.Errorf("want %d, expected %d", d.Want, test.want)
			}
			if d.Wake.IsZero() || d.Wake.After(at(test.now).Add(sparePoll)) {
				t.Errorf("wake %v", d.Wake)
			}
		})
	}
}

func TestBackoff(t *testing.T) {
	c := Config{MaxServers: 2}.WithDefaults()
	many := func(n int, f Failure) (fs []Failure) {
		for range n {
			fs = append(fs, f)
		}
		return fs
	}
	for _, test := range []struct {
		name     string
		failures []Failure
		want     time.Duration // after t0; 0: at once
	}{
		{"none", nil, 0},
		{"first", many(1, Failure{At: t0}), 10 * time.Millisecond},
		{"fifth", many(5, Failure{At: t0}), 160 * time.Millisecond},
		{"most", many(1000, Failure{At: t0}), 30 * time.Second},
		{"served", many(102, Failure{At: t0, Served: true}), 0},
		{"served, a flood", many(103, Failure{At: t0, Served: true}), 10 * time.Millisecond},
		{"served, a greater flood", many(5000, Failure{At: t0, Served: true}), time.Second},
		{"serving ends a loop", append(many(9, Failure{At: at(-20 * time.Second)}), Failure{At: t0, Served: true}, Failure{At: t0}), 10 * time.Millisecond},
		{"the pauses of old deaths are over", append(many(3, Failure{At: at(-time.Minute)}), Failure{At: t0}), 80 * time.Millisecond},
	} {
		got := Backoff(&c, test.failures)
		if test.want == 0 && !got.After(t0) {
			continue
		}
		if !got.Equal(at(test.want)) {
			t.Errorf("%s: %v, expected %v", test.name, got.Sub(t0), test.want)
		}
	}
}
