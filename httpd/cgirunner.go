package httpd

import (
	"context"
	"errors"
	"log/slog"
	slashed "path"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/fork"
	"github.com/bident/bident/pool"
)

var (
	// errCGISilent says that a program has ended and there is no answer.
	errCGISilent = errors.New("httpd: the program ended without an answer")
	// errCGIDied says that a program was ended by a signal, so that nobody can tell
	// whether its answer is whole.
	errCGIDied = errors.New("httpd: the program died before the end of its answer")
	// errCGIOver says that nobody wants the answer any more.
	errCGIOver = errors.New("httpd: the answer is not wanted any more")
)

// cgi is what all lanes have in common that start a process for each request.
type cgi struct {
	launcher *fork.Launcher
	env      []string
	args     []string             // of the program
	bin      *cgiBin              // nil if there is one program
	limit    func() time.Duration // request_timeout
}

// cgiRunner runs requests by a process for each.
type cgiRunner struct {
	*cgi
	crew crew
	log  *slog.Logger
	vars variables

	// the request in hand
	programAnswer
	what    []byte // "GET /x"
	program string // the path of the one that is started for it
	buf     []byte

	watch    *slowWatch
	slow     *slowLane
	patience *time.Timer

	mu     sync.Mutex // held while the request may be ended from outside
	job    *job
	errand *fork.Errand
	over   bool // the answer is not wanted any more
	ended  bool // the process has ended
	waits  outputWait
	serial uint64
	killed bool
}

func newCGIRunner(c *cgi, l *pool.Lane, watch *slowWatch, log *slog.Logger) *cgiRunner {
	r := &cgiRunner{cgi: c, crew: crewOf(l.Crew()), log: log, watch: watch, buf: make([]byte, 32<<10)}
	r.patience = time.AfterFunc(time.Hour, r.impatient)
	r.patience.Stop()
	r.silence.limit, r.silence.giveUp = c.limit, r.breakOff
	return r
}

// Check implements pool.Runner.
func (r *cgiRunner) Check() bool { return true }

// Close implements pool.Runner.
func (r *cgiRunner) Close() {
	r.patience.Stop()
	r.slow.leave()
}

// Kill implements pool.Runner.
func (r *cgiRunner) Kill(cause error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.killed = true
	r.abort(cause == pool.ErrKilled)
	if r.job != nil {
		r.job.end(cause)
	}
}

// abort ends the process in hand, with the lock held.
func (r *cgiRunner) abort(now bool) {
	r.over = true
	switch e := r.errand; {
	case e == nil:
	case now:
		e.Kill()
		r.rouse(e)
	default:
		e.Terminate()
		r.rouse(e)
	}
}

// breakOff ends the process in hand, which has fallen silent.
func (r *cgiRunner) breakOff() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.abort(false)
}

// Run implements pool.Runner.
func (r *cgiRunner) Run(l *pool.Lane, t *pool.Task) bool {
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
	r.begin(l, j, false)
	r.what = append(append(append(r.what[:0], t.Method...), ' '), t.URI...)
	r.mu.Lock()
	r.job, r.over, r.ended = j, r.killed || t.Abandoned(), false
	r.mu.Unlock()
	if e := r.start(); e != nil {
		r.patience.Reset(clientPatience)
		r.attend(e)
		r.patience.Stop()
	}
	return r.finish(j) && !t.Abandoned()
}

