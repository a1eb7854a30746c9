package httpd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/bident/bident/fork"
	"github.com/bident/bident/internal/listen"
	"github.com/bident/bident/internal/title"
	"github.com/bident/bident/pool"
)

// lastWords is how long clients get to receive the errors that killed workers
// leave behind.
const lastWords = time.Second

// instance is a server while it runs.
type instance struct {
	server     *Server
	plan       *settings
	log        *slog.Logger
	started    time.Time
	urls       []string
	listeners  []*listen.Listener
	places     []int                        // which address each of them is at
	front      *front                       // nil if the children accept
	queue      *pool.Queue                  // nil if the children have their own
	seats      *fork.Seats                  // nil unless the children accept
	broker     *broker                      // nil unless the children accept
	drain      func()                       // tells the children that the server stops; nil unless they accept
	unlatch    func(string, *os.File) error // gives children a file; nil unless they wait for latchGift
	supervisor *pool.Supervisor
	annexes    []*annex
	upstreams  map[string]*upstream // of pools that have some, by the pool's name
	admin      *admin
	// formerScripts are those before the last reload.
	formerScripts *scriptTable
	// certificates are of use if an address is https.
	certificates certificates
	accessLog    accessLogFile
	sharedLog    *os.File // the access log, until the children have been given it
	closers      []func()
	ended        chan struct{} // closed when the last worker is gone
	outcome      error         // of the supervisor, once ended is closed

	heir     *heir // nil unless another process goes before this one
	crossing crossing

	mu        sync.Mutex
	stopping  bool
	cancel    context.CancelFunc // ends draining
	failure   error              // why this process cannot take over
	upgrading upgrading
	signals   chan os.Signal // those that are to be acted on; nil if they are left alone
}

// open binds all addresses and makes everything that the server consists of. It
// leaves nothing behind if it fails.
func (s *Server) open(plan *settings, h *heir) (_ *instance, err error) {
	r := &instance{server: s, plan: plan, log: plan.log, started: time.Now(), ended: make(chan struct{}), heir: h}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	r.certificates.open(plan)
	if err = r.openAccessLog(); err != nil {
		return nil, err
	}
	options := pool.Options{Log: plan.log, Observe: s.Observe, Generation: r.firstGeneration()}
	switch {
	case isCGI(s.Handler):
		err = r.openCGI(&options)
	case plan.mode == Emulate:
		err = r.openEmulate(&options)
	default:
		err = r.openFork(&options)
	}
	if err != nil {
		return nil, err
	}
	if r.front != nil {
		options.Timings = r.front.timings
	}
	options.Outside = r.outside()
	r.supervisor = pool.New(plan.pool, options)
	if err = r.watchOutside(); err != nil {
		return nil, err
	}
	if err = r.openAnnexes(); err != nil {
		return nil, err
	}
	if h == nil {
		err = r.openAdmin()
	}
	if err != nil {
		return nil, err
	}
	if err = r.drop(); err != nil {
		return nil, err
	}
	return r, nil
}

// openFront makes the front of this process, with the queue of the server's own
// workers.
func (r *instance) openFront(mode Mode) (err error) {
	if err := r.listen(); err != nil {
		return err
	}
	r.queue = pool.NewQueue(queueLanes(r.plan.pool.Concurrency))
	r.front, err = newFront(r.queue, mode, &r.plan.front, r.log)
	if err != nil {
		return err
	}
	if err := r.openScripts(); err != nil {
		return err
	}
	r.front.takes = r.takes
	r.front.away = r.crossing.sendOn
	r.front.final.Store(true) // until there is a successor
	if r.front.access != nil {
		r.front.access.file = r.accessLog.file
	}
	return nil
}

// openAccessLog opens the access log for this process, or for children.
func (r *instance) openAccessLog() (err error) {
	r.sharedLog, err = r.accessLog.open(r.server.AccessLog, r.plan.accept.inChildren(), r.log)
	if err != nil {
		return err
	}
	r.closers = append(r.closers, func() {
		r.accessLog.close(r.log)
		if r.sharedLog != nil {
			r.sharedLog.Close()
		}
	})
	return nil
}

// listen binds the addresses that this process accepts from.
func (r *instance) listen() error {
	var problems []error
	for i, a := range r.plan.addresses {
		list, err := r.inherit(a)
		if err == nil && len(list) == 0 {
			list = make([]*listen.Listener, 1)
			list[0], err = r.bind(a)
		}
		if err != nil {
			problems = append(problems, err)
			continue
		}
		for _, l := range list {
			r.listeners, r.places = append(r.listeners, l), append(r.places, i)
		}
		r.urls = append(r.urls, addressURL(list[0].Addr(), a))
	}
	if len(problems) > 0 {
		return fmt.Errorf("%w: %w", ErrListen, errors.Join(problems...))
	}
	return nil
}

// bind binds an address, or takes a socket that is bound already.
func (r *instance) bind(a address) (*listen.Listener, error) {
	switch a.network {
	case networkFD, networkSystemd:
		fd, err := a.descriptor()
		if err != nil {
			return nil, err
		}
		return listen.Inherit(fd, r.listenOptions(a))
	}
	return listen.Open(a.network, a.address, r.listenOptions(a))
}

