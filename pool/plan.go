package pool

import (
	"slices"
	"time"
)

// Verb is what an Action does.
type Verb int

// The things that the supervisor does to workers.
const (
	Start  Verb = iota // start a worker, in the place of ID if that is not 0
	Retire             // let ID finish and leave
	Kill               // end ID now
)

// Action is one thing to do.
type Action struct {
	Verb  Verb
	ID    int64
	Cause Cause // why ID leaves
}

// Decision is what Plan decides.
type Decision struct {
	Actions []Action
	// Want is the number of workers there should be.
	Want int
	// Raised and Looked are what the next Tally has to say.
	Raised, Looked time.Time
	// Wake is when to plan again even if nothing happens; zero: never. If there
	// are Actions, plan again as soon as they are done.
	Wake time.Time
}

func (d *Decision) do(v Verb, id int64, c Cause) {
	d.Actions = append(d.Actions, Action{v, id, c})
}

// wake asks for another look at a time, if none is asked for earlier.
func (d *Decision) wake(at time.Time) {
	if d.Wake.IsZero() || at.Before(d.Wake) {
		d.Wake = at
	}
}

// Plan decides which workers to start, to retire and to kill. It is a pure
// function: the same configuration, tally and time give the same decision.
//
// A worker that has to go is replaced first: its successor is ready before it
// is told to leave, as far as MaxSurge allows one more and MaxUnavailable
// forbids one less.
func Plan(c *Config, t *Tally, now time.Time) Decision {
	d := Decision{Want: t.Want, Raised: t.Raised, Looked: t.Looked}
	own := *t // what is killed here counts as dead in all that follows
	own.Members = slices.Clone(t.Members)
	t = &own
	planDeadlines(c, t, now, &d)
	if t.Stopping || t.Paused {
		planEnd(t, &d)
		return d
	}
	p := place{c: c, t: t, now: now, gone: make(map[int64]bool)}
	p.sort(&d)
	planWant(c, t, now, &d)
	p.want = d.Want
	p.starts(&d)
	p.retirements(&d)
	return d
}

