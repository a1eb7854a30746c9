package httpd

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/internal/fcgi"
	"github.com/bident/bident/pool"
)

// Why a request's context ended.
var (
	// ErrClientLeft says that the client closed its connection.
	ErrClientLeft = errors.New("httpd: client left")
	// ErrRequestOver says that the request has been answered.
	ErrRequestOver = errors.New("httpd: request over")
)

// job is one request as handlers and runners see it. A connection has one and
// uses it for all its requests, one after another.
type job struct {
	ctx    *fasthttp.RequestCtx
	mode   Mode
	crew   crew
	served uint64
	state  any
	side   side          // who runs it
	client func() string // the client's address
	// errors takes a message for the request's error stream.
	errors func(*job, []byte)
	// goroutine tells the goroutine that runs the handler, if that is not the
	// lane's and requests are watched.
	goroutine []byte
	// watch starts to look out for the client's end and returns what stops it.
	watch func(gone func()) (stop func())

	// params are the CGI variables as a web server has sent them, nil over HTTP, and
	// role what it wants this server to be.
	params *fcgi.Params
	role   fcgi.Role
	exit   uint32       // the application status that it is told
	stderr func([]byte) // takes octets for its FCGI_STDERR; nil if there can be none

	// begun by handlers:
	stream StreamFunc
	writer *StreamWriter
	reader io.ReadCloser // the body of the answer, instead of the response's own
	away   *handOver     // the connection is to be given away
	failed error         // why a net/http handler has not finished its answer
	broken bool          // there is no answer: the connection is to be cut
	// trailer is the trailer section of the request's body.
	trailer []byte
	// file holds the request's body, of size octets, if that is too long to be kept in
	// memory.
	file *os.File
	size int64
	// mount is which part of the request's path is a program's.
	mount mount
	// sequel is what a program wants the front to answer with instead of its answer.
	sequel sequel
	// hand is the worker that has the request, for a front that has given it up
	// and cannot look at crew; only there if shown is set.
	hand  atomic.Pointer[crew]
	shown bool

	mu      sync.Mutex
	context context.Context
	cancel  context.CancelCauseFunc
	unwatch func()
	ended   error // why the context has ended, before anybody asked for it
}

// crew is what a job needs to know of its worker.
type crew struct {
	slot, pid, generation int
	expire                func()
}

// jobConn is a connection that carries a job.
type jobConn interface {
	net.Conn
	requestJob() *job
}

func jobOf(ctx *fasthttp.RequestCtx) *job {
	if c, ok := ctx.Conn().(jobConn); ok {
		return c.requestJob()
	}
	return nil
}

func (j *job) worker() Worker {
	return Worker{
		Mode: j.mode, Slot: j.crew.slot, PID: j.crew.pid, Generation: j.crew.generation,
		Served: j.served, retire: j.crew.expire,
	}
}

// begin makes the job ready for the next request.
func (j *job) begin(ctx *fasthttp.RequestCtx) {
	j.ctx = ctx
	j.stream, j.writer, j.reader, j.away, j.failed, j.trailer, j.broken = nil, nil, nil, nil, nil, nil, false
	j.goroutine, j.params, j.role, j.exit, j.file = nil, nil, 0, 0, nil
	if j.mount.scripts != nil {
		j.mount.reset()
	}
	if j.sequel.kind != sequelNone {
		j.sequel = sequel{}
	}
	if j.ended != nil || j.context != nil {
		j.mu.Lock()
		j.context, j.cancel, j.unwatch, j.ended = nil, nil, nil, nil
		j.mu.Unlock()
	}
}

// end ends the request's context, if anybody has asked for it, and stops
// looking out for the client.
func (j *job) end(cause error) {
	j.mu.Lock()
	if j.ended == nil {
		j.ended = cause
	}
	cancel, unwatch := j.cancel, j.unwatch
	j.unwatch = nil
	j.mu.Unlock()
	if cancel != nil {
		cancel(cause)
	}
	if unwatch != nil {
		unwatch()
	}
}

// Context is a context that ends when the request is over, when the client
// leaves, when the request is abandoned after request_timeout, and when the
// worker is killed; context.Cause tells which: ErrRequestOver, ErrClientLeft,
// pool.ErrRequestTimeout or pool.ErrKilled.
//
// fasthttp's own RequestCtx.Done does not end before the server does. The
// client is only looked out for if a handler has asked for this context.
func Context(ctx *fasthttp.RequestCtx) context.Context {
	j := jobOf(ctx)
	if j == nil {
		return ctx
	}
	return j.lookOut()
}

// lookOut makes the request's context, on first demand.
func (j *job) lookOut() context.Context {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.context == nil {
		j.context, j.cancel = context.WithCancelCause(context.Background())
		if j.ended != nil {
			j.cancel(j.ended)
		} else if j.watch != nil {
			cancel := j.cancel
			j.unwatch = j.watch(func() { cancel(ErrClientLeft) })
		}
	}
	return j.context
}

// crewOf is what handlers may know of a crew.
func crewOf(c *pool.Crew) crew {
	return crew{
		slot: c.Slot, pid: c.PID, generation: c.Generation,
		expire: func() { c.Expire(pool.CauseDone) },
	}
}
