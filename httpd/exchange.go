package httpd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bident/bident/internal/fcgi"
	"github.com/bident/bident/pool"
)

// statusPanicked is the application status with which a child says that the
// handler panicked and the child is about to leave.
const statusPanicked = 70

const (
	// clientPatience is how long an answer may take before the client is looked
	// out for, so that quick answers do not pay for it.
	clientPatience = 25 * time.Millisecond
	// deathPatience is how long the news of a child's death may be behind the
	// end of its connections.
	deathPatience = 100 * time.Millisecond
	// orphanPatience is how long an exchange may go on whose program has died.
	orphanPatience = 5 * time.Second
)

// errChildPanicked is what a worker crashed of whose child reported a panic.
var errChildPanicked = errors.New("httpd: handler panicked in the child")

var (
	// errProgramBusy says that a program has refused a request because it has too many.
	errProgramBusy = errors.New("httpd: the program is overloaded")
	// errProgramRefused says that it has for another reason.
	errProgramRefused = errors.New("httpd: the program refused the request")
)

// exchangeRunner runs requests by a FastCGI exchange with its peer, mostly a child,
// over a connection of the lane's own.
type exchangeRunner struct {
	child   peer
	up      *upstreamLane // the same, nil if it is a child
	program string        // its path, if it is an external program
	crew    crew
	log     *slog.Logger

	conn   net.Conn
	client *fcgi.Client
	vars   variables
	raw    func(name, value []byte) // gives the program a parameter
	others func(name, value []byte) // the same, unless own has one of that name
	param  func(name, value []byte) // which of them it is for the request in hand
	own    *ownParams               // nil for none
	text   []byte

	// the exchange under way
	programAnswer
	what    []byte // "GET /x"
	trailer []byte // of the answer
	given   bool   // the connection is the child's: there is no answer
	cut     bool   // the handler wants its answer to be broken off

	complaint complaint    // of the request
	mates     *mates       // the lanes of the same program; nil if it is none
	fresh     bool         // the connection has carried no exchange
	resting   bool         // the connection is idle and may be closed; under the lock
	unheard   atomic.Bool  // the first exchange over the connection has no answer yet
	since     atomic.Int64 // when it began, UNIX, ns
	accept    *time.Timer  // for unheard

	watch    *slowWatch // of a program, which does not watch itself
	slow     *slowLane
	patience *time.Timer
	mu       sync.Mutex // held while the exchange may be ended from outside
	job      atomic.Pointer[job]
	serial   uint64
	killed   bool
	deaf     *deafness // of a program, under the lock
	unwanted bool      // the client has left, and the child was told
}

func newExchangeRunner(c peer, l *pool.Lane, log *slog.Logger) *exchangeRunner {
	r := &exchangeRunner{child: c, crew: crewOf(l.Crew()), log: log}
	r.others = r.other
	r.patience = time.AfterFunc(time.Hour, r.impatient)
	r.patience.Stop()
	return r
}

// Check implements pool.Runner: it makes sure of a connection that can carry an
// exchange. A request is given back, unbegun, if the child is gone.
func (r *exchangeRunner) Check() bool {
	if r.up != nil {
		return true // it connects when the request has begun
	}
	r.mu.Lock()
	r.resting = false
	r.mu.Unlock()
	if r.client != nil && r.client.Alive() {
		return true
	}
	r.disconnect()
	select {
	case <-r.child.Exited():
		return false
	default:
	}
	conn, err := r.child.Dial()
	if err != nil {
		return false
	}
	r.connect(conn)
	r.fresh = true
	return true
}

// connect makes conn the lane's connection.
func (r *exchangeRunner) connect(conn net.Conn) {
	client := fcgi.NewClient(conn)
	client.SmallKeep = r.child.External()
	client.Waiting(r.pass)
	r.raw = client.ParamRaw
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conn, r.client = conn, client
}

func (r *exchangeRunner) disconnect() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conn != nil {
		r.conn.Close()
		if r.up != nil {
			r.up.gone()
		}
	}
	r.conn, r.client = nil, nil
}

// bury ends the exchange with a program that is dead, should somebody else keep its
// sockets open: a process that it has started has what nobody accepts any more, or
// finishes in time. It ends when the program does.
func (r *exchangeRunner) bury(exited <-chan struct{}) {
	<-exited
	time.AfterFunc(orphanPatience, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.conn != nil {
			r.conn.Close()
		}
	})
}

// Close implements pool.Runner.
func (r *exchangeRunner) Close() {
	r.patience.Stop()
	r.mates.leave(r)
	r.slow.leave()
	r.disconnect()
	if r.up != nil {
		r.up.close()
	}
}

// Kill implements pool.Runner.
func (r *exchangeRunner) Kill(cause error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.killed = true
	if cause == pool.ErrRequestTimeout && r.mates != nil && r.unheard.Load() && r.mates.child.Pending() {
		r.log.Warn("the program has not accepted the connection of a request that has taken too long",
			"slot", r.crew.slot, "pid", r.crew.pid)
	}
	if r.conn != nil {
		r.conn.Close()
	}
	if r.up != nil && r.up.stop != nil {
		r.up.stop(cause)
	}
	if j := r.job.Load(); j != nil {
		j.end(cause)
	}
}