// planDeadlines kills what has taken too long.
func planDeadlines(c *Config, t *Tally, now time.Time, d *Decision) {
	for i := range t.Members {
		m := &t.Members[i]
		var end time.Time
		cause := CauseKilled
		switch m.Phase {
		case PhaseStarting:
			if c.StartTimeout > 0 {
				end, cause = m.Born.Add(c.StartTimeout), CauseStart
			}
			if t.Stopping {
				end, cause = earlier(end, t.Deadline), CauseKilled
			}
		case PhaseLive:
			if t.Stopping {
				end = t.Deadline
			}
		case PhaseRetiring:
			if c.RetireTimeout > 0 {
				end = m.Told.Add(c.RetireTimeout)
			}
			if m.Unready && c.StartTimeout > 0 {
				// It leaves as soon as it can, which may be never.
				end = earlier(end, m.Born.Add(c.StartTimeout))
			}
			if t.Stopping {
				end = t.Deadline
			}
		case PhaseKilled:
			continue
		}
		switch {
		case end.IsZero():
		case now.Before(end):
			d.wake(end)
		default:
			d.do(Kill, m.ID, cause)
			m.Phase = PhaseKilled
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// planEnd retires everything that has not been told to leave.
func planEnd(t *Tally, d *Decision) {
	for i := range t.Members {
		if m := &t.Members[i]; m.Phase < PhaseRetiring {
			d.do(Retire, m.ID, CauseStop)
		}
	}
}

// place is the state of one decision on workers that come and go.
type place struct {
	c    *Config
	t    *Tally
	now  time.Time
	want int

	fresh    []*Member // starting or live, and to stay
	expiring []*Member // live, and to be replaced
	total    int       // all that are still there, but for those that are as good as dead
	idlers   int       // of them, those that have nothing in hand and do not leave
	gone     map[int64]bool
}

// sort tells the workers that stay from those that go.
func (p *place) sort(d *Decision) {
	for i := range p.t.Members {
		m := &p.t.Members[i]
		if m.Phase != PhaseKilled {
			p.total++
			if m.Lingering && m.Phase == PhaseRetiring {
				p.idlers++
			}
		}
		if m.Phase >= PhaseRetiring {
			continue
		}
		if m.Expiring == "" && m.Generation != p.t.Generation {
			m.Expiring = CauseReload
		}
		if m.Expiring == "" && m.Lifetime > 0 && m.Phase == PhaseLive {
			if end := m.Born.Add(m.Lifetime); p.now.Before(end) {
				d.wake(end)
			} else {
				m.Expiring = CauseMaxLifetime
			}
		}
		switch {
		case m.Expiring == "" && !m.Spent:
			p.fresh = append(p.fresh, m)
		case m.Phase == PhaseStarting:
			// Born from a configuration that is no longer wanted: it
			// serves nobody yet, so nobody misses it.
			d.do(Retire, m.ID, m.Expiring)
			m.Phase = PhaseRetiring
		default:
			p.expiring = append(p.expiring, m)
		}
	}
}

// starts fills up the places that fresh workers should have: first those that
// nobody has any more, then those of workers that have to go.
func (p *place) starts(d *Decision) {
	need := p.want - len(p.fresh)
	// Those that could have left hold nobody up, unless they are too many.
	room := p.want + p.c.MaxSurge - p.total + min(p.idlers, p.want)
	// A worker that takes no more requests only fills a place. It goes at
	// once where that place is needed; the start follows its exit.
	short := need - room
	for _, m := range p.expiring {
		if short > 0 && m.Spent {
			p.retire(d, m)
			short--
		}
	}
	room += p.evict(d, min(need-room, p.want-p.t.available()))
	if need = min(need, room); need <= 0 {
		return
	}
	from := p.now
	if at := Backoff(p.c, p.t.Failures); at.After(from) {
		from = at
	}
	if p.c.StartDelay > 0 && !p.t.LastStart.IsZero() {
		if at := p.t.LastStart.Add(p.c.StartDelay); at.After(from) {
			from = at
		}
	}
	if from.After(p.now) {
		d.wake(from)
		return
	}
	if p.c.StartDelay > 0 && need > 1 {
		need = 1
		d.wake(p.now.Add(p.c.StartDelay))
	}
	heirs := p.heirs()
	vacant := max(0, p.want-len(p.fresh)-len(p.expiring))
	for i := range need {
		var predecessor int64
		if j := i - vacant; j >= 0 && j < len(heirs) {
			predecessor = heirs[j]
		}
		d.do(Start, predecessor, "")
	}
}

// lingerGrace is how long a worker that has nothing in hand may take to leave, at the
// least.
const lingerGrace = 2 * time.Second

// evict kills up to so many of those that have nothing in hand and do not leave, the
// first to be told first: they are more than there should be workers, their places are
// needed, and requests would wait for as long as they like. It returns how many.
func (p *place) evict(d *Decision, most int) (n int) {
	for p.idlers > p.want && n < most {
		var oldest *Member
		for i := range p.t.Members {
			if m := &p.t.Members[i]; m.Lingering && m.Phase == PhaseRetiring && (oldest == nil || m.Told.Before(oldest.Told)) {
				oldest = m
			}
		}
		if end := oldest.Told.Add(lingerGrace); p.now.Before(end) {
			d.wake(end)
			break
		}
		d.do(Kill, oldest.ID, CauseKilled)
		oldest.Phase = PhaseKilled
		p.idlers--
		n++
	}
	return n
}

// heirs are the workers whose successors are yet to be started: the expiring
// ones, oldest first, less those whose successor is on its way.
func (p *place) heirs() []int64 {
	var ids []int64
	for _, m := range p.expiring {
		ids = append(ids, m.ID)
	}
	extra := max(0, len(p.fresh)+len(p.expiring)-p.want)
	return ids[min(extra, len(ids)):]
}

// retirements lets go who has been replaced, and who is too many.
func (p *place) retirements(d *Decision) {
	available := p.t.available()
	floor := p.want - p.c.MaxUnavailable
	for _, m := range p.expiring {
		if p.gone[m.ID] {
			continue
		}
		left := available
		if !m.Spent {
			left--
		}
		if left >= floor {
			available = left
			p.retire(d, m)
		}
	}
	surplus := len(p.fresh) - p.want
	// The youngest go first, those that have been idle for too long before those
	// that are not ready, these before those that have nothing in hand, and these
	// before the others.
	stale := func(m *Member) bool { return p.c.stale(m, p.now) }
	starting := func(m *Member) bool { return m.Phase == PhaseStarting }
	idle := func(m *Member) bool { return !m.Busy }
	rest := func(*Member) bool { return true }
	for _, these := range []func(*Member) bool{stale, starting, idle, rest} {
		for i := len(p.fresh) - 1; i >= 0 && surplus > 0; i-- {
			m := p.fresh[i]
			if p.gone[m.ID] || !these(m) {
				continue
			}
			cause := CauseScale
			if p.c.Elastic() && p.want < p.c.MaxServers {
				cause = CauseIdle
			}
			m.Expiring = cause
			p.retire(d, m)
			surplus--
		}
	}
}

func (p *place) retire(d *Decision, m *Member) {
	if p.gone[m.ID] {
		return
	}
	p.gone[m.ID] = true
	d.do(Retire, m.ID, m.Expiring)
}
