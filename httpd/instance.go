package httpd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/bident/bident/fork"
	"github.com/bident/bident/internal/listen"
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
	front      *front      // nil if the children accept
	queue      *pool.Queue // nil if the children have their own
	seats      *fork.Seats // nil unless the children accept
	drain      func()      // tells the children that the server stops; nil unless they accept
	supervisor *pool.Supervisor
	annexes    []*annex
	admin      *admin
	// certificates are of use if an address is https.
	certificates certificates
	accessLog    accessLogFile
	sharedLog    *os.File // the access log, until the children have been given it
	closers      []func()
	ended        chan struct{} // closed when the last worker is gone
	outcome      error         // of the supervisor, once ended is closed

	mu       sync.Mutex
	stopping bool
	cancel   context.CancelFunc // ends draining
}

// open binds all addresses and makes everything that the server consists of. It
// leaves nothing behind if it fails.
func (s *Server) open(plan *settings) (_ *instance, err error) {
	r := &instance{server: s, plan: plan, log: plan.log, started: time.Now(), ended: make(chan struct{})}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	r.certificates.open(plan)
	if err = r.openAccessLog(); err != nil {
		return nil, err
	}
	options := pool.Options{Log: plan.log, Observe: s.Observe}
	switch {
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
	r.supervisor = pool.New(plan.pool, options)
	if err = r.openAnnexes(); err != nil {
		return nil, err
	}
	if plan.admin != nil {
		if r.admin, err = r.openAdmin(*plan.admin); err != nil {
			return nil, err
		}
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
	if err == nil && r.front.access != nil {
		r.front.access.file = r.accessLog.file
	}
	return err
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
	for _, a := range r.plan.addresses {
		l, err := listen.Open(a.network, a.address, r.listenOptions())
		if err != nil {
			problems = append(problems, err)
			continue
		}
		r.listeners = append(r.listeners, l)
		r.urls = append(r.urls, addressURL(l.Addr(), a.secure))
	}
	if len(problems) > 0 {
		return fmt.Errorf("%w: %w", ErrListen, errors.Join(problems...))
	}
	return nil
}

func (r *instance) listenOptions() listen.Options {
	return listen.Options{Backlog: r.server.Backlog, Mode: r.server.SocketMode}
}

// run is the server's life.
func (r *instance) run(ctx context.Context) error {
	defer r.close()
	// First of all: whoever reads that the server listens may send a signal.
	if r.server.Signals {
		defer r.handleSignals()()
	}
	ended := make(chan error, 1)
	others := r.runAnnexes()
	go func() {
		err := r.supervisor.Run(context.Background())
		ended <- errors.Join(err, others())
	}()
	if r.front != nil {
		for i, l := range r.listeners {
			r.front.listen(l, r.plan.addresses[i].secure)
		}
	}
	for _, u := range r.urls {
		r.log.Info("listening on " + u)
	}
	if r.admin != nil {
		r.admin.serve()
	}
	go func() {
		for _, s := range r.supervisors() {
			if s.Ready(ctx) != nil {
				return
			}
		}
		{
			r.log.Info("ready", "mode", r.plan.mode, "workers", r.plan.pool.MaxServers, "pid", os.Getpid())
			close(r.server.ready)
		}
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
	if err != nil {
		return fmt.Errorf("httpd: %w", err)
	}
	return nil
}

// stop begins the end. What is left after timeout is killed: pool.NoLimit waits
// for ever, 0 kills at once. A second stop can only shorten the time.
func (r *instance) stop(timeout time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopping {
		if timeout >= 0 {
			time.AfterFunc(timeout, func() {
				r.cancel()
				r.stopWorkers(0)
			})
		}
		return
	}
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
		if timeout < 0 {
			r.log.Info("stopping")
		} else {
			r.log.Info("stopping", "timeout", timeout)
		}
		if r.front == nil {
			r.drain()
			r.supervisor.Stop(timeout)
			return
		}
		// Requests first, workers after: as long as there are requests in
		// hand or in the queue, somebody has to serve them. If there is
		// nobody, what waits would wait in vain.
		if r.readiness() != nil {
			r.queue.Close()
		}
		r.front.drain(ctx, true)
		r.stopWorkers(leave)
	}()
}

// reload gives the pool its new configuration, and puts to use the certificates
// that are in their files by now.
func (r *instance) reload(ctx context.Context) error {
	use, err := r.reread()
	if err != nil {
		return fmt.Errorf("httpd: nothing was changed: %w", err)
	}
	c := r.server.Pool
	if f := r.server.Reconfigure; f != nil {
		if c, err = f(); err != nil {
			return fmt.Errorf("httpd: nothing was changed: %w", err)
		}
	}
	if err := c.Validate(); err != nil {
		return fmt.Errorf("httpd: nothing was changed: %w: %w", ErrConfig, err)
	}
	c = r.server.poolDefaults(c, r.plan.mode)
	if have := r.plan.pool.Concurrency; c.Concurrency != have {
		return fmt.Errorf("httpd: nothing was changed: %w: Concurrency cannot change from %d to %d without a restart",
			ErrConfig, have, c.Concurrency)
	}
	if r.plan.accept.inChildren() && c.Elastic() {
		return fmt.Errorf("httpd: nothing was changed: %w: a number of workers that follows the load is not available with accept slot in this version", ErrConfig)
	}
	if err := use(); err != nil {
		return fmt.Errorf("httpd: nothing was changed: %w", err)
	}
	return errors.Join(r.supervisor.Reload(ctx, c), r.reloadAnnexes(ctx))
}

// close gives everything back.
func (r *instance) close() {
	if r.admin != nil {
		r.admin.close()
	}
	if r.front != nil {
		r.front.close()
	}
	for _, l := range r.listeners {
		l.Close()
	}
	for i := len(r.closers) - 1; i >= 0; i-- {
		r.closers[i]()
	}
}
