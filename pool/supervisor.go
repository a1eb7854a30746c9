package pool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// Outcomes of what the supervisor is asked to do.
var (
	// ErrNotClean says that a worker had to be killed when the server stopped.
	ErrNotClean = errors.New("pool: workers had to be killed")
	// ErrStopped says that the supervisor has stopped, or is about to.
	ErrStopped = errors.New("pool: stopped")
	// ErrNoWorker says that there is no such worker.
	ErrNoWorker = errors.New("pool: no such worker")
	// ErrSuperseded says that a later command undid this one: a Pause ended the
	// wait for workers, or a Reload or Scale ended a Pause.
	ErrSuperseded = errors.New("pool: superseded by a later command")
)

// Options are what a supervisor needs beside its configuration. Log and Backend
// must be set, the rest has useful zero values.
type Options struct {
	Backend Backend
	Board   *Scoreboard
	Queue   *Queue // nil: the workers have their own
	// Outside says how many connections or requests wait where no worker takes
	// them, for a number of workers that follows the load. It is called by the
	// supervisor's goroutine and must not block. Nil: there are none. Whoever knows
	// of a first one calls Demand.
	Outside func() int
	// Timings are what the front of this process observes. Nil: fronts run in
	// the workers, and write to the scoreboard.
	Timings *Timings
	Log     *slog.Logger
	// Generation is the number of the first generation of workers; 0 means 1.
	Generation int
	// Observe is told of every step of every worker's life, in order, by the
	// supervisor's goroutine.
	Observe func(Step)
}

// LevelVerbose is the level of what happens all the time: workers that come and
// go as they should.
const LevelVerbose = slog.LevelInfo - 2

// Step is one step in the life of a worker: what the supervisor did or was told.
type Step struct {
	What   string // start, ready, expiring, spent, wedged, retire, kill, exited
	Worker int64  // birth number
	Cause  Cause
}

// Supervisor is the one goroutine that decides which workers exist. Everybody
// else sends it events and commands; it takes one a turn, plans, and acts.
type Supervisor struct {
	options  Options
	config   Config
	given    Config // as New or Reload gave it, before Scale
	mail     *mailbox
	hungry   atomic.Bool // more workers are possible: requests that wait matter
	commands chan command
	done     chan struct{}
	tally    Tally // Members is filled in for each plan
	roster   roster
	random   *rand.Rand
	totals   Totals
	exits    []Exit
	waiters  []waiter
	unclean  bool
	forced   bool // what is left is to be killed at once
	timer    *time.Timer

	settled      configured // the last one that there were workers of, and no others
	newest       int        // generation that there has been
	failedStarts int        // workers that died before they were ready
	startError   error      // what the last of them died of
}

