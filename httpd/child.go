package httpd

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/fork"
	"github.com/bident/bident/internal/accesslog"
	"github.com/bident/bident/internal/blocking"
	"github.com/bident/bident/internal/listen"
	"github.com/bident/bident/pool"
)

// exitPanicked is the exit status of a child in which a handler panicked.
const exitPanicked = statusPanicked

// orders are what a parent tells a child beside its identity.
type orders struct {
	Name        string // of the pool, "" for the server's own
	Title       string // what the child's title begins with
	SlowRequest time.Duration
	// Accepting is what accepting children have to know. The others do not take it
	// apart: what a JSON decoder finds out about types is a tenth of their start.
	Accepting json.RawMessage `json:",omitempty"`
}

// acceptingOrders are what children that own connections have to know.
type acceptingOrders struct {
	Pool  pool.Config
	Front *frontConfig
	Latch bool // accept nothing before latchGift
	Once  bool // the child serves one connection
}

// runChild is the life of a worker's process. It ends the process.
func (s *Server) runChild(self *fork.Self) error {
	self.Claim()
	log := slog.New(newChildLog(standardError))
	fail := func(err error) error {
		_ = self.InitFailed(err) // the parent may be gone
		os.Exit(1)
		return err
	}
	var o orders
	if err := json.Unmarshal(self.Payload, &o); err != nil {
		return fail(fmt.Errorf("httpd: orders: %w", err))
	}
	title := newWorkerTitle(o.Title, cmp.Or(o.Name, s.Name), self.Scoreboard, self.Slot)
	handler := s.routed(o.Name)
	if handler == nil {
		return fail(fmt.Errorf("%w: the program has no handler for server %q", ErrConfig, s.Name))
	}
	state, err := initWorker(s.Hooks.WorkerInit, Worker{
		Mode: Fork, Slot: self.Slot, PID: os.Getpid(), Generation: self.Generation,
	})
	if err != nil {
		return fail(fmt.Errorf("httpd: init hook: %w", err))
	}
	c := child{
		title: title,
		self:  self, log: log, handler: handler, state: state, finish: s.Hooks.WorkerFinish,
		crew: crew{
			slot: self.Slot, pid: os.Getpid(), generation: self.Generation,
			expire: func() { _ = self.Report(pool.Event{Kind: pool.Expiring, Cause: pool.CauseDone}) },
		},
	}
	if self.Accept.Owning() {
		var more acceptingOrders
		if err = json.Unmarshal(o.Accepting, &more); err == nil {
			err = (&acceptingChild{child: &c}).run(more)
		}
	} else {
		c.slow = newSlowWatch(context.Background(), o.SlowRequest, log)
		err = (&exchangeChild{child: &c}).run()
	}
	return fail(err)
}

// initWorker runs the init hook; a panic in it is its error.
func initWorker(hook func(Worker) (any, error), w Worker) (state any, err error) {
	if hook == nil {
		return nil, nil
	}
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return hook(w)
}

// child is what the children of both kinds have in common.
type child struct {
	self    *fork.Self
	log     *slog.Logger
	handler fasthttp.RequestHandler
	state   any
	finish  func(any)
	access  *accesslog.File // that an accepting child writes, nil for none
	crew    crew
	slow    *slowWatch
	title   *workerTitle
	// visitors are clients' connections that handlers have taken.
	visitors visitors

	mu      sync.Mutex
	crashed bool
	exiting sync.Once
}

// crash tells the parent that a handler has panicked: the worker is to be
// replaced, and dies when it has nothing in hand any more.
func (c *child) crash(err error, request string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	first := !c.crashed
	c.crashed = true
	var panicked *pool.PanicError
	if errors.As(err, &panicked) {
		c.log.Error("handler panicked", "request", request, "panic", fmt.Sprint(panicked.Value),
			"stack", string(panicked.Stack))
	}
	if first {
		_ = c.self.Crashed(err, request)
	}
}

