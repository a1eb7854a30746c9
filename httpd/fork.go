package httpd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"

	"github.com/bident/bident/fork"
	"github.com/bident/bident/internal/ferry"
	"github.com/bident/bident/internal/succession"
	"github.com/bident/bident/pool"
)

// openFork makes workers of processes.
func (r *instance) openFork(o *pool.Options) error {
	program := r.server.program()
	if !r.plan.accept.inChildren() {
		if err := r.openFront(Fork); err != nil {
			return err
		}
		return r.exchangeBackend(o, r.queue, r.plan.pool, program, "")
	}
	config, err := r.forkConfig(o, r.plan.pool, program)
	if err != nil {
		return err
	}
	config.Accept, config.LockFile = r.plan.accept.fork(), r.server.LockFile
	if r.plan.accept == AcceptDispatch {
		err = r.listen()
	} else {
		config.Seats, err = r.openSeats()
	}
	if err != nil {
		return err
	}
	if err := r.openBroker(&config); err != nil {
		return err
	}
	return r.forkBackend(o, config, "")
}

// openBroker makes what owns the connections that no child owns.
func (r *instance) openBroker(config *fork.Config) error {
	c := &r.plan.pool
	b, err := newBroker(brokerConfig{
		Single: r.plan.accept == AcceptClassic || r.server.PerRequest, Once: r.server.PerRequest,
		Limits: r.plan.front.Limits, QueueSize: c.QueueSize, QueueTimeout: c.QueueTimeout,
		Most: mostHeld(openFiles(), c.MaxServers),
	}, r.log)
	if err != nil {
		return err
	}
	r.broker = b
	r.closers = append(r.closers, b.close)
	board := config.Board
	config.Join = func(c *fork.Child) { b.join(c, board.Row(c.Slot())) }
	config.Leave = func(c *fork.Child) { b.leave(c) }
	config.Arrive = func(c *fork.Child, p ferry.Parcel) { b.arrive(c, p) }
	return nil
}

// mostHeld is how many connections the broker may hold if this process may have that
// many files open: what children and their successors need is left for them.
func mostHeld(files, servers int) int { return max(files*3/4-16*servers, files/4, 1) }

// exchangeBackend makes workers of processes with which lanes of this process,
// that pull from a queue, exchange requests. name is the pool's.
func (r *instance) exchangeBackend(o *pool.Options, q *pool.Queue, c pool.Config, program []string, name string) error {
	config, err := r.forkConfig(o, c, program)
	if err != nil {
		return err
	}
	config.Queue, o.Queue = q, q
	alone := c.Concurrency == 1
	workers := quarters{of: make(map[*fork.Child]*mates)}
	config.Runner = func(c *fork.Child, l *pool.Lane) pool.Runner {
		x := newExchangeRunner(c, l, r.log)
		if c.External() {
			x.watch = r.front.slow
			go x.bury(c.Exited())
			workers.join(c, x)
			x.program = c.Path()
			x.silence.limit, x.silence.giveUp = q.RunLimit, x.hangUp
			x.deaf = &deafness{limit: q.RunLimit}
			if alone {
				x.deaf.giveUp = func() { c.GiveUp("request_timeout") }
			}
		}
		return x
	}
	return r.forkBackend(o, config, name)
}

// forkConfig is what all children have in common, with the scoreboard that they
// share.
func (r *instance) forkConfig(o *pool.Options, c pool.Config, program []string) (fork.Config, error) {
	s := r.server
	board, err := fork.NewBoard(pool.MaxSlots, c.Concurrency)
	if err != nil {
		return fork.Config{}, fmt.Errorf("httpd: scoreboard: %w", err)
	}
	r.closers = append(r.closers, func() { board.Close() })
	o.Board = board.Scoreboard
	env, cleared := s.Env, s.ClearEnv
	if program != nil {
		env, cleared = s.programEnv(), true
	}
	return fork.Config{
		Name: s.Name, Program: program, Env: env, ClearEnv: cleared, Board: board,
		GOMAXPROCS: r.childThreads(c.MaxServers, program), Log: r.log, DieTimeout: dieTimeout(c),
		Isolation: r.childIsolation(),
	}, nil
}

