package pool

import (
	"math/rand/v2"
	"testing"
	"time"
)

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