// Run implements pool.Runner.
func (r *exchangeRunner) Run(l *pool.Lane, t *pool.Task) bool {
	j := t.Job.(*job)
	j.crew, j.served = r.crew, l.Served()
	if j.shown {
		j.hand.Store(&r.crew)
	}
	if r.watch != nil {
		if r.slow == nil {
			r.slow = r.watch.lane(r.crew, false)
		}
		r.slow.begin(t.Method, t.URI, nil)
	}
	r.begin(l, j, !r.child.External())
	r.what = append(append(append(r.what[:0], t.Method...), ' '), t.URI...)
	r.trailer, r.given, r.cut = nil, false, false
	r.job.Store(j)
	r.patience.Reset(clientPatience)
	r.untaken()
	end, err := r.exchange(l)
	if limit := r.silence.end(); limit > 0 {
		err = r.fallenSilent(l, limit)
	}
	r.heard()
	r.fresh = false
	r.patience.Stop()
	switch {
	case err != nil:
	case r.child.External():
		j.exit = end.AppStatus
	case end.AppStatus == statusPanicked:
		j.exit = statusFailed
	}
	panicked := err == nil && end.AppStatus == statusPanicked && !r.child.External()
	if err == nil {
		err = r.check(end)
	}
	more := true
	switch {
	case (panicked || r.cut) && r.stream != nil && err == nil:
		err = errStreamCut
	case r.cut && err == nil:
		j.broken = true
	case err != nil:
		more = r.failed(t, err)
	}
	if r.stream != nil {
		r.stream.trailer = r.trailer
	}
	r.close(err)
	r.over(j)
	switch {
	case panicked:
		l.Crew().Crash(errChildPanicked, string(r.what))
		return false
	case err != nil && !r.cut || r.client.MustClose():
		r.disconnect()
	case r.up != nil:
		r.up.rest()
	case r.mates != nil:
		r.rest()
	}
	return more
}

// exchange sends the request and delivers the answer.
func (r *exchangeRunner) exchange(l *pool.Lane) (fcgi.EndRequest, error) {
	if r.up != nil {
		return r.up.exchange(l)
	}
	r.request(l)
	return r.client.Do(r)
}

// Stdout implements fcgi.Sink.
func (r *exchangeRunner) Stdout(p []byte) error {
	r.heard()
	if r.given {
		return nil
	}
	return r.write(p)
}

// Stderr implements fcgi.Sink.
func (r *exchangeRunner) Stderr(p []byte) {
	r.heard()
	r.silence.stir()
	if !r.child.External() {
		message, aside := r.hear(p)
		if aside {
			return
		}
		p = message
	}
	if text := r.complaint.take(p); len(text) > 0 {
		r.log.Error("program", "message", string(text), "slot", r.crew.slot, "pid", r.crew.pid,
			"request", string(r.what))
	}
	if f := r.job.Load().stderr; f != nil {
		f(p)
	}
}

// keeps reports whether the connection is to be kept after the exchange.
func (r *exchangeRunner) keeps() bool {
	switch {
	case r.up != nil:
		return r.up.keeping
	case r.mates != nil:
		return !r.mates.crowded()
	}
	return true
}

// check looks at an exchange that has come to its end.
func (r *exchangeRunner) check(end fcgi.EndRequest) error {
	switch {
	case end.ProtocolStatus == fcgi.Overloaded:
		return errProgramBusy
	case end.ProtocolStatus != fcgi.RequestComplete:
		return fmt.Errorf("%w: %v", errProgramRefused, end.ProtocolStatus)
	case r.given, r.cut:
		return nil
	}
	return r.complete()
}

// failed answers a request whose exchange has failed. It reports whether the lane
// can go on with another one.
func (r *exchangeRunner) failed(t *pool.Task, err error) bool {
	r.mu.Lock()
	killed, unwanted := r.killed, r.unwanted
	r.mu.Unlock()
	if killed || t.Abandoned() {
		return false
	}
	if r.up != nil {
		r.up.failed(err)
		return true
	}
	// A child that is told that its client has left ends its answer by hanging up.
	if !unwanted && !errors.Is(err, ErrStreamClosed) {
		r.log.Error("exchange with the worker failed", "slot", r.crew.slot, "pid", r.crew.pid,
			"request", string(r.what), "error", err)
	}
	r.fail()
	if errors.Is(err, errProgramBusy) && r.stream == nil {
		overloaded(r.ctx)
	}
	if errors.Is(err, fcgi.ErrNoAnswer) || errors.Is(err, fcgi.ErrCut) {
		death := time.NewTimer(deathPatience)
		defer death.Stop()
		select {
		case <-r.child.Exited():
			return false
		case <-death.C:
		}
	}
	return true
}

// over lets go of the request.
func (r *exchangeRunner) over(j *job) {
	r.slow.end()
	r.complaint.end(r.log, r.crew, r.what)
	r.mu.Lock()
	r.deaf.end()
	r.unwanted = false
	r.serial++
	r.job.Store(nil)
	r.mu.Unlock()
	w := j.writer
	j.writer = nil
	j.end(ErrRequestOver)
	if w != nil {
		r.lane.After(w.release)
	}
}

// impatient is called when an answer takes its time: should the client leave,
// the program is told.
func (r *exchangeRunner) impatient() {
	r.mu.Lock()
	defer r.mu.Unlock()
	j := r.job.Load()
	if j == nil {
		return
	}
	serial := r.serial
	over := j.lookOut()
	context.AfterFunc(over, func() {
		if context.Cause(over) != ErrClientLeft {
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		switch {
		case r.serial != serial:
		case r.up != nil:
			r.up.leave()
		default:
			r.unwanted = true
			_ = r.client.Abort() // whoever does not listen finishes in vain
			r.deaf.begin(r, serial)
		}
	})
}
