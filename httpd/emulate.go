package httpd

import (
	"github.com/valyala/fasthttp"

	"github.com/bident/bident/emulate"
	"github.com/bident/bident/pool"
)

// openEmulate makes workers of goroutines.
func (r *instance) openEmulate(o *pool.Options) error {
	if err := r.openFront(Emulate); err != nil {
		return err
	}
	if up := upstreamOf(r.server.Handler); up != nil {
		return r.upstreamBackend(o, r.queue, r.plan.pool, up, "")
	}
	return r.emulateBackend(o, r.queue, r.plan.pool.Concurrency, r.handlerRunners(r.server.routed("")))
}

// handlerRunners makes runners that call a handler.
func (r *instance) handlerRunners(handler fasthttp.RequestHandler) func(*pool.Lane) pool.Runner {
	return func(l *pool.Lane) pool.Runner {
		return &handlerRunner{
			handler: handler, crew: crewOf(l.Crew()), state: l.Crew().State, watch: r.front.slow,
		}
	}
}

// emulateBackend makes workers of goroutines that pull from a queue.
func (r *instance) emulateBackend(o *pool.Options, q *pool.Queue, lanes int, runner func(*pool.Lane) pool.Runner) error {
	hooks := r.server.Hooks
	config := emulate.Config{
		Runner: runner,
		Finish: hooks.WorkerFinish,
	}
	if hooks.WorkerInit != nil {
		config.Init = func(id emulate.Identity) (any, error) {
			return hooks.WorkerInit(Worker{Mode: Emulate, Slot: id.Slot, PID: id.PID, Generation: id.Generation})
		}
	}
	return r.goroutines(o, q, lanes, config)
}

// goroutines makes workers of goroutines, and their scoreboard.
func (r *instance) goroutines(o *pool.Options, q *pool.Queue, lanes int, config emulate.Config) error {
	mem, err := boardMemory(pool.ScoreboardSize(pool.MaxSlots, lanes))
	if err != nil {
		return err
	}
	if o.Board, err = pool.NewScoreboard(mem, pool.MaxSlots, lanes); err != nil {
		return err
	}
	config.Queue = q
	o.Backend, o.Queue = emulate.New(config), q
	return nil
}

// queueLanes is how many lanes a queue is made for: as many as there may ever be.
func queueLanes(concurrency int) int {
	return min(pool.MaxLanes, pool.MaxSlots*concurrency)
}
