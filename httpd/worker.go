package httpd

import (
	"fmt"
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

// Role is what a web server wants an application to be (FastCGI 1.0, section 6).
type Role int

// The roles in which handlers are called. The third one of FastCGI, the filter, is
// refused with FCGI_UNKNOWN_ROLE: no web server in use asks for it.
const (
	NoRole     Role = iota // the request came over HTTP
	Responder              // answers the request
	Authorizer             // says whether the request may be answered
)

// String is the name of the role, as FCGI_ROLE has it.
func (r Role) String() string {
	switch r {
	case NoRole:
		return ""
	case Responder:
		return "RESPONDER"
	case Authorizer:
		return "AUTHORIZER"
	}
	return fmt.Sprintf("Role(%d)", int(r))
}

// RoleOf is the role that a request over FastCGI asks for, NoRole for others. The
// answer of an authorizer is a decision: with status 200 the request may go on, and
// header fields Variable-NAME are given to whoever answers it; with any other one the
// client gets this answer.
func RoleOf(ctx *fasthttp.RequestCtx) Role {
	if j := jobOf(ctx); j != nil {
		return Role(j.role)
	}
	return NoRole
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
