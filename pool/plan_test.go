package pool

import (
	"fmt"
	"math/rand/v2"
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

func starting(m *Member) { m.Phase, m.Unready = PhaseStarting, true }
func retiring(m *Member) { m.Phase, m.Told = PhaseRetiring, t0 }
func spent(m *Member)    { m.Spent, m.Expiring = true, CauseMaxRequests }
func busy(m *Member)     { m.Busy = true }
func newer(m *Member)    { m.Generation = 2 }
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

// A model of workers under random events. Whatever happens, Plan keeps its
// promises, and when nothing happens any more, it comes to rest.
func TestPlanSimulation(t *testing.T) {
	for seed := range uint64(300) {
		simulate(t, seed)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func simulate(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, seed))
	c := Config{
		MaxServers: 1 + r.IntN(8), MaxSurge: r.IntN(3), StartDelay: time.Duration(r.IntN(2)) * time.Second,
		RetireTimeout: time.Duration(r.IntN(2)) * 20 * time.Second, MaxLifetime: time.Duration(r.IntN(2)) * 300 * time.Second,
	}
	c.MaxUnavailable = r.IntN(c.MaxServers)
	if r.IntN(2) == 0 {
		c.MinServers, c.MinSpareServers = 1, r.IntN(min(3, c.MaxServers)+1)
	}
	c = c.WithDefaults()
	tally := Tally{Generation: 1}
	now := t0
	var born int64
	step := func() (acted bool) {
		d := Plan(&c, &tally, now)
		tally.Want, tally.Raised, tally.Looked = d.Want, d.Raised, d.Looked
		if !d.Wake.IsZero() && !d.Wake.After(now) {
			t.Errorf("wake at %v, it is %v", d.Wake, now)
		}
		able := tally.available()
		seen := make(map[int64]bool)
		willing := 0 // workers that Plan told to leave though they could serve
		for _, a := range d.Actions {
			if a.Verb == Start {
				if a.ID != 0 && tally.member(a.ID) == nil {
					t.Errorf("a successor for %d, which is unknown", a.ID)
				}
				born++
				tally.Members = append(tally.Members, Member{ID: born, Generation: tally.Generation, Born: now,
					Lifetime: c.MaxLifetime, Unready: true})
				tally.LastStart = now
				continue
			}
			m := tally.member(a.ID)
			if m == nil || seen[a.ID] {
				t.Errorf("%s: %d is unknown, or was dealt with before", decided(d), a.ID)
				return false
			}
			seen[a.ID] = true
			switch {
			case a.Verb == Kill:
				m.Phase = PhaseKilled
			case m.Phase >= PhaseRetiring:
				t.Errorf("%s: %d was told before", decided(d), a.ID)
			default:
				if m.Phase == PhaseLive && !m.Spent {
					willing++
				}
				m.Phase, m.Told = PhaseRetiring, now
			}
		}
		living, starts := 0, 0
		for i := range tally.Members {
			if tally.Members[i].Phase != PhaseKilled {
				living++
			}
		}
		for _, a := range d.Actions {
			if a.Verb == Start {
				starts++
			}
		}
		if starts > 0 && living > d.Want+c.MaxSurge {
			t.Errorf("%d workers, %d wanted, %d more allowed: %s", living, d.Want, c.MaxSurge, decided(d))
		}
		if !tally.Paused && willing > 0 && able-willing < d.Want-c.MaxUnavailable {
			t.Errorf("%d of %d available ones told to leave, %d wanted, %d may be missing: %s",
				willing, able, d.Want, c.MaxUnavailable, decided(d))
		}
		return len(d.Actions) > 0
	}
	settle := func() {
		for n := 0; step(); n++ {
			if n > 20 {
				t.Errorf("Plan finds no end: %+v", tally)
				return
			}
		}
	}
	for range 400 {
		settle()
		now = now.Add(time.Duration(r.IntN(2000)) * time.Millisecond)
		if len(tally.Members) > 0 {
			tally.disturb(r, now)
		}
		switch r.IntN(60) {
		case 0:
			tally.Generation++
		case 1:
			c.MaxServers = max(1, c.MinServers, c.MaxServers+r.IntN(5)-2)
			c.MaxUnavailable = min(c.MaxUnavailable, c.MaxServers-1)
			if c.MaxSurge+c.MaxUnavailable == 0 {
				c.MaxSurge = 1
			}
		case 2:
			tally.Paused = !tally.Paused
		}
		tally.Waiting = max(0, r.IntN(8)-5)
	}
	// Peace: workers get ready and leave when they are told to, none dies.
	tally.Paused, tally.Waiting, tally.Failures = false, 0, nil
	c.MaxLifetime = 0
	rested := 0
	for range 2000 {
		now = now.Add(time.Second)
		kept := tally.Members[:0]
		for _, m := range tally.Members {
			m.Busy, m.Lifetime = false, 0
			if m.Phase == PhaseStarting {
				m.Phase, m.Unready = PhaseLive, false
			}
			if m.Phase < PhaseRetiring {
				kept = append(kept, m)
			}
		}
		tally.Members = kept
		if step() {
			rested = 0
		} else if rested++; rested > 100 {
			break
		}
	}
	fresh := 0
	for _, m := range tally.Members {
		if m.Phase == PhaseLive && m.Generation == tally.Generation && m.Expiring == "" && !m.Spent {
			fresh++
		}
	}
	if rested <= 100 || fresh != tally.Want || len(tally.Members) != fresh {
		t.Errorf("no rest: %d of %d workers are as they should be, %d wanted, config %+v", fresh, len(tally.Members), tally.Want, c)
	}
}

func (t *Tally) member(id int64) *Member {
	for i := range t.Members {
		if t.Members[i].ID == id {
			return &t.Members[i]
		}
	}
	return nil
}

// disturb lets something happen to one of the workers.
func (t *Tally) disturb(r *rand.Rand, now time.Time) {
	i := r.IntN(len(t.Members))
	m := &t.Members[i]
	gone := false
	switch what := r.IntN(10); {
	case m.Phase >= PhaseRetiring:
		gone = what < 6
	case m.Phase == PhaseStarting && what < 7:
		m.Phase, m.Unready = PhaseLive, false
	case what == 7:
		gone = true
		t.Failures = append(t.Failures, Failure{At: now, Served: m.Phase == PhaseLive})
	case m.Phase == PhaseLive && what < 2:
		m.Spent, m.Expiring = true, CauseMaxRequests
	case m.Phase == PhaseLive && what < 3 && m.Expiring == "":
		m.Expiring = CauseMaxRequests
	case m.Phase == PhaseLive:
		m.Busy = !m.Busy
	}
	if gone {
		t.Members = append(t.Members[:i:i], t.Members[i+1:]...)
	}
	for len(t.Failures) > 0 && now.Sub(t.Failures[0].At) > failureWindow {
		t.Failures = t.Failures[1:]
	}
}
