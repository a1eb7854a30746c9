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

	"github.com/bident/bident/pool"
)

// readBuffer is the size of a connection's read buffer, which bounds the head of
// a request.
const readBuffer = 8 << 10

// front speaks HTTP with clients. It owns their connections, one goroutine
// each; a worker only ever gets a request.
type front struct {
	server   *fasthttp.Server
	queue    *pool.Queue
	mode     Mode
	log      *slog.Logger
	opened   func(int64) // counts connections of a worker that accepts itself
	refused  func(error) // counts requests that no handler has answered
	total    atomic.Int64
	inChild  bool // this is the front of an accepting child
	draining atomic.Bool

	accepting sync.WaitGroup
	handed    sync.WaitGroup // accepted, and not in the list yet
	carriers  carriers

	mu        sync.Mutex
	listeners map[net.Listener]bool
	conns     conns
	empty     chan struct{} // closed when draining and no connection is left
}

func newFront(queue *pool.Queue, mode Mode, maxBody int, log *slog.Logger) *front {
	f := &front{
		queue: queue, mode: mode, log: log,
		opened:    func(int64) {},
		refused:   func(error) {},
		listeners: make(map[net.Listener]bool),
		empty:     make(chan struct{}),
	}
	f.carriers.serve = f.serve
	f.server = &fasthttp.Server{
		ErrorHandler:                 malformed,
		Handler:                      f.handle,
		ReadBufferSize:               readBuffer,
		MaxRequestBodySize:           maxBody,
		NoDefaultServerHeader:        true,
		DisablePreParseMultipartForm: true,
		SecureErrorLogMessage:        true,
		Logger:                       quiet{},
	}
	return f
}

// malformed answers a request that could not be read.
func malformed(ctx *fasthttp.RequestCtx, err error) {
	var head *fasthttp.ErrSmallBuffer
	var network net.Error
	switch {
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		ctx.Error("content too large\n", fasthttp.StatusRequestEntityTooLarge)
	case errors.As(err, &head):
		ctx.Error("request header fields too large\n", fasthttp.StatusRequestHeaderFieldsTooLarge)
	case errors.As(err, &network) && network.Timeout():
		ctx.Error("request timeout\n", fasthttp.StatusRequestTimeout)
	default:
		ctx.Error("bad request\n", fasthttp.StatusBadRequest)
	}
}

// quiet drops what fasthttp logs: broken requests, which its answers report.
type quiet struct{}

func (quiet) Printf(string, ...any) {}

// listen accepts connections from l until the front stops accepting.
func (f *front) listen(l net.Listener) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.draining.Load() {
		return
	}
	f.listeners[l] = true
	f.accepting.Go(func() { f.accept(l) })
}

// accept is the life of a listener.
func (f *front) accept(l net.Listener) {
	var pause time.Duration
	for {
		c, err := l.Accept()
		if err == nil {
			pause = 0
			f.total.Add(1)
			f.handed.Add(1)
			f.carriers.carry(c)
			continue
		}
		if f.draining.Load() || errors.Is(err, net.ErrClosed) {
			return
		}
		// Out of descriptors or memory, or the client was gone: it passes.
		pause = min(max(2*pause, 5*time.Millisecond), time.Second)
		f.log.Warn("cannot accept a connection", "listener", l.Addr(), "error", err, "pause", pause)
		time.Sleep(pause)
	}
}

// serve is the life of a connection.
func (f *front) serve(k *carrier, nc net.Conn) {
	c := k.conn
	if c == nil {
		c = newConn(f)
	}
	k.conn = nil
	c.open(nc)
	f.mu.Lock()
	f.conns.add(c)
	f.mu.Unlock()
	f.handed.Done()
	f.opened(1)
	// Deferred, because what fasthttp calls may panic.
	defer f.closed(c)
	_ = f.server.ServeConn(c) // what a client does wrong is its own affair
	if !c.shared {
		k.conn = c
	}
}

// closed strikes a connection off the list.
func (f *front) closed(c *conn) {
	f.opened(-1)
	f.mu.Lock()
	f.conns.remove(c)
	last := f.conns.first == nil && f.draining.Load()
	f.mu.Unlock()
	if last {
		f.drained()
	}
}