func (r *instance) forkBackend(o *pool.Options, config fork.Config, name string) error {
	backend, err := fork.New(config)
	if err != nil {
		return backendError(err)
	}
	r.closers = append(r.closers, func() { backend.Close() })
	if config.Accept.Owning() {
		r.drain = backend.Drain
		if r.heir != nil {
			r.unlatch = backend.GiveAll
		}
	}
	if config.Accept.Owning() && r.sharedLog != nil {
		r.accessLog.give = backend.GiveAll
		f := r.sharedLog
		r.sharedLog = nil // it is the backend's
		if err := backend.GiveAll(accessLogGift, f); err != nil {
			return fmt.Errorf("httpd: AccessLog: %w", err)
		}
	}
	o.Backend = &orderingBackend{
		Backend: backend, front: &r.certificates.orders, pool: name, title: r.server.Title, accepting: config.Accept.Owning(),
		once:  config.Accept.Owning() && r.server.PerRequest,
		latch: config.Accept.Owning() && r.heir != nil,
	}
	return nil
}

// childThreads is the GOMAXPROCS of children, 0 to leave it alone. Each child
// gets its share of the processors: as many children as processors, with one
// thread each, took 0.87 of the CPU per request on kept connections and 0.69
// under close load of what they took with a thread for every processor, and were
// 1.1 to 1.2 times as fast (bench/run.sh threads; 2 processors).
func (r *instance) childThreads(servers int, program []string) int {
	switch n := r.server.GOMAXPROCS; {
	case n > 0:
		return n
	case program != nil || os.Getenv("GOMAXPROCS") != "":
		return 0
	}
	share := (runtime.GOMAXPROCS(0) + servers - 1) / servers
	if n := r.server.Isolation.NumCPU(); n > 0 {
		return min(share, n) // all of them have these
	}
	return share
}

// openSeats binds the addresses that children accept from.
func (r *instance) openSeats() (*fork.Seats, error) {
	var list []fork.Address
	for _, a := range r.plan.addresses {
		list = append(list, fork.Address{
			Network: a.network, Address: a.address, Mode: r.server.SocketMode, Owner: r.plan.owner, Backlog: r.server.Backlog,
			Inherited: r.heir.sockets(succession.Listen, a),
		})
	}
	seats, err := fork.OpenSeats(list, r.plan.pool.MaxServers, r.plan.accept != AcceptSlot, r.log)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrListen, err)
	}
	r.closers = append(r.closers, func() { seats.Close() })
	if r.seats = seats; r.heir != nil {
		seats.Latch()
	}
	for i, a := range seats.Addrs() {
		r.urls = append(r.urls, addressURL(a, r.plan.addresses[i]))
	}
	return seats, nil
}

// orderingBackend gives every child the configuration of its own generation.
type orderingBackend struct {
	*fork.Backend
	front *atomic.Pointer[frontConfig]
	pool  string // whose children they are
	title string
	latch bool // they wait for latchGift
	once  bool // each serves one connection
	given []byte
	// accepting: the children own connections.
	accepting bool
}

// Start implements pool.Backend. It is called by the supervisor only.
func (b *orderingBackend) Start(spec pool.Spec, report func(pool.Event)) (pool.Worker, error) {
	front := b.front.Load()
	o := orders{Name: b.pool, Title: b.title, SlowRequest: front.SlowRequest}
	var err error
	if b.accepting {
		if o.Accepting, err = json.Marshal(acceptingOrders{Pool: *spec.Config, Front: front, Latch: b.latch, Once: b.once}); err != nil {
			return nil, fmt.Errorf("httpd: orders: %w", err)
		}
	}
	payload, err := json.Marshal(o)
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
