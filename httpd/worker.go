package httpd

import (
	"io"

	"github.com/valyala/fasthttp"
)

// Worker says which worker answers a request.
type Worker struct {
	Mode Mode
	// Slot is the worker's row in the scoreboard, from 0.
	Slot int
	// PID is the process id, or in emulate mode a serial number that is unique
	// for the life of the server.
	PID int
	// Generation is the number of the configuration it was born from, from 1.
	Generation int
	// Served is the number of this request among the worker's, from 1.
	Served uint64

	retire func()
}

// Retire asks for the worker to be replaced: its successor is made ready, then
// the worker finishes what it has in hand and leaves (Net::Server's done).
func (w Worker) Retire() {
	if w.retire != nil {
		w.retire()
	}
}

// WorkerOf is the worker that answers this request; the zero value if ctx was not
// made by a Server.
func WorkerOf(ctx *fasthttp.RequestCtx) Worker {
	if j := jobOf(ctx); j != nil {
		return j.worker()
	}
	return Worker{}
}

// State is the worker's own value, made by Hooks.WorkerInit. It reports false if
// there is none of that type.
func State[T any](ctx *fasthttp.RequestCtx) (T, bool) {
	var none T
	j := jobOf(ctx)
	if j == nil {
		return none, false
	}
	v, ok := j.state.(T)
	return v, ok
}

// ErrorStream is where a request's error messages go: to the server's log, with
// the worker and the request, or to the web server if the request came over
// FastCGI (FastCGI 1.0, section 5.3). Each Write is one message.
func ErrorStream(ctx *fasthttp.RequestCtx) io.Writer {
	if j := jobOf(ctx); j != nil && j.errors != nil {
		return errorStream{j}
	}
	return io.Discard
}

type errorStream struct{ job *job }

func (e errorStream) Write(p []byte) (int, error) {
	e.job.errors(e.job, p)
	return len(p), nil
}
