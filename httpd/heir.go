package httpd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"

	"github.com/bident/bident/internal/listen"
	"github.com/bident/bident/internal/succession"
)

// heir is a server's side of an upgrade in the new process.
type heir struct {
	*succession.Heritage
	taken atomic.Bool // this process is the server
}

var (
	// heritageUsed says that a server of this process has come into the heritage.
	heritageUsed atomic.Bool
	// takenOver says that it has taken over.
	takenOver atomic.Bool
)

// Upgrading reports whether this process is about to take over from an older one of
// the same program, which serves still; see Server.Upgrade. It is true from the
// start of the program until the take-over, so that main can leave alone what there
// is one of, such as a pid file, and take it in Hooks.TakeOver.
func Upgrading() bool {
	h, err := succession.Current()
	return h != nil && err == nil && !takenOver.Load()
}

// inheritance is what this server has inherited, nil if nothing.
func (s *Server) inheritance() (*heir, error) {
	h, err := succession.Current()
	if err != nil {
		return nil, fmt.Errorf("httpd: %w", err)
	}
	if h == nil || h.Name != s.Name || !heritageUsed.CompareAndSwap(false, true) {
		return nil, nil
	}
	h.Claim()
	return &heir{Heritage: h}, nil
}

// sockets are the descriptors of the old process's sockets at an address, which
// belong to the caller; none if it had no such address.
func (h *heir) sockets(use succession.Use, a address) (fds []int) {
	if h == nil {
		return nil
	}
	group := -1
	// As it is configured, first: port 0 is a port by now.
	for _, same := range []func(succession.Socket) bool{
		func(s succession.Socket) bool { return s.Network == a.network && s.Address == a.address },
		func(s succession.Socket) bool { return s.Network == a.network && bound(s, a) },
	} {
		for i, s := range h.Sockets {
			if group < 0 && s.Use == use && h.Has(i) && same(s) {
				group = s.Index
			}
		}
	}
	for i, s := range h.Sockets {
		if s.Use == use && s.Index == group {
			fd := h.Take(i)
			listen.Prompt(fd) // children that want something else say so themselves
			fds = append(fds, fd)
		}
	}
	return fds
}

// bound reports whether a socket is bound to an address, however that is written.
func bound(s succession.Socket, a address) bool {
	if a.network == "unix" {
		return s.Bound == a.address
	}
	have, err := net.ResolveTCPAddr("tcp", s.Bound)
	if err != nil {
		return false
	}
	want, err := net.ResolveTCPAddr("tcp", a.address)
	if err != nil || have.Port != want.Port {
		return false
	}
	if len(want.IP) == 0 || want.IP.IsUnspecified() {
		return have.IP.IsUnspecified()
	}
	return have.IP.Equal(want.IP)
}

// inherit makes listeners of the old process's sockets at an address, nil if there
// are none. A process whose workers had a socket each leaves more than one.
func (r *instance) inherit(a address) ([]*listen.Listener, error) {
	var list []*listen.Listener
	for _, fd := range r.heir.sockets(succession.Listen, a) {
		if !listen.Listening(fd) {
			listen.CloseDescriptor(fd) // the seat of a worker that there never was
			continue
		}
		l, err := listen.Inherit(fd, r.listenOptions(a))
		if err != nil {
			return nil, err
		}
		list = append(list, l)
	}
	return list, nil
}

// takeOver makes this process the server, once its workers are ready.
func (r *instance) takeOver() error {
	if err := r.heir.Ready(r.ended); err != nil {
		return fmt.Errorf("httpd: %w", err)
	}
	if r.isStopping() {
		return errStopping
	}
	if err := r.openAdmin(); err != nil {
		return err
	}
	if f := r.server.Hooks.TakeOver; f != nil {
		if err := f(); err != nil {
			return fmt.Errorf("httpd: taking over: %w", err)
		}
	}
	if err := r.openLatch(); err != nil {
		return err
	}
	if err := r.begin(); err != nil {
		return err
	}
	r.openIn()
	r.keepPaths(false) // nothing can fail any more
	r.heir.taken.Store(true)
	takenOver.Store(true)
	r.heir.Taken()
	r.log.Info("taken over", "from", r.heir.Predecessor(), "generation", r.heir.Generation)
	r.closeUnwanted()
	if r.isStopping() {
		r.heir.Stop(dieTimeout(r.plan.pool)) // somebody was in a hurry
	}
	return nil
}

// keepPaths says whether UNIX sockets' paths are another process's to remove.
func (r *instance) keepPaths(keep bool) {
	for _, l := range r.listeners {
		l.Keep(keep)
	}
	if r.seats != nil {
		r.seats.Keep(keep)
	}
	if r.admin != nil {
		r.admin.listener.Keep(keep)
	}
}

// closeUnwanted closes the inherited sockets that the configuration has no use for,
// and removes the paths of those that a server has made.
func (r *instance) closeUnwanted() {
	for i, s := range r.heir.Sockets {
		fd := r.heir.Take(i)
		if fd < 0 {
			continue
		}
		lent := address{network: s.Network}.outside()
		l, err := listen.Inherit(fd, listen.Options{Lent: lent})
		if err != nil {
			continue // it does not listen, and is closed
		}
		l.Keep(false)
		l.Close()
		if s.Use == succession.Listen {
			r.log.Info("not listening any more on " + s.Bound)
		}
	}
}

// getReady waits until the server can take requests, and in a new process until it
// is the server.
func (r *instance) getReady(ctx context.Context) error {
	for _, s := range r.supervisors() {
		wait := s.Ready
		if r.heir != nil {
			wait = s.Started
		}
		if err := wait(ctx); err != nil {
			return err
		}
	}
	if r.heir == nil {
		return nil
	}
	return r.takeOver()
}

// obey acts on what the old process says until it is gone.
func (r *instance) obey() {
	select {
	case <-r.heir.Refused():
	case <-r.heir.Gone():
	case <-r.ended:
		return
	}
	select {
	case <-r.heir.Refused():
		r.fail(errors.New("the old process does not want to be succeeded any more, or was killed"))
	default: // its end is what was to come
	}
}

// isStopping reports whether the end has begun.
func (r *instance) isStopping() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stopping
}

// fail ends a process that cannot take over.
func (r *instance) fail(err error) {
	r.mu.Lock()
	first := r.failure == nil && !r.stopping
	if first {
		r.failure = err
	}
	r.mu.Unlock()
	if first {
		r.heir.Failed(err)
	}
	r.stop(dieTimeout(r.plan.pool))
}
