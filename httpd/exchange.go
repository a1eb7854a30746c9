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

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/fork"
	"github.com/bident/bident/internal/fcgi"
	"github.com/bident/bident/pool"
)

// statusPanicked is the application status with which a child says that the
// handler panicked and the child is about to leave.
const statusPanicked = 70

const (
	// clientPatience is how long an answer may take before the client is looked
	// out for, so that quick answers do not pay for it.
	clientPatience = 50 * time.Millisecond
	// deathPatience is how long the news of a child's death may be behind the
	// end of its connections.
	deathPatience = 100 * time.Millisecond
	// wholeAnswer bounds the answers that are passed on in one piece.
	wholeAnswer = 64 << 10
)

// errChildPanicked is what a worker crashed of whose child reported a panic.
var errChildPanicked = errors.New("httpd: handler panicked in the child")

// exchangeRunner runs requests by a FastCGI exchange with a child, over a
// connection of the lane's own.
type exchangeRunner struct {
	child *fork.Child
	crew  crew
	log   *slog.Logger

	conn   net.Conn
	client *fcgi.Client
	vars   variables
	param  func(name, value []byte)
	text   []byte

	// the exchange under way
	lane     *pool.Lane
	ctx      *fasthttp.RequestCtx // not to be used once the answer is a stream
	what     []byte               // "GET /x"
	bodiless bool                 // the answer to HEAD
	head     []byte
	headDone bool
	length   int // Content-Length that the program gave, -1 for none
	stream   *StreamWriter
	trailer  []byte // of the answer
	given    bool   // the connection is the child's: there is no answer
	cut      bool   // the handler wants its answer to be broken off

	watch    *slowWatch // of a program, which does not watch itself
	slow     *slowLane
	patience *time.Timer
	mu       sync.Mutex // held while the exchange may be ended from outside
	job      atomic.Pointer[job]
	serial   uint64
	killed   bool
}

func newExchangeRunner(c *fork.Child, l *pool.Lane, log *slog.Logger) *exchangeRunner {
	r := &exchangeRunner{child: c, crew: crewOf(l.Crew()), log: log}
	r.patience = time.AfterFunc(time.Hour, r.impatient)
	r.patience.Stop()
	return r
}

// Check implements pool.Runner: it makes sure of a connection that can carry an
// exchange. A request is given back, unbegun, if the child is gone.
func (r *exchangeRunner) Check() bool {
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
	r.mu.Lock()
	r.conn = conn
	r.mu.Unlock()
	r.client = fcgi.NewClient(conn)
	r.client.SmallKeep = r.child.External()
	r.client.Waiting(r.pass)
	r.param = r.client.ParamRaw
	return true
}

func (r *exchangeRunner) disconnect() {
	r.mu.Lock()
	conn := r.conn
	r.conn = nil
	r.mu.Unlock()
	if conn != nil {
		conn.Close()
	}
	r.client = nil
}

// Close implements pool.Runner.
func (r *exchangeRunner) Close() {
	r.patience.Stop()
	r.slow.leave()
	r.disconnect()
}

// Kill implements pool.Runner.
func (r *exchangeRunner) Kill(cause error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.killed = true
	if r.conn != nil {
		r.conn.Close()
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
	r.lane, r.ctx, r.bodiless = l, j.ctx, j.ctx.IsHead()
	r.what = append(append(append(r.what[:0], t.Method...), ' '), t.URI...)
	r.head, r.headDone, r.length, r.stream = r.head[:0], false, -1, nil
	r.trailer, r.given, r.cut = nil, false, false
	r.job.Store(j)
	r.patience.Reset(clientPatience)
	r.request(l)
	end, err := r.client.Do(r)
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
		err = r.complete(end)
	}
	more := true
	switch {
	case (panicked || r.cut) && r.stream != nil && err == nil:
		err = errStreamCut
	case r.cut && err == nil:
		j.broken = true
	case err != nil:
		more = r.fail(t, err)
	}
	if r.stream != nil {
		r.stream.trailer = r.trailer
		r.stream.finish(err)
	}
	r.over(j)
	switch {
	case panicked:
		l.Crew().Crash(errChildPanicked, string(r.what))
		return false
	case err != nil && !r.cut || r.client.MustClose():
		r.disconnect()
	}
	return more
}