// New makes a supervisor. The configuration must be valid and have its defaults.
func New(config Config, options Options) *Supervisor {
	if options.Observe == nil {
		options.Observe = func(Step) {}
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	s := &Supervisor{
		options:  options,
		config:   config,
		given:    config,
		mail:     newMailbox(),
		commands: make(chan command),
		done:     make(chan struct{}),
		roster:   roster{board: options.Board},
		tally:    Tally{Generation: max(options.Generation, 1)},
		totals:   Totals{Exits: make(map[Cause]int64)},
		timer:    time.NewTimer(0),
	}
	s.settled, s.newest = s.present(), s.tally.Generation
	s.seed()
	s.configureQueue() // a front may take requests before Run is called
	return s
}

func (s *Supervisor) seed() {
	seed := s.config.Seed
	if seed == 0 {
		seed = rand.Uint64()
	}
	s.random = rand.New(rand.NewPCG(seed, seed))
}

// Run supervises until Stop has been asked for and the last worker is gone. The
// error is nil if all left by themselves, and ErrNotClean otherwise. When ctx
// ends, all workers are killed.
func (s *Supervisor) Run(ctx context.Context) error {
	defer s.mail.close()
	defer close(s.done)
	killed := ctx.Done()
	for {
		s.plan()
		s.settle()
		if s.tally.Stopping && len(s.roster.records) == 0 {
			s.finish()
			if n := s.roster.lost(); n > 0 {
				s.options.Log.Warn("abandoned handlers are left behind", "workers", n)
				s.unclean = true
			}
			if s.unclean {
				return ErrNotClean
			}
			return nil
		}
		select {
		case <-s.mail.rings:
			if r, ok := s.mail.take(); ok {
				s.receive(r)
			}
		case c := <-s.commands:
			c.run(s)
		case <-s.timer.C:
		case <-killed:
			killed = nil
			s.forced = true
			s.stop(time.Now())
		}
	}
}

// plan makes one decision and acts on it.
func (s *Supervisor) plan() {
	now := time.Now()
	t := s.observeTally(now)
	d := Plan(&s.config, &t, now)
	s.tally.Want, s.tally.Raised, s.tally.Looked = d.Want, d.Raised, d.Looked
	for _, a := range d.Actions {
		switch a.Verb {
		case Start:
			s.start(a.ID)
		case Retire:
			s.retire(a.ID, a.Cause)
		case Kill:
			s.kill(a.ID, a.Cause)
		}
	}
	if q := s.options.Queue; q != nil {
		// Handlers that were abandoned have used up all workers.
		q.starve(d.Want == 0 && t.Lost > s.config.MaxLost && len(t.Members) == 0 && len(d.Actions) == 0)
	}
	s.hungry.Store(s.config.Elastic() && d.Want < s.config.MaxServers)
	if len(d.Actions) > 0 {
		// What they have brought about has its own times: a worker that was just
		// started may never say a word, a start that failed is tried again.
		s.mail.ring()
	}
	s.timer.Stop()
	if !d.Wake.IsZero() {
		s.timer.Reset(time.Until(d.Wake))
	}
}

// observeTally is the tally with the present state of all workers.
func (s *Supervisor) observeTally(now time.Time) Tally {
	f := s.tally.Failures
	for len(f) > 0 && now.Sub(f[0].At) > failureWindow {
		f = f[1:]
	}
	s.tally.Failures = f
	t := s.tally
	t.Members = s.roster.members(now, s.config.Elastic() || len(s.roster.records) > s.config.MaxServers)
	t.Lost = s.roster.lost()
	t.Waiting = s.waiting()
	return t
}

// start starts a worker in the first free slot.
func (s *Supervisor) start(predecessor int64) {
	now := time.Now()
	slot, ok := s.roster.freeSlot()
	if !ok {
		s.options.Log.Error("no free slot for a worker", "slots", s.options.Board.Slots())
		s.fail(now, false)
		return
	}
	config := s.config
	limit := config.MaxRequests
	if config.MaxRequestsJitter > 0 && limit > 0 {
		limit -= s.random.IntN(config.MaxRequestsJitter + 1)
	}
	r := s.roster.add(slot, s.tally.Generation, now)
	r.lifetime = config.MaxLifetime
	r.limit = uint64(limit)
	s.options.Board.reset(slot, r.id, r.generation, r.limit, now.UnixNano())
	s.tally.LastStart = now
	s.totals.Spawned++
	s.step("start", r.id, "")
	id := r.id
	w, err := s.options.Backend.Start(Spec{
		ID: id, Slot: slot, Generation: r.generation, Predecessor: predecessor,
		Config: &config, Board: s.options.Board,
	}, func(e Event) { s.mail.put(report{id, e}) })
	if err != nil {
		s.exited(r, Event{Kind: Exited, Cause: CauseStart, Err: err})
		return
	}
	r.worker = w
}

func (s *Supervisor) retire(id int64, cause Cause) {
	r := s.roster.find(id)
	if r == nil || r.phase >= PhaseRetiring {
		return
	}
	r.phase, r.cause, r.retired, r.told = PhaseRetiring, cause, cause, time.Now()
	s.options.Board.Row(r.slot).setState(Retiring)
	s.step("retire", id, cause)
	r.worker.Retire()
}

// receive takes one report of a worker.
func (s *Supervisor) receive(p report) {
	e := p.event
	if e.Kind == Returned {
		s.roster.release(p.id)
		return
	}
	r := s.roster.find(p.id)
	if r == nil {
		return
	}
	switch e.Kind {
	case Ready:
		if r.phase != PhaseStarting {
			return
		}
		r.phase, r.ready = PhaseLive, true
		s.options.Board.Row(r.slot).setState(Idle)
		s.step("ready", r.id, "")
	case Expiring, Spent, Wedged:
		// A worker whose lanes are all lost takes nothing more, either.
		if b := s.options.Board; e.Kind == Spent || b.Row(r.slot).LostLanes() >= int64(b.Lanes()) {
			r.spent = true
		}
		if r.expiring == "" {
			r.expiring = e.Cause
			s.step(e.Kind.String(), r.id, e.Cause)
		}
	case Lingering:
		r.lingering = r.phase == PhaseRetiring
	case Exited:
		s.exited(r, e)
	}
}

func (s *Supervisor) step(what string, id int64, cause Cause) {
	s.options.Observe(Step{what, id, cause})
}

func (s *Supervisor) configureQueue() {
	if q := s.options.Queue; q != nil {
		c := &s.config
		q.Configure(c.QueueSize, c.QueueTimeout, c.RequestTimeout)
		if c.Elastic() {
			q.OnDemand(s.Demand)
		}
	}
}

// stop begins the end: what is left at the deadline is killed. A later deadline
// than the one already set changes nothing.
func (s *Supervisor) stop(deadline time.Time) {
	if !s.tally.Stopping || s.tally.Deadline.IsZero() ||
		!deadline.IsZero() && deadline.Before(s.tally.Deadline) {
		s.tally.Deadline = deadline
	}
	s.tally.Stopping = true
}

// finish answers everybody who still waits for something.
func (s *Supervisor) finish() {
	for _, w := range s.waiters {
		w.answer <- fmt.Errorf("%w while %s", ErrStopped, w.what)
	}
	s.waiters = nil
}
