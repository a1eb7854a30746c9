package httpd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bident/bident/pool"
)

// annex are the workers of a pool that some routes have for themselves. The front
// is the server's.
type annex struct {
	name       string
	mode       Mode
	serial     bool // the workers are no processes, whatever the mode
	config     pool.Config
	queue      *pool.Queue
	supervisor *pool.Supervisor
}

// openAnnexes makes the pools of routes.
func (r *instance) openAnnexes() error {
	for _, p := range r.plan.pools {
		a, err := r.openAnnex(p)
		if err != nil {
			return fmt.Errorf("pool %q: %w", p.Name, err)
		}
		r.annexes = append(r.annexes, a)
		if r.front.queues == nil {
			r.front.queues = make(map[string]*pool.Queue)
		}
		r.front.queues[p.Name] = a.queue
	}
	return nil
}

func (r *instance) openAnnex(p *Pool) (*annex, error) {
	s := r.server
	program := s.poolProgram(p)
	a := &annex{name: p.Name, mode: p.Mode}
	handler := s.poolHandler(p)
	if program != nil {
		a.mode = programMode(handler)
	}
	a.config = s.poolDefaults(p.Config, a.mode)
	a.queue = pool.NewQueue(queueLanes(a.config.Concurrency))
	options := pool.Options{Log: r.log.With("pool", p.Name), Queue: a.queue, Generation: r.firstGeneration()}
	var err error
	switch up := s.poolUpstream(p); {
	case up != nil:
		err = r.upstreamBackend(&options, a.queue, a.config, up, p.Name)
	case isCGI(handler):
		a.serial = true
		err = r.cgiBackend(&options, a.queue, a.config.Concurrency, handler)
	case a.mode == Emulate:
		err = r.emulateBackend(&options, a.queue, a.config.Concurrency, r.handlerRunners(s.routed(p.Name)))
	default:
		err = r.exchangeBackend(&options, a.queue, a.config, program, p.Name)
	}
	if err != nil {
		return nil, err
	}
	a.supervisor = pool.New(a.config, options)
	return a, nil
}

// runAnnexes runs their supervisors; what it returns waits for their ends.
func (r *instance) runAnnexes() (wait func() error) {
	ended := make(chan error, len(r.annexes))
	for _, a := range r.annexes {
		go func() {
			err := a.supervisor.Run(context.Background())
			if err != nil {
				err = fmt.Errorf("pool %q: %w", a.name, err)
			}
			ended <- err
		}()
	}
	return func() error {
		var problems []error
		for range r.annexes {
			problems = append(problems, <-ended)
		}
		return errors.Join(problems...)
	}
}

// stopWorkers ends all workers, which may take that long.
func (r *instance) stopWorkers(timeout time.Duration) {
	for _, s := range r.supervisors() {
		s.Stop(timeout)
	}
}

// supervisors are all of the server's.
func (r *instance) supervisors() []*pool.Supervisor {
	list := []*pool.Supervisor{r.supervisor}
	for _, a := range r.annexes {
		list = append(list, a.supervisor)
	}
	return list
}

// reloadAnnexes starts new generations of all pools of routes.
func (r *instance) reloadAnnexes(ctx context.Context) error {
	var problems []error
	for _, a := range r.annexes {
		if err := a.supervisor.Reload(ctx, a.config); err != nil {
			problems = append(problems, fmt.Errorf("pool %q: %w", a.name, err))
		}
	}
	return errors.Join(problems...)
}