func (r *instance) listenOptions(a address) listen.Options {
	return listen.Options{Backlog: r.server.Backlog, Mode: r.server.SocketMode, Owner: r.plan.owner, Lent: a.outside()}
}

// run is the server's life.
func (r *instance) run(ctx context.Context) error {
	defer r.close()
	if s := r.server.Title; s != "" {
		if err := title.Set(s + ": supervisor (" + r.plan.mode.String() + ")"); err != nil {
			r.log.Debug("cannot set the title", "error", err)
		}
	}
	// First of all: whoever reads that the server listens may send a signal.
	if r.server.Signals {
		defer r.handleSignals()()
	}
	if r.heir != nil {
		go r.obey()
	} else if err := r.begin(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	others := r.runAnnexes()
	go func() {
		err := r.supervisor.Run(context.Background())
		ended <- errors.Join(err, others())
	}()
	for _, u := range r.urls {
		r.log.Info("listening on " + u)
	}
	r.upgrading.under.Add(1)
	go func() {
		defer r.upgrading.under.Done()
		if err := r.getReady(ctx); err != nil {
			if r.heir != nil {
				r.fail(err)
			}
			return
		}
		r.log.Info("ready", "mode", r.plan.mode, "workers", r.plan.pool.MaxServers, "pid", os.Getpid())
		r.notify("MAINPID="+strconv.Itoa(os.Getpid()), "READY=1")
		close(r.server.ready)
	}()
	go func() {
		select {
		case <-ctx.Done():
			r.stop(dieTimeout(r.plan.pool))
		case <-r.ended:
		}
	}()
	err := <-ended
	r.outcome = err
	close(r.ended)
	if r.front != nil {
		last, cancel := context.WithTimeout(context.Background(), lastWords)
		r.front.drain(last, false)
		cancel()
	}
	r.upgrading.under.Wait()
	r.outlive(context.Background())
	if r.broker != nil {
		last, cancel := context.WithTimeout(context.Background(), lastWords)
		r.broker.end(last)
		cancel()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failure != nil {
		return r.failure
	}
	if err != nil {
		return fmt.Errorf("httpd: %w", err)
	}
	return nil
}

// begin serves requests to the server and to the admin listener.
func (r *instance) begin() error {
	for i, l := range r.listeners {
		a := r.plan.addresses[r.places[i]]
		if r.front != nil {
			r.front.listenFor(l, arrival{secure: a.secure, fcgi: a.fcgi})
		} else if err := r.broker.listen(l, note{secure: a.secure, fcgi: a.fcgi}); err != nil {
			return err
		}
	}
	if r.admin != nil {
		r.admin.serve()
	}
	return nil
}

// firstGeneration is the number of the first generation of workers.
func (r *instance) firstGeneration() int {
	if r.heir == nil {
		return 1
	}
	return r.heir.Generation
}

// stop begins the end. What is left after timeout is killed: pool.NoLimit waits
// for ever, 0 kills at once. A second stop can only shorten the time.
func (r *instance) stop(timeout time.Duration) {
	if r.heir != nil && r.heir.taken.Load() {
		r.heir.Stop(timeout) // what the old process still has in hand is the server's
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.upgrading.busy {
		r.upgrading.abort(errStopping)
	}
	if r.stopping {
		if timeout >= 0 {
			time.AfterFunc(timeout, func() {
				r.cancel()
				r.stopWorkers(0)
			})
		}
		return
	}
	if r.upgrading.successor == nil {
		r.notify("STOPPING=1")
	}
	r.leave(timeout, true)
}

// leave begins the end, with the lock held. backlog says whether connections that
// wait to be accepted are this process's to serve.
func (r *instance) leave(timeout time.Duration, backlog bool) {
	r.stopping = true
	// The last tenth of the time is for the workers to leave.
	leave := time.Duration(pool.NoLimit)
	ctx, cancel := context.WithCancel(context.Background())
	if timeout >= 0 {
		leave = timeout / 10
		ctx, cancel = context.WithTimeout(context.Background(), timeout-leave)
	}
	r.cancel = cancel
	go func() {
		defer cancel()
		what := "stopping"
		if !backlog {
			what = "finishing what is in hand"
		}
		if timeout < 0 {
			r.log.Info(what)
		} else {
			r.log.Info(what, "timeout", timeout)
		}
		if r.front == nil {
			r.leaveChildren(ctx, timeout, leave, backlog)
			return
		}
		// Requests first, workers after: as long as there are requests in
		// hand or in the queue, somebody has to serve them. If there is
		// nobody, what waits would wait in vain.
		if r.readiness() != nil {
			r.queue.Close()
		}
		r.front.drain(ctx, backlog)
		if backlog {
			r.outlive(ctx) // an old process may still have requests for the workers
		}
		r.stopWorkers(leave)
	}()
}

// close gives everything back.
func (r *instance) close() {
	if r.admin != nil {
		r.admin.close()
	}
	if r.front != nil {
		r.front.close()
	}
	r.crossing.close()
	if next := r.upgrading.successor; next != nil {
		next.Close()
	}
	for _, l := range r.listeners {
		l.Close()
	}
	for i := len(r.closers) - 1; i >= 0; i-- {
		r.closers[i]()
	}
}