// start starts the program for the request. It returns nil if the request was
// answered without.
func (r *cgiRunner) start() *fork.Errand {
	m := &r.answered.mount
	p := fork.Program{Path: r.launcher.Path(), Args: r.args}
	if len(m.file) > 0 {
		p.Dir = slashed.Dir(string(m.file)) // RFC 3875, section 7.2
	}
	var script *cgiScript
	if r.bin != nil {
		var status int
		var err error
		if script, status, err = r.bin.find(string(m.path(r.ctx))); script == nil {
			if err != nil {
				r.log.Error("no CGI program for the request", "slot", r.crew.slot, "request", string(r.what), "error", err)
			}
			r.ctx.Error(strings.ToLower(fasthttp.StatusMessage(status))+"\n", status)
			return nil
		}
		p.Path, p.Args, p.Dir = script.path, []string{script.path}, script.dir
	}
	p.Env = r.environment(&r.vars, r.ctx, m, script)
	r.program = p.Path
	p.Input = len(r.ctx.Request.Body()) > 0
	e, err := r.launcher.Start(p)
	if err != nil {
		r.refuse(err, 0)
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.errand = e; r.over {
		r.abort(r.killed)
	}
	return e
}

// refuse answers a request whose program cannot be executed.
func (r *cgiRunner) refuse(err error, pid int) {
	r.log.Error("cannot start the CGI program", "slot", r.crew.slot, "pid", pid, "request", string(r.what), "error", err)
	switch {
	case isOneOf(err, syscall.EAGAIN, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE, fork.ErrClosed):
		overloaded(r.ctx)
	case errors.Is(err, syscall.E2BIG):
		r.ctx.Error("request header fields too large\n", fasthttp.StatusRequestHeaderFieldsTooLarge)
	case errors.Is(err, syscall.EACCES):
		r.ctx.Error("forbidden\n", fasthttp.StatusForbidden)
	default:
		r.fail()
	}
}

func isOneOf(err error, targets ...error) bool {
	for _, t := range targets {
		if errors.Is(err, t) {
			return true
		}
	}
	return false
}

// attend sees to a process from its birth to its burial.
func (r *cgiRunner) attend(e *fork.Errand) {
	fed, heard := make(chan struct{}), make(chan struct{})
	r.feed(e, r.ctx.Request.Body(), fed)
	go r.hear(e, string(r.what), heard)
	go r.notice(e)
	whole := false
	err := r.read(e)
	limit := r.silence.end()
	if limit > 0 {
		err = errProgramSilent
		warnSilent(r.log, r.program, r.crew.slot, e.PID(), r.what, limit)
	}
	if err == nil {
		whole, err = r.await(e)
	}
	if err != nil {
		e.Terminate()
	}
	exit, failure := e.Bury()
	if in := e.Input(); in != nil {
		in.Close() // what has not been read by now never will be
	}
	<-fed
	_ = e.Errors().SetReadDeadline(time.Now().Add(deathPatience))
	<-heard
	r.mu.Lock()
	r.errand = nil
	over := r.over || limit > 0
	r.mu.Unlock()
	e.Close()
	if limit > 0 {
		r.lane.Abandon()
	}
	switch {
	case over:
		// A client that has only closed its side must not take half an answer for
		// a whole one.
		err = errCGIOver
		r.fail()
	case failure != nil && !r.headDone:
		r.refuse(failure, e.PID())
	default:
		err = r.verdict(e.PID(), exit, whole, err)
	}
	r.close(err)
}

// verdict is what is to be said of the answer of a program that has ended.
func (r *cgiRunner) verdict(pid int, exit string, whole bool, err error) error {
	switch {
	case err != nil:
	case len(r.head) == 0:
		err = errCGISilent
	case whole: // it has been sent
	case r.length < 0 && strings.HasPrefix(exit, "signal"):
		err = errCGIDied
	default:
		err = r.complete()
	}
	switch {
	case errors.Is(err, ErrStreamClosed): // the client has left
	case err != nil:
		r.log.Error("CGI program failed", "slot", r.crew.slot, "pid", pid, "request", string(r.what), "exit", exit, "error", err)
		r.fail()
	case exit != "":
		r.log.Warn("CGI program ended badly after its answer", "slot", r.crew.slot, "pid", pid,
			"request", string(r.what), "exit", exit)
	}
	return err
}

// finish lets go of the request. It reports whether the lane may go on.
func (r *cgiRunner) finish(j *job) bool {
	r.slow.end()
	r.mu.Lock()
	r.serial++
	r.job = nil
	more := !r.killed
	r.mu.Unlock()
	w := j.writer
	j.writer = nil
	j.end(ErrRequestOver)
	if w != nil {
		r.lane.After(w.release)
	}
	return more
}

// impatient is called when an answer takes its time: should the client leave, the
// program is told to end.
func (r *cgiRunner) impatient() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.job == nil {
		return
	}
	serial, over := r.serial, r.job.lookOut()
	context.AfterFunc(over, func() {
		if context.Cause(over) != ErrClientLeft {
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.serial == serial {
			r.abort(false)
		}
	})
}