// Stdout implements fcgi.Sink: the answer's head, then its body.
func (r *exchangeRunner) Stdout(p []byte) error {
	if r.given {
		return nil
	}
	if !r.headDone {
		r.head = append(r.head, p...)
		end, body := headEnd(r.head)
		if end < 0 {
			if len(r.head) > maxAnswerHead {
				return fmt.Errorf("%w: longer than %d octets", errAnswerHead, maxAnswerHead)
			}
			return nil
		}
		least := fasthttp.StatusOK
		if j := r.job.Load(); j.away != nil {
			least = fasthttp.StatusSwitchingProtocols
		}
		length, err := parseAnswerHead(r.head[:end], &r.ctx.Response, least)
		if err != nil {
			return err
		}
		r.headDone, r.length = true, length
		p = r.head[body:]
		if length < 0 && !r.child.External() {
			if err := r.startStream(); err != nil {
				return err
			}
		}
	}
	if r.stream != nil {
		_, err := r.stream.Write(p)
		return err
	}
	if r.bodiless {
		return nil
	}
	r.ctx.Response.AppendBody(p)
	if len(r.ctx.Response.Body()) > wholeAnswer {
		return r.startStream()
	}
	return nil
}

// Stderr implements fcgi.Sink.
func (r *exchangeRunner) Stderr(p []byte) {
	if !r.child.External() {
		message, aside := r.hear(p)
		if aside {
			return
		}
		p = message
	}
	r.log.Error("program", "message", string(p), "slot", r.crew.slot, "pid", r.crew.pid,
		"request", string(r.what))
	if f := r.job.Load().stderr; f != nil {
		f(p)
	}
}

// pass is called when the program takes its time: what has come of the answer
// goes on to the client.
func (r *exchangeRunner) pass() {
	switch {
	case r.stream != nil:
		_ = r.stream.Flush() // the next Write says whether the client has left
	case r.headDone:
		if r.startStream() == nil && r.stream != nil {
			_ = r.stream.Flush()
		}
	}
}

// startStream turns the answer so far into a stream.
func (r *exchangeRunner) startStream() error {
	if r.headOnly() {
		return nil
	}
	resp := &r.ctx.Response
	w := newStreamWriter(r.length)
	w.buf = append(w.buf, resp.Body()...)
	resp.ResetBody()
	resp.ImmediateHeaderFlush = true
	resp.SetBodyStream(streamReader{w}, r.length)
	r.stream = w
	j := r.job.Load()
	j.writer = w
	if !r.lane.Answer() {
		return ErrStreamClosed
	}
	return nil
}

// headOnly reports whether the answer has no body, whatever its head says (RFC
// 9110, section 6.4.1).
func (r *exchangeRunner) headOnly() bool {
	status := r.ctx.Response.StatusCode()
	return r.bodiless || status == fasthttp.StatusNoContent || status == fasthttp.StatusNotModified
}

// complete checks an answer that has come to its end.
func (r *exchangeRunner) complete(end fcgi.EndRequest) error {
	switch {
	case end.ProtocolStatus != fcgi.RequestComplete:
		return fmt.Errorf("%w: the program refused the request: %v", errAnswerHead, end.ProtocolStatus)
	case r.given, r.cut:
		return nil
	case !r.headDone:
		return fmt.Errorf("%w: it ended in the middle", errAnswerHead)
	}
	if r.stream != nil {
		return nil // the front cuts what does not have the length that it has sent
	}
	resp := &r.ctx.Response
	if n := len(resp.Body()); r.length >= 0 && n != r.length && !r.headOnly() {
		return fmt.Errorf("%w: Content-Length %d, but %d octets of body", errAnswerHead, r.length, n)
	}
	if r.bodiless {
		// The length that GET would have had, if the program said it.
		resp.SkipBody = true
		if r.length >= 0 {
			resp.Header.SetContentLength(r.length)
		} else {
			resp.Header.SetContentLength(-1)
		}
	}
	return nil
}

// fail answers a request whose exchange has failed. It reports whether the lane
// can go on with another one.
func (r *exchangeRunner) fail(t *pool.Task, err error) bool {
	r.mu.Lock()
	killed := r.killed
	r.mu.Unlock()
	if killed || t.Abandoned() {
		return false
	}
	if !errors.Is(err, ErrStreamClosed) {
		r.log.Error("exchange with the worker failed", "slot", r.crew.slot, "pid", r.crew.pid,
			"request", string(r.what), "error", err)
	}
	if r.stream == nil {
		resp := &r.ctx.Response
		resp.Reset()
		r.ctx.Error("bad gateway\n", fasthttp.StatusBadGateway)
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
	r.mu.Lock()
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
	client, serial := r.client, r.serial
	over := j.lookOut()
	context.AfterFunc(over, func() {
		if context.Cause(over) != ErrClientLeft {
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.serial == serial {
			_ = client.Abort() // whoever does not listen finishes in vain
		}
	})
}
