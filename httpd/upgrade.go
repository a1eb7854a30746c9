package httpd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/bident/bident/internal/listen"
	"github.com/bident/bident/internal/notify"
	"github.com/bident/bident/internal/succession"
	"github.com/bident/bident/pool"
)

// Outcomes of an upgrade.
var (
	// ErrUpgrade says that an upgrade has come to nothing. The server goes on as if
	// nobody had asked for it.
	ErrUpgrade = errors.New("httpd: upgrade failed")
	// ErrSucceeded says that another process has taken this one's place, which has
	// only its last requests in hand.
	ErrSucceeded = errors.New("httpd: another process has taken over")
)

var (
	errStopping  = errors.New("the server stops")
	errUpgrading = errors.New("another upgrade is under way")
	errYield     = errors.New("the new process was ready, but has not taken over in time")
	errStartTime = errors.New("the new process was not ready within start_timeout")
)

// programFile is where the program was when this process began: once its file has
// been replaced the system does not tell any more.
var programFile = findProgramFile()

type programPath struct {
	path string
	err  error
}

func findProgramFile() (p programPath) {
	p.path, p.err = os.Executable()
	return p
}

// farewell is how long a successor that is not wanted may take to end by itself.
const farewell = 5 * time.Second

// yieldTimeout is how long a successor that is ready may take to take over.
const yieldTimeout = 10 * time.Second

// upgrading is what an instance knows of its successor. The instance's lock guards
// it.
type upgrading struct {
	busy      bool
	abort     context.CancelCauseFunc
	successor *succession.Successor // that has taken over
	later     []string              // signals that have come while busy
	under     sync.WaitGroup        // counts what Run has to wait for
}

// Upgrade starts the program's file, as it is now, with the arguments, the
// environment and the directory of this process, gives it the sockets, and returns
// when the new process is ready and has taken over. This one then lets the requests
// in hand finish, within Pool.RetireTimeout, and Run returns: main should end, too. The
// file is looked for where it was when this process began, symbolic links followed. A
// process that is the first one of a container ends that with itself: it needs an init.
//
// The error is ErrUpgrade, with the reason, if the new process does not get ready
// within Pool.StartTimeout, is no such server, or ctx ends first: then it is killed
// and everything is as before. It is ErrSucceeded if this process has been upgraded
// already, and ErrNotRunning if it does not run. Upgrade needs Linux; elsewhere the
// error is errors.ErrUnsupported. It is the same in both modes.
func (s *Server) Upgrade(ctx context.Context) error {
	r, err := s.instance()
	if err != nil {
		return err
	}
	run, err := r.beginUpgrade(ctx)
	if err != nil {
		return err
	}
	return run()
}

// beginUpgrade makes an upgrade the one that is under way; run does it.
func (r *instance) beginUpgrade(ctx context.Context) (run func() error, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch u := &r.upgrading; {
	case u.successor != nil:
		err = fmt.Errorf("%w: process %d", ErrSucceeded, u.successor.PID())
	case r.stopping:
		err = fmt.Errorf("%w: %w", ErrUpgrade, errStopping)
	case u.busy:
		err = fmt.Errorf("%w: %w", ErrUpgrade, errUpgrading)
	default:
		u.busy, u.abort = true, cancel
		u.under.Add(1)
		return func() error {
			defer cancel(nil)
			defer u.under.Done()
			return r.upgrade(ctx)
		}, nil
	}
	cancel(nil)
	return nil, err
}

// upgrade starts a successor and hands over to it.
func (r *instance) upgrade(ctx context.Context) error {
	r.notify(notify.Reloading()...)
	next, err := r.succeed(ctx)
	r.mu.Lock()
	u := &r.upgrading
	later := u.later
	u.busy, u.later, u.successor = false, nil, next
	stopping := r.stopping
	if err == nil {
		if stopping {
			// It came in the last moment. It is for the server, whoever that is.
			later = append(later, "TERM")
		}
		for _, name := range later {
			r.forward(next, name)
		}
	}
	r.mu.Unlock()
	if err != nil {
		r.notify("READY=1")
		for _, name := range later {
			r.resignal(name)
		}
		return fmt.Errorf("%w: %w", ErrUpgrade, err)
	}
	r.depart(next)
	return nil
}

// succeed brings a successor to the point where it has taken over. Nobody is left
// if it fails.
func (r *instance) succeed(ctx context.Context) (*succession.Successor, error) {
	select { // somebody may be in a hurry
	case <-r.server.ready:
	case <-r.ended:
		return nil, errStopping
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if programFile.err != nil {
		return nil, fmt.Errorf("program file: %w", programFile.err)
	}
	if n := names.count(); n > 1 {
		return nil, fmt.Errorf("this program runs %d servers, and a new process of it would start all of them", n)
	}
	m, err := r.manifest(ctx)
	defer func() {
		for _, s := range m.Sockets {
			listen.CloseDescriptor(s.FD)
		}
	}()
	if err != nil {
		return nil, err
	}
	next, err := succession.Start(programFile.path, os.Args, os.Environ(), m)
	if err != nil {
		return nil, err
	}
	r.log.Info("upgrading", "program", programFile.path, "to", next.PID())
	c := r.plan.pool
	if c.StartTimeout > 0 {
		limit := c.StartTimeout + time.Duration(c.MaxServers)*c.StartDelay
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, limit, errStartTime)
		defer cancel()
	}
	if err = next.Await(ctx); err != nil {
		next.Abandon(farewell)
		return nil, err
	}
	// Whoever wants an end of this now has to wait for a moment: in the middle of
	// it nobody could say which process has the pid file.
	yield, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), yieldTimeout, errYield)
	defer cancel()
	if err = next.Yield(yield); err != nil {
		next.Abandon(farewell)
		r.takeBack()
		return nil, err
	}
	return next, nil
}

