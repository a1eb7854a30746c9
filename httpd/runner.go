package httpd

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/internal/nethttp"
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

	title *workerTitle
	watch *slowWatch
	slow  *slowLane  // at the watch, once a request has come
	lane  *pool.Lane // that runs the job in hand
	mu    sync.Mutex // held while the job in hand may be ended from outside
	job   atomic.Pointer[job]
}

func (r *handlerRunner) Check() bool { return true }

// Close implements pool.Runner.
func (r *handlerRunner) Close() { r.slow.leave() }

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
	j.crew, j.state, j.served, j.side = r.crew, r.state, l.Served(), r
	if j.shown {
		j.hand.Store(&r.crew)
	}
	r.lane = l
	r.title.touch()
	r.job.Store(j)
	if r.watch != nil {
		if r.slow == nil {
			r.slow = r.watch.lane(r.crew, true)
		}
		r.slow.begin(t.Method, t.URI, j.goroutine)
	}
	defer r.over(l, j)
	if t.Abandoned() {
		j.end(pool.ErrRequestTimeout) // Kill was earlier and has found no job
	}
	r.handler(j.ctx)
	switch resp := &j.ctx.Response; {
	case j.writer != nil:
		cause := j.failed
		if !j.writer.ended() && cause == nil {
			cause = errStreamCut // it was not closed
		}
		j.writer.finish(cause)
	case j.failed != nil:
		j.broken = true
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
	r.slow.end()
	r.mu.Lock()
	r.job.Store(nil)
	r.mu.Unlock()
	if j.writer != nil {
		w := j.writer
		j.writer = nil
		w.finish(errStreamCut) // unless it has its end
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
// because what the handler began belongs to its lane to the end: the answer, which
// is the front's from now on, does not have it any more.
func (r *handlerRunner) copyStream(l *pool.Lane, j *job) {
	resp := &j.ctx.Response
	body := *bodyStreamField.of(resp)
	*bodyStreamField.of(resp) = nil
	w := newStreamWriter(max(resp.Header.ContentLength(), -1))
	j.writer, j.reader = w, streamReader{w}
	cause := errStreamCut
	defer func() { w.finish(cause) }()
	if l.Answer() { // or else it would reach nobody
		cause = w.copy(body)
	}
	if c, ok := body.(io.Closer); ok {
		if err := c.Close(); cause == nil {
			cause = err
		}
	}
}

// handOut lets the front give the connection to the function that a fasthttp
// handler has left for it. The worker stays as long as that runs.
func (r *handlerRunner) handOut(l *pool.Lane, j *job) {
	if j.params != nil {
		refuseHijack(j.ctx)
		return
	}
	h := new(hold)
	h.release = l.Crew().Hold(h.kill)
	f, silent := takeHijack(j.ctx)
	j.away = &handOver{silent: silent, to: func(c *readConn) {
		if c == nil {
			h.once.Do(h.release)
			return
		}
		h.take(c)
		go runHijacked(h, f)
	}}
	if !l.Answer() {
		h.once.Do(h.release)
	}
}

// take implements side: the handler gets the connection at once, and nothing was
// sent on it. Its worker stays until it is closed.
func (r *handlerRunner) take(j *job) (net.Conn, []byte, error) {
	if j.params != nil {
		return nil, nil, errRecords
	}
	h := new(hold)
	h.release = r.lane.Crew().Hold(h.kill)
	taken := make(chan *readConn, 1)
	j.away = &handOver{silent: true, to: func(c *readConn) { taken <- c }}
	// The context ends with the front's part of the request, as net/http says.
	j.end(ErrRequestOver)
	if r.lane.Answer() {
		if c := <-taken; c != nil {
			read := c.read
			h.take(c.Conn)
			return h, read, nil
		}
	}
	h.once.Do(h.release)
	return nil, nil, errNoConnection
}

// start implements side.
func (r *handlerRunner) start(j *job, length int) (nethttp.Stream, error) {
	j.ctx.Response.Header.SetContentLength(length)
	w, wanted := startStream(j.ctx)
	if !wanted {
		return nothing{}, nil
	}
	j.writer = w
	if !r.lane.Answer() {
		return nil, ErrStreamClosed
	}
	return w, nil
}

// interim implements side.
func (r *handlerRunner) interim(j *job, text []byte) error {
	_, err := j.ctx.Conn().Write(text)
	return err
}

// writeBy implements side.
func (r *handlerRunner) writeBy(j *job, t time.Time) error {
	return j.ctx.Conn().SetWriteDeadline(t)
}

// trailer implements side.
func (r *handlerRunner) trailer(j *job) []byte { return j.trailer }

// address implements side.
func (r *handlerRunner) address(j *job) string { return j.client() }

// startStream makes what is written to w the body of the answer. It reports false
// if no body is wanted.
func startStream(ctx *fasthttp.RequestCtx) (w *StreamWriter, wanted bool) {
	resp := &ctx.Response
	size := resp.Header.ContentLength()
	if size <= 0 {
		size = -1
	}
	if ctx.IsHead() || bodilessStatus(resp.StatusCode()) {
		resp.SkipBody = true
		resp.Header.SetContentLength(size)
		return nil, false
	}
	w = newStreamWriter(size)
	resp.ImmediateHeaderFlush = true
	resp.SetBodyStream(streamReader{w}, size)
	return w, true
}
