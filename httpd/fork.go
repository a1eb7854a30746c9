package httpd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"runtime"

	"github.com/bident/bident/fork"
	"github.com/bident/bident/pool"
)

// openFork makes workers of processes.
func (r *instance) openFork(o *pool.Options) error {
	s := r.server
	config := fork.Config{
		Name: s.Name, Program: s.Handler.program(), Env: s.Env, ClearEnv: s.ClearEnv,
		GOMAXPROCS: r.childThreads(), Log: r.log, DieTimeout: dieTimeout(r.plan.pool),
	}
	lanes := r.plan.pool.Concurrency
	board, err := fork.NewBoard(pool.MaxSlots, lanes)
	if err != nil {
		return fmt.Errorf("httpd: scoreboard: %w", err)
	}
	r.closers = append(r.closers, func() { board.Close() })
	config.Board, o.Board = board, board.Scoreboard
	if r.plan.accept == AcceptSlot {
		config.Accept = fork.Slot
		if config.Seats, err = r.openSeats(); err != nil {
			return err
		}
	} else {
		if err := r.listen(); err != nil {
			return err
		}
		r.queue = pool.NewQueue(queueLanes(lanes))
		if r.front, err = newFront(r.queue, Fork, &r.plan.front, r.log); err != nil {
			return err
		}
		config.Queue, o.Queue = r.queue, r.queue
		config.Runner = func(c *fork.Child, l *pool.Lane) pool.Runner {
			return newExchangeRunner(c, l, r.log)
		}
	}
	backend, err := fork.New(config)
	if err != nil {
		return fmt.Errorf("httpd: %w", err)
	}
	r.closers = append(r.closers, func() { backend.Close() })
	o.Backend = &orderingBackend{Backend: backend, front: &r.plan.front}
	return nil
}

// childThreads is the GOMAXPROCS of children, 0 to leave it alone. Each child
// gets its share of the processors: as many children as processors, with one
// thread each, took 0.87 of the CPU per request on kept connections and 0.69
// under close load of what they took with a thread for every processor, and were
// 1.1 to 1.2 times as fast (bench/run.sh threads; 2 processors).
func (r *instance) childThreads() int {
	s := r.server
	switch {
	case s.GOMAXPROCS > 0:
		return s.GOMAXPROCS
	case s.Handler.program() != nil || os.Getenv("GOMAXPROCS") != "":
		return 0
	}
	servers := r.plan.pool.MaxServers
	return (runtime.GOMAXPROCS(0) + servers - 1) / servers
}

// openSeats binds the addresses that children accept from.
func (r *instance) openSeats() (*fork.Seats, error) {
	var list []fork.Address
	for _, a := range r.plan.addresses {
		list = append(list, fork.Address{
			Network: a.network, Address: a.address, Mode: r.server.SocketMode, Backlog: r.server.Backlog,
		})
	}
	seats, err := fork.OpenSeats(list, r.plan.pool.MaxServers, r.log)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrListen, err)
	}
	r.closers = append(r.closers, func() { seats.Close() })
	r.seats = seats
	for i, a := range seats.Addrs() {
		r.urls = append(r.urls, addressURL(a, r.plan.addresses[i].secure))
	}
	return seats, nil
}

// orderingBackend gives every child the configuration of its own generation.
type orderingBackend struct {
	*fork.Backend
	front *frontConfig
	given []byte
}

// Start implements pool.Backend. It is called by the supervisor only.
func (b *orderingBackend) Start(spec pool.Spec, report func(pool.Event)) (pool.Worker, error) {
	payload, err := json.Marshal(orders{Pool: *spec.Config, Front: b.front})
	if err != nil {
		return nil, fmt.Errorf("httpd: orders: %w", err)
	}
	if !bytes.Equal(payload, b.given) {
		if err := b.SetPayload(payload); err != nil {
			return nil, fmt.Errorf("httpd: orders: %w", err)
		}
		b.given = payload
	}
	return b.Backend.Start(spec, report)
}