// takeBack takes what there is one of from a successor that has died over it.
func (r *instance) takeBack() {
	if f := r.server.Hooks.TakeOver; f != nil {
		if err := f(); err != nil {
			r.log.Error("taking back after an upgrade that has failed", "error", err)
		}
	}
}

// manifest is what a successor gets. The descriptors in it are its own.
func (r *instance) manifest(ctx context.Context) (m succession.Manifest, err error) {
	m.Name = r.server.Name
	for _, s := range r.supervisors() {
		st, err := s.Status(ctx)
		if err != nil {
			return m, err
		}
		m.Generation = max(m.Generation, st.Generation+1)
	}
	add := func(use succession.Use, index int, a address, bound string, fds ...int) {
		for _, fd := range fds {
			m.Sockets = append(m.Sockets, succession.Socket{
				Use: use, Network: a.network, Address: a.address, Bound: bound, Index: index, FD: fd,
			})
		}
	}
	for i, l := range r.listeners {
		fd, err := l.Descriptor()
		if err != nil {
			return m, err
		}
		at := r.places[i]
		add(succession.Listen, at, r.plan.addresses[at], l.Addr().String(), fd)
	}
	if r.seats != nil {
		for i, a := range r.seats.Addrs() {
			fds, err := r.seats.Descriptors(i)
			if err != nil {
				return m, err
			}
			add(succession.Listen, i, r.plan.addresses[i], a.String(), fds...)
		}
	}
	if r.admin != nil {
		fd, err := r.admin.listener.Descriptor()
		if err != nil {
			return m, err
		}
		add(succession.Admin, 0, *r.plan.admin, r.admin.listener.Addr().String(), fd)
	}
	return m, nil
}

// depart lets this process end, now that another one has taken over.
func (r *instance) depart(next *succession.Successor) {
	r.log.Info("another process has taken over", "pid", next.PID())
	// To whom the manager listens is this process, until it has said so.
	r.notify("MAINPID="+strconv.Itoa(next.PID()), "READY=1")
	r.keepPaths(true)
	if r.admin != nil {
		r.admin.listener.Close()
	}
	if !r.isStopping() {
		r.openOut(next)
	}
	go func() {
		for {
			select {
			case text := <-next.Stops():
				if r.front != nil {
					r.front.final.Store(true)
				}
				if ms, err := strconv.ParseInt(text, 10, 64); err == nil {
					r.stop(max(time.Duration(ms)*time.Millisecond, pool.NoLimit))
				}
			case <-r.ended:
				return
			}
		}
	}()
	limit := r.plan.pool.RetireTimeout
	if limit == 0 {
		limit = pool.NoLimit
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.stopping {
		r.leave(limit, false)
	}
}

// postpone reports whether a signal is not for this process to act on now: during
// an upgrade it waits for the outcome, after it it is the successor's.
func (r *instance) postpone(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	u := &r.upgrading
	switch {
	case u.successor != nil:
		r.forward(u.successor, name)
	case u.busy:
		// Once is enough for those that ask for the newest state of things.
		if once := name == "HUP" || name == "USR1" || name == "USR2"; !once || !slices.Contains(u.later, name) {
			u.later = append(u.later, name)
		}
	default:
		return false
	}
	return true
}

// passStop passes a signal to stop on to the process that has taken over.
func (r *instance) passStop(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if next := r.upgrading.successor; next != nil {
		r.forward(next, name)
	}
}

func (r *instance) forward(next *succession.Successor, name string) {
	if err := next.Forward(name); err != nil {
		r.log.Warn("signal "+name+" cannot be passed on", "error", err)
	}
}

// reloaded is the outcome of a reload. One that an upgrade has overtaken has been
// done by the new process.
func (r *instance) reloaded(err error) error {
	r.mu.Lock()
	succeeded, stopping := r.upgrading.successor != nil, r.stopping
	r.mu.Unlock()
	if !stopping {
		r.notify("READY=1")
	}
	if succeeded && errors.Is(err, pool.ErrStopped) {
		return nil
	}
	return err
}

// notify tells the service manager something.
func (r *instance) notify(lines ...string) {
	if !r.server.Notify {
		return
	}
	if err := notify.Send(lines...); err != nil {
		r.log.Warn("the service manager cannot be told", "error", err)
	}
}
