package emulate

import (
	"sync/atomic"

	"github.com/bident/bident/pool"
)

// Config is what a Backend needs. Queue and Runner must be set.
type Config struct {
	// Queue is what the lanes pull from.
	Queue *pool.Queue
	// Runner makes what a lane does with requests.
	Runner func(*pool.Lane) pool.Runner
	// Init makes the worker's own value before it is ready; an error or a
	// panic counts as a death before it was ready.
	Init func(Identity) (any, error)
	// Finish gets that value when the worker has left, and no handler of it
	// runs any more.
	Finish func(any)
}

// Identity says which worker an init hook works for.
type Identity struct {
	Slot, PID, Generation int
}

// Backend makes workers of goroutines.
type Backend struct {
	config Config
	serial atomic.Int64
}

// New makes a backend.
func New(config Config) *Backend {
	if config.Init == nil {
		config.Init = func(Identity) (any, error) { return nil, nil }
	}
	if config.Finish == nil {
		config.Finish = func(any) {}
	}
	return &Backend{config: config}
}

// Start implements pool.Backend.
func (b *Backend) Start(spec pool.Spec, report func(pool.Event)) (pool.Worker, error) {
	w := &worker{backend: b, spec: spec, report: report, pid: int(b.serial.Add(1))}
	spec.Row().SetPID(w.pid)
	go w.start()
	return w, nil
}