// exit ends the process.
func (c *child) exit() {
	c.exiting.Do(func() {
		if c.finish != nil {
			c.finish(c.state)
		}
		if c.access != nil {
			if err := c.access.Close(); err != nil {
				c.log.Error("access log", "error", err)
			}
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.crashed {
			os.Exit(exitPanicked)
		}
		os.Exit(0)
	})
}

// acceptingChild accepts connections itself and runs its lanes itself.
type acceptingChild struct {
	*child
	queue   *pool.Queue
	lanes   *pool.Crew
	front   *front
	like    []arrival // what each address speaks
	latch   latch
	passage passage
	pool    pool.Config
	drain   sync.Once
	turn    *blocking.Listeners // who accepts, with Classic; nil with others
	claims  sync.WaitGroup      // connections that have come and are not served yet
}

// lastAnswers is how long a child whose handler panicked may take to deliver the
// answers that are there.
const lastAnswers = 5 * time.Second

func (c *acceptingChild) run(o acceptingOrders) error {
	self := c.self
	c.queue = pool.NewQueue(self.Lanes)
	c.queue.Configure(o.Pool.QueueSize, o.Pool.QueueTimeout, o.Pool.RequestTimeout)
	var err error
	if c.front, err = newFront(c.queue, Fork, o.Front, c.log); err != nil {
		return err
	}
	c.like, c.pool = o.Front.arrivals(), o.Pool
	row := self.Scoreboard.Row(self.Slot)
	c.queue.Meter(row)
	c.front.timings, c.front.inChild = self.Scoreboard.Timings(self.Slot), true
	c.front.takes = func() int { return capacity(&c.pool) }
	if loops(self.Accept) {
		if c.front.loop, err = newLoop(c.front); err != nil {
			return err
		}
	}
	c.front.opened = func(n int64) {
		row.AddConnections(n)
		c.title.touch()
	}
	c.front.refused, c.front.moved = row.AddRefusal, row.AddMigration
	c.lanes, err = c.queue.NewCrew(self.Scoreboard, self.Slot, pool.CrewHooks{
		Report: c.report, Ended: func() { go c.ended() }, Gone: func() {},
	})
	if err != nil {
		return err
	}
	c.lanes.State = c.state
	for _, l := range c.lanes.Lanes() {
		r := &handlerRunner{
			handler: c.handler, crew: c.crew, state: c.state, watch: c.front.slow, title: c.title,
		}
		go l.Run(r)
	}
	c.latch.shut = o.Latch
	bind := self.Listeners
	if c.latch.shut {
		bind = self.Bound
	}
	listeners, err := bind()
	if err != nil {
		return err
	}
	early := c.awaitLog()
	c.passage.once = o.Once
	c.openPassage()
	if err := c.listen(listeners); err != nil {
		return err
	}
	if err := self.Ready(); err != nil {
		return err
	}
	c.title.ready()
	for _, command := range early {
		c.obey(command)
	}
	for command := range self.Commands() {
		c.obey(command)
	}
	return nil
}

// obey does what the parent says.
func (c *acceptingChild) obey(command fork.Command) {
	switch command.Kind {
	case fork.Retire:
		c.title.retire()
		go c.retire(command.Last)
	case fork.Adopt:
		if err := c.listen(command.Listeners); err != nil {
			c.log.Error("cannot listen", "error", err)
		}
	case fork.Yield:
		for _, l := range command.Listeners {
			if l != nil {
				c.front.mute(l)
			}
		}
	case fork.Give:
		if !c.unlatch(command) {
			c.takeLog(command)
		}
	}
}

// awaitLog waits for the access log, which every child is given at its birth, if
// there is one. It returns what the parent has said before.
func (c *acceptingChild) awaitLog() (early []fork.Command) {
	if c.front.access == nil {
		return nil
	}
	for command := range c.self.Commands() {
		if c.unlatch(command) {
			continue
		}
		if c.takeLog(command); c.access != nil {
			break
		}
		if command.Kind != fork.Give {
			early = append(early, command)
		}
	}
	return early
}

// takeLog takes the access log that has come, in place of the one that was there:
// its path may lead to another file now.
func (c *acceptingChild) takeLog(command fork.Command) {
	switch {
	case command.File == nil:
	case command.Name != accessLogGift || c.front.access == nil:
		command.File.Close()
	case c.access == nil:
		c.access = accesslog.FromFile(command.File, accessLogOptions(c.log))
		c.front.access.file = c.access
	default:
		if err := c.access.Use(command.File); err != nil {
			c.log.Error("cannot switch the access log", "error", err)
			command.File.Close()
		}
	}
}

// listen accepts from the sockets of a seat, one for each address of the server's,
// and takes what the parent sends: at once or when the latch is opened.
func (c *acceptingChild) listen(listeners []net.Listener) error {
	if c.latch.shut {
		c.latch.held = append(c.latch.held, listeners)
		return nil
	}
	if c.front.draining.Load() {
		return nil // it has been told to leave before it began
	}
	for _, l := range listeners {
		if l == nil {
			continue
		}
		if err := listen.Start(l); err != nil {
			c.log.Error("cannot listen", "listen", l.Addr().String(), "error", err)
		}
	}
	listeners, err := c.share(listeners)
	if err != nil {
		return err
	}
	for i, l := range listeners {
		if l != nil {
			c.front.listenFor(l, c.like[i])
		}
	}
	c.self.Arrivals(c.arrive) // the first time
	return nil
}

// report passes on what the lanes report. After the last request has begun, or
// when the last lane is stuck, no other one begins: connections on which none has
// begun are given to other workers, or closed.
func (c *acceptingChild) report(e pool.Event) {
	_ = c.self.Report(e) // if the parent is gone, so is this process in a moment
	switch {
	case e.Kind == pool.Expiring:
		c.front.parting.Store(true)
	case e.Kind == pool.Wedged && c.lanes.Live() == 0:
		_ = c.self.Report(pool.Event{Kind: pool.Spent, Cause: e.Cause})
		go c.shut()
	case e.Kind == pool.Spent:
		c.front.parting.Store(true) // before the answer
		go c.shut()
	}
}

// shut takes nothing more.
func (c *acceptingChild) shut() {
	c.drain.Do(func() {
		c.queue.Close()
		c.front.drain(context.Background(), false)
	})
}

// retire finishes what is in hand and ends the lanes. If the server stops, which is
// the last that it does, nobody else will take its connections, nor accept those that
// wait.
func (c *acceptingChild) retire(last bool) {
	if last {
		c.front.final.Store(true)
		c.front.hasten(c.pool.DieTimeout)
	} else if c.stays() {
		return // depleted calls again
	} else {
		c.front.hasten(c.pool.RetireTimeout)
	}
	c.front.drain(context.Background(), last)
	c.lanes.Retire()
}

// ended is called when the last lane has ended: after retire, or a panic. The process
// stays until its connections have departed or ended, which they have after retire,
// unless some have come since.
func (c *acceptingChild) ended() {
	c.queue.Close()
	c.self.Refuse()
	c.claims.Wait()
	last, cancel := context.WithTimeout(context.Background(), lastAnswers)
	c.front.drain(last, false)
	cancel()
	if request, err := c.lanes.Crashed(); err != nil {
		// The front has logged it.
		c.mu.Lock()
		c.crashed = true
		c.mu.Unlock()
		_ = c.self.Crashed(err, request)
	}
	if n := c.lanes.Lost(); n > 0 {
		// Nobody has to kill this process for it to end, so it tells by itself
		// what its parent would have asked for.
		c.log.Warn("worker leaves with handlers that have exceeded a limit of time: its stacks",
			"limit", "request_timeout", "handlers", n, "stacks", allStacks())
	}
	c.exit()
}