// handle takes one request to a lane and back.
func (f *front) handle(ctx *fasthttp.RequestCtx) {
	c := ctx.Conn().(*conn)
	c.job.begin(ctx)
	t := c.task
	t.Method, t.URI = ctx.Method(), ctx.RequestURI()
	t.Arrived = ctx.Time().UnixNano()
	if err := f.queue.Do(t); err != nil {
		f.refuse(ctx, c, err)
	}
	c.unanswered, c.answered = 0, true
	// An abandoned handler still has ctx, and of a stream that the client breaks
	// off the lane lets go later.
	c.shared = c.shared || ctx.Hijacked() || ctx.Response.IsBodyStream()
	if f.draining.Load() {
		ctx.SetConnectionClose()
	}
}

// refuse answers a request that no handler has answered.
func (f *front) refuse(ctx *fasthttp.RequestCtx, c *conn, err error) {
	f.refused(err)
	var panicked *pool.PanicError
	switch {
	case errors.As(err, &panicked):
		f.log.Error("handler panicked", "request", string(ctx.Method())+" "+string(ctx.RequestURI()),
			"panic", fmt.Sprint(panicked.Value), "stack", string(panicked.Stack))
		ctx.Response.Reset()
		ctx.Error("internal server error\n", fasthttp.StatusInternalServerError)
	case errors.Is(err, pool.ErrRequestTimeout), errors.Is(err, pool.ErrKilled):
		// The handler still has ctx: the answer comes from another one.
		c.shared = true
		f.log.Warn("handler abandoned", "request", string(c.task.Method)+" "+string(c.task.URI), "error", err)
		status := fasthttp.StatusGatewayTimeout
		if errors.Is(err, pool.ErrKilled) {
			status = fasthttp.StatusServiceUnavailable
		}
		var resp fasthttp.Response
		resp.SetStatusCode(status)
		resp.SetBodyString(fasthttp.StatusMessage(status) + "\n")
		resp.SkipBody = ctx.IsHead()
		resp.SetConnectionClose()
		ctx.TimeoutErrorWithResponse(&resp)
	case errors.Is(err, pool.ErrQueueClosed) && f.inChild:
		// An accepting child that has begun its last request: this one has
		// not begun, and the client may send it again.
		c.shared = true
		ctx.HijackSetNoResponse(true)
		ctx.Hijack(func(net.Conn) {})
	default:
		ctx.Response.Reset()
		ctx.Error("service unavailable\n", fasthttp.StatusServiceUnavailable)
		ctx.Response.Header.Set(fasthttp.HeaderRetryAfter, "1")
	}
}

// requestError logs what a handler writes to its request's error stream.
func (f *front) requestError(j *job, message []byte) {
	f.log.Error("request", "message", string(message), "slot", j.crew.slot, "pid", j.crew.pid,
		"request", string(j.ctx.Method())+" "+string(j.ctx.RequestURI()))
}

// stopAccepting takes what waits in the listeners' queues and closes them.
func (f *front) stopAccepting(backlog bool) {
	f.mu.Lock()
	f.draining.Store(true)
	listeners := f.listeners
	f.listeners = nil
	f.mu.Unlock()
	for l := range listeners {
		if d, ok := l.(interface{ SetDeadline(time.Time) error }); ok && backlog {
			// Long enough for accept to find the queue empty.
			_ = d.SetDeadline(time.Now().Add(lingerRead))
		} else {
			l.Close()
		}
	}
	f.accepting.Wait()
	f.handed.Wait()
	for l := range listeners {
		l.Close()
	}
}

// drain stops accepting, lets every request that has begun finish, closes each
// connection after it, and returns when none is left, or when ctx ends. backlog
// says whether connections that wait to be accepted are this front's to serve.
func (f *front) drain(ctx context.Context, backlog bool) {
	f.stopAccepting(backlog)
	f.mu.Lock()
	for c := f.conns.first; c != nil; c = c.next {
		c.wake()
	}
	left := f.conns.first
	f.mu.Unlock()
	if left == nil {
		f.drained()
	}
	select {
	case <-f.empty:
	case <-ctx.Done():
	}
}

func (f *front) drained() {
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case <-f.empty:
	default:
		close(f.empty)
	}
}

// close ends all connections, whatever they are doing.
func (f *front) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := f.conns.first; c != nil; c = c.next {
		c.Conn.Close()
	}
	f.carriers.close()
}
