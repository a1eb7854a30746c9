package httpd

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/pool"
)

// errStreamCut is what the client's connection breaks with when a stream ends by
// a panic.
var errStreamCut = errors.New("httpd: stream cut by a panic")

// handlerRunner runs requests by calling the handler: in emulate mode and in
// accepting children.
type handlerRunner struct {
	handler fasthttp.RequestHandler
	crew    crew
	state   any

	mu  sync.Mutex // held while the job in hand may be ended from outside
	job atomic.Pointer[job]
}

func (r *handlerRunner) Check() bool { return true }

func (r *handlerRunner) Close() {}

// Kill implements pool.Runner: it ends the context of the request in hand.
func (r *handlerRunner) Kill(cause error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if j := r.job.Load(); j != nil {
		j.end(cause)
	}
}

// Run implements pool.Runner.
func (r *handlerRunner) Run(l *pool.Lane, t *pool.Task) bool {
	j := t.Job.(*job)
	j.crew, j.state, j.served = r.crew, r.state, l.Served()
	r.job.Store(j)
	defer r.over(l, j)
	if t.Abandoned() {
		j.end(pool.ErrRequestTimeout) // Kill was earlier and has found no job
	}
	r.handler(j.ctx)
	switch resp := &j.ctx.Response; {
	case j.stream != nil:
		r.runStream(l, j)
	case j.ctx.Hijacked():
		r.handOut(l, j)
	case resp.IsBodyStream() && !j.ctx.IsHead():
		if _, file := resp.BodyStream().(section); !file {
			r.copyStream(l, j)
		}
	}
	return true
}

// over ends the request's context, also after a panic.
func (r *handlerRunner) over(l *pool.Lane, j *job) {
	r.mu.Lock()
	r.job.Store(nil)
	r.mu.Unlock()
	if j.writer != nil {
		w := j.writer
		j.writer = nil
		j.end(ErrRequestOver)
		l.After(w.release)
		return
	}
	j.end(ErrRequestOver)
}

// runStream hands the head of the answer to the front and lets the handler's
// function write the body.
func (r *handlerRunner) runStream(l *pool.Lane, j *job) {
	w, wanted := startStream(j.ctx)
	if !wanted {
		return
	}
	j.writer = w
	f := j.stream
	if !l.Answer() {
		return
	}
	cause := errStreamCut
	defer func() { w.finish(cause) }()
	cause = f(w)
}

// copyStream sends a body that the handler has left to be read. It is read here,
// because what the handler began belongs to its lane to the end.
func (r *handlerRunner) copyStream(l *pool.Lane, j *job) {
	resp := &j.ctx.Response
	size := max(resp.Header.ContentLength(), -1)
	w := newStreamWriter(size)
	j.writer, j.reader = w, streamReader{w}
	if !l.Answer() {
		_ = resp.CloseBodyStream() // for an answer that reaches nobody
		return
	}
	cause := errStreamCut
	defer func() { w.finish(cause) }()
	cause = w.copy(resp.BodyStream())
	if err := resp.CloseBodyStream(); cause == nil {
		cause = err
	}
}

// handOut lets the front give the connection to the function that the handler
// has left for it. The worker stays as long as that runs.
func (r *handlerRunner) handOut(l *pool.Lane, j *job) {
	h := new(hold)
	h.release = l.Crew().Hold(h.kill)
	j.hold = h
	if !l.Answer() {
		h.release()
	}
}

// startStream makes what is written to w the body of the answer. It reports false
// if no body is wanted.
func startStream(ctx *fasthttp.RequestCtx) (w *StreamWriter, wanted bool) {
	resp := &ctx.Response
	size := resp.Header.ContentLength()
	if size <= 0 {
		size = -1
	}
	if ctx.IsHead() {
		resp.SkipBody = true
		resp.Header.SetContentLength(size)
		return nil, false
	}
	w = newStreamWriter(size)
	resp.ImmediateHeaderFlush = true
	resp.SetBodyStream(streamReader{w}, size)
	return w, true
}
