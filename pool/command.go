package pool

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// command is something that the supervisor's goroutine does for somebody.
type command interface{ run(*Supervisor) }

type commandFunc func(*Supervisor)

func (f commandFunc) run(s *Supervisor) { f(s) }

// waiter is somebody who waits for the outcome of a command.
type waiter struct {
	what   string
	over   func(*Supervisor) (bool, error)
	answer chan error
}

type acceptedKey struct{}

// OnAccepted makes Reload, Scale, Recycle, Pause and Ready, when they are called
// with the context that it returns, call f as soon as the supervisor has taken
// the command, and then wait for the outcome. Who gives several commands one
// after another without waiting for outcomes keeps them in order by it.
func OnAccepted(ctx context.Context, f func()) context.Context {
	return context.WithValue(ctx, acceptedKey{}, f)
}

// do runs f in the supervisor's goroutine.
func (s *Supervisor) do(ctx context.Context, f commandFunc) error {
	ran := make(chan struct{})
	c := commandFunc(func(s *Supervisor) { f(s); close(ran) })
	select {
	case s.commands <- c:
		<-ran
		return nil
	case <-s.done:
		return ErrStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}

// await runs begin in the supervisor's goroutine and waits until the condition
// that it returns is met.
func (s *Supervisor) await(ctx context.Context, what string, begin func(*Supervisor) (func(*Supervisor) (bool, error), error)) error {
	answer := make(chan error, 1)
	err := s.do(ctx, func(s *Supervisor) {
		over, err := begin(s)
		if err != nil {
			answer <- err
			return
		}
		s.waiters = append(s.waiters, waiter{what, over, answer})
	})
	if err != nil {
		return err
	}
	if f, ok := ctx.Value(acceptedKey{}).(func()); ok {
		f()
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", what, ctx.Err())
	}
}

// settle answers those whose outcome is there.
func (s *Supervisor) settle() {
	rest := s.waiters[:0]
	for _, w := range s.waiters {
		if over, err := w.over(s); over {
			w.answer <- err
		} else {
			rest = append(rest, w)
		}
	}
	clear(s.waiters[len(rest):])
	s.waiters = rest
}

// staffed reports whether there are as many ready workers as wanted. Those that
// are to be replaced count: under load there are always some.
func (s *Supervisor) staffed() bool {
	ready := 0
	for _, r := range s.roster.records {
		if r.phase == PhaseLive && !r.spent {
			ready++
		}
	}
	return ready >= s.tally.Want
}

// Ready waits until the pool has as many ready workers as it starts with.
func (s *Supervisor) Ready(ctx context.Context) error {
	return s.await(ctx, "waiting for workers", func(*Supervisor) (func(*Supervisor) (bool, error), error) {
		return func(s *Supervisor) (bool, error) { return s.staffed() || s.tally.Paused, nil }, nil
	})
}

// Started is Ready for a server that nobody misses if it does not start: the error
// says what its workers died of before they were ready, or is ErrStopped.
func (s *Supervisor) Started(ctx context.Context) error {
	return s.await(ctx, "starting workers", func(s *Supervisor) (func(*Supervisor) (bool, error), error) {
		ready := s.generationReady(s.tally.Generation)
		return func(s *Supervisor) (bool, error) {
			if s.tally.Stopping {
				return true, ErrStopped
			}
			return ready(s)
		}, nil
	})
}

// Reload gives the pool a new configuration, starts a generation of workers from
// it, and waits until no worker of an older one is left. The configuration must
// be valid and have its defaults. If the new workers die before they are ready,
// the error says what they died of, and nothing has changed: the generation before,
// with its configuration, is the one that there is, whether old workers are left of
// it or have to be started. A reload during a reload takes its place: both end with
// the newer one. A Pause ends it with ErrSuperseded.
func (s *Supervisor) Reload(ctx context.Context, c Config) error {
	return s.await(ctx, "reloading", func(s *Supervisor) (func(*Supervisor) (bool, error), error) {
		if s.tally.Stopping {
			return nil, ErrStopped
		}
		s.newest++
		generation := s.newest
		s.become(configured{c, c, generation})
		s.tally.Paused = false
		ready := s.generationReady(generation)
		return func(s *Supervisor) (bool, error) {
			over, err := ready(s)
			switch {
			case s.tally.Generation != generation:
			case errors.Is(err, errNoStart):
				s.become(s.settled)
			case over && err == nil:
				s.settled = s.present()
			}
			return over, err
		}, nil
	})
}

// configured is what a generation of workers is born from.
type configured struct {
	config, given Config
	generation    int
}

// present is what there is to be now.
func (s *Supervisor) present() configured {
	return configured{s.config, s.given, s.tally.Generation}
}

// become makes a generation the one that there is to be.
func (s *Supervisor) become(c configured) {
	s.config, s.given, s.tally.Generation = c.config, c.given, c.generation
	s.seed()
	s.configureQueue()
	s.tally.Failures = nil
}

// errNoStart says that workers have died before they were ready.
var errNoStart = errors.New("does not start")

// failedStarts is how many workers must die before they are ready for a reload
// to count as failed.
const failedStarts = 3

func (s *Supervisor) generationReady(generation int) func(*Supervisor) (bool, error) {
	failed := s.failedStarts
	return func(s *Supervisor) (bool, error) {
		if s.failedStarts-failed >= failedStarts {
			return true, fmt.Errorf("pool: generation %d %w: %w", generation, errNoStart, s.startError)
		}
		if s.tally.Paused {
			return true, fmt.Errorf("reloading: %w", ErrSuperseded)
		}
		for _, r := range s.roster.records {
			if r.generation < generation {
				return false, nil
			}
		}
		return s.staffed(), nil
	}
}

// Scale changes the number of workers (the highest number, if it follows the
// load) and waits until that many are ready and the others are gone. n counts
// from the present number if relative. Reload undoes it.
func (s *Supervisor) Scale(ctx context.Context, n int, relative bool) error {
	return s.await(ctx, "scaling", func(s *Supervisor) (func(*Supervisor) (bool, error), error) {
		if s.tally.Stopping {
			return nil, ErrStopped
		}
		if relative {
			n += s.config.MaxServers
		}
		// From what was given, so that one that was scaled down follows the
		// load again when it is scaled up.
		c := s.given
		fixed := !c.Elastic()
		if n < 1 || n > MaxSlots/2 || (n+c.MaxSurge)*c.Concurrency > MaxLanes {
			return nil, fmt.Errorf("%w: %d workers: between 1 and %d are possible",
				ErrConfig, n, min(MaxSlots/2, MaxLanes/c.Concurrency-c.MaxSurge))
		}
		c.MaxServers = n
		if fixed {
			c.MinServers = n
		}
		c.MinServers = min(c.MinServers, n)
		c.MinSpareServers = min(c.MinSpareServers, n)
		c.StartServers = min(c.StartServers, n)
		c.MaxUnavailable = min(c.MaxUnavailable, n-1)
		if c.MaxSurge == 0 && c.MaxUnavailable == 0 {
			c.MaxSurge = 1 // so that a worker can still be replaced
		}
		s.config = c
		if s.settled.generation == s.tally.Generation {
			s.settled.config = c
		}
		s.tally.Paused = false
		return func(s *Supervisor) (bool, error) {
			if s.tally.Paused {
				return true, fmt.Errorf("scaling: %w", ErrSuperseded)
			}
			for _, r := range s.roster.records {
				if r.retired == CauseScale || r.retired == CauseIdle {
					return false, nil
				}
			}
			return s.staffed(), nil
		}, nil
	})
}

// Recycle replaces the worker of a slot and waits until it is gone: one that is
// leaving already is only waited for. The error is ErrNoWorker if the slot has none.
func (s *Supervisor) Recycle(ctx context.Context, slot int) error {
	return s.await(ctx, "recycling", func(s *Supervisor) (func(*Supervisor) (bool, error), error) {
		var worker *record
		for _, r := range s.roster.records {
			if r.slot == slot && (worker == nil || r.phase < PhaseRetiring) {
				worker = r
			}
		}
		if worker == nil {
			return nil, fmt.Errorf("%w: slot %d", ErrNoWorker, slot)
		}
		if worker.phase < PhaseRetiring && worker.expiring == "" {
			worker.expiring = CauseRecycle
			s.step("expiring", worker.id, CauseRecycle)
		}
		id := worker.id
		return func(s *Supervisor) (bool, error) { return s.roster.find(id) == nil, nil }, nil
	})
}

// Pause retires all workers and starts none until the next Reload or Scale. It
// waits until they are gone; the error is ErrSuperseded if one of these comes
// first.
func (s *Supervisor) Pause(ctx context.Context) error {
	return s.await(ctx, "retiring all workers", func(s *Supervisor) (func(*Supervisor) (bool, error), error) {
		s.tally.Paused = true
		return func(s *Supervisor) (bool, error) {
			if !s.tally.Paused {
				return true, fmt.Errorf("retiring all workers: %w", ErrSuperseded)
			}
			return len(s.roster.records) == 0, nil
		}, nil
	})
}

// Stop makes the supervisor retire all workers and kill those that are left
// after timeout: 0 kills at once, NoLimit waits for ever. It does not wait; Run
// returns when the last worker is gone.
func (s *Supervisor) Stop(timeout time.Duration) {
	_ = s.do(context.Background(), func(s *Supervisor) {
		var deadline time.Time
		s.forced = s.forced || timeout == 0
		if timeout >= 0 {
			deadline = time.Now().Add(timeout)
		}
		s.stop(deadline)
	})
}

// Config is the configuration in force.
func (s *Supervisor) Config(ctx context.Context) (c Config, err error) {
	err = s.do(ctx, func(s *Supervisor) { c = s.config })
	return c, err
}
