package httpd

import (
	"github.com/bident/bident/emulate"
	"github.com/bident/bident/pool"
)

// openEmulate makes workers of goroutines.
func (r *instance) openEmulate(o *pool.Options) error {
	if err := r.listen(); err != nil {
		return err
	}
	lanes := r.plan.pool.Concurrency
	mem, err := boardMemory(pool.ScoreboardSize(pool.MaxSlots, lanes))
	if err != nil {
		return err
	}
	if o.Board, err = pool.NewScoreboard(mem, pool.MaxSlots, lanes); err != nil {
		return err
	}
	r.queue = pool.NewQueue(queueLanes(lanes))
	hooks := r.server.Hooks
	handler := r.server.Handler.fast()
	config := emulate.Config{
		Queue: r.queue,
		Runner: func(l *pool.Lane) pool.Runner {
			return &handlerRunner{handler: handler, crew: crewOf(l.Crew()), state: l.Crew().State}
		},
		Finish: hooks.WorkerFinish,
	}
	if hooks.WorkerInit != nil {
		config.Init = func(id emulate.Identity) (any, error) {
			return hooks.WorkerInit(Worker{Mode: Emulate, Slot: id.Slot, PID: id.PID, Generation: id.Generation})
		}
	}
	backend, err := emulate.New(config)
	if err != nil {
		return err
	}
	r.closers = append(r.closers, backend.Close)
	if r.front, err = newFront(r.queue, Emulate, &r.plan.front, r.log); err != nil {
		return err
	}
	o.Backend, o.Queue = backend, r.queue
	return nil
}

// queueLanes is how many lanes a queue is made for: as many as there may ever be.
func queueLanes(concurrency int) int {
	return min(pool.MaxLanes, pool.MaxSlots*concurrency)
}
