package httpd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/internal/nethttp"
)

// HTTP serves requests with a net/http handler, http.DefaultServeMux if h is nil:
// with all that imported packages have put there.
//
// It is called on a lane of a worker, without a goroutine of its own, and finds
// what net/http promises: a ResponseWriter that is an http.Flusher and an
// http.Hijacker, that an http.ResponseController can use, and that sends interim
// responses and trailers; a request whose context ends when the client leaves, and
// with RequestTimeout. The body of the request has been read when the handler is
// called. An answer of up to 64 KiB holds no lane while the client takes it; a longer
// one is streamed, and holds its lane until the client has taken all but 64 KiB. A
// handler that takes the connection (Hijack) keeps its lane until it returns, and its
// worker until the connection is closed. WorkerOfRequest and StateOfRequest tell which
// worker it runs on.
func HTTP(h http.Handler) Handler {
	return fastHandler(func(ctx *fasthttp.RequestCtx) {
		j := jobOf(ctx)
		if j == nil {
			panic("httpd: HTTP outside of a Server's request")
		}
		serveHTTP(h, j)
	})
}

// serveHTTP calls a net/http handler, which may abort its answer by a panic that
// is none (http.ErrAbortHandler).
func serveHTTP(h http.Handler, j *job) {
	defer func() {
		switch v := recover(); v {
		case nil:
		case http.ErrAbortHandler:
			j.failed = http.ErrAbortHandler
		default:
			panic(v) // from here the first stack is still to be seen
		}
	}()
	j.failed = nethttp.Serve(h, j.ctx, httpExchange{j})
}

// workerKey is where the context of a net/http request keeps its place.
type workerKey struct{}

// place is where a net/http request is handled.
type place struct {
	context.Context
	worker Worker
	state  any
	job    *job // not to be used once the handler has returned
}

// Value implements context.Context.
func (p *place) Value(key any) any {
	if _, ok := key.(workerKey); ok {
		return p
	}
	return nil
}

// WorkerOfRequest is WorkerOf for a request of a net/http handler.
func WorkerOfRequest(r *http.Request) Worker {
	if p, ok := r.Context().Value(workerKey{}).(*place); ok {
		return p.worker
	}
	return Worker{}
}

// StateOfRequest is State for a request of a net/http handler.
func StateOfRequest[T any](r *http.Request) (T, bool) {
	if p, ok := r.Context().Value(workerKey{}).(*place); ok {
		v, ok := p.state.(T)
		return v, ok
	}
	var none T
	return none, false
}

// VariablesOfRequest is Variables for a request of a net/http handler, which has not
// returned.
func VariablesOfRequest(r *http.Request) iter.Seq2[string, string] {
	if p, ok := r.Context().Value(workerKey{}).(*place); ok {
		return Variables(p.job.ctx)
	}
	return func(func(string, string) bool) {}
}

// RoleOfRequest is RoleOf for a request of a net/http handler, which has not returned.
func RoleOfRequest(r *http.Request) Role {
	if p, ok := r.Context().Value(workerKey{}).(*place); ok {
		return RoleOf(p.job.ctx)
	}
	return NoRole
}

// ErrorStreamOfRequest is ErrorStream for a request of a net/http handler, which has
// not returned.
func ErrorStreamOfRequest(r *http.Request) io.Writer {
	if p, ok := r.Context().Value(workerKey{}).(*place); ok {
		return ErrorStream(p.job.ctx)
	}
	return io.Discard
}

// side is whoever runs a job: what a handler can ask of it while it runs.
type side interface {
	// start sends the head of the answer; the body, of that length or -1,
	// follows.
	start(j *job, length int) (nethttp.Stream, error)
	// interim sends a response before the answer, as it is on the wire.
	interim(j *job, text []byte) error
	// take takes the client's connection.
	take(j *job) (net.Conn, []byte, error)
	// writeBy sets the time until which the answer must have been sent.
	writeBy(j *job, t time.Time) error
	// trailer is the trailer section of the request's body.
	trailer(j *job) []byte
	// address is the client's, as text.
	address(j *job) string
}

// httpExchange makes a job what the adaptor needs.
type httpExchange struct{ job *job }

// Context implements nethttp.Exchange.
func (e httpExchange) Context() context.Context { return e.job.lookOut() }

// Base implements nethttp.Exchange.
func (e httpExchange) Base() context.Context {
	return &place{Context: context.Background(), worker: e.job.worker(), state: e.job.state, job: e.job}
}

// RemoteAddr implements nethttp.Exchange.
func (e httpExchange) RemoteAddr() string { return e.job.side.address(e.job) }

// Body implements nethttp.Exchange: bodies are in memory, or mapped.
func (e httpExchange) Body() io.Reader { return nil }

// Trailer implements nethttp.Exchange.
func (e httpExchange) Trailer() []byte { return e.job.side.trailer(e.job) }

// Interim implements nethttp.Exchange.
func (e httpExchange) Interim(status int, fields http.Header) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", status, http.StatusText(status))
	if err := fields.Write(&b); err != nil { // which leaves line ends out of values
		return fmt.Errorf("httpd: interim response: %w", err)
	}
	b.WriteString("\r\n")
	return e.job.side.interim(e.job, b.Bytes())
}

// Start implements nethttp.Exchange.
func (e httpExchange) Start(length int64) (nethttp.Stream, error) {
	return e.job.side.start(e.job, int(length))
}

// Hijack implements nethttp.Exchange.
func (e httpExchange) Hijack() (net.Conn, []byte, error) {
	if e.job.writer != nil {
		return nil, nil, http.ErrNotSupported
	}
	return e.job.side.take(e.job)
}

// SetReadDeadline implements nethttp.Exchange: the request has been read.
func (e httpExchange) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements nethttp.Exchange.
func (e httpExchange) SetWriteDeadline(t time.Time) error { return e.job.side.writeBy(e.job, t) }

// EnableFullDuplex implements nethttp.Exchange.
func (e httpExchange) EnableFullDuplex() error { return nil }

// Misuse implements nethttp.Exchange.
func (e httpExchange) Misuse(message string) { e.job.errors(e.job, []byte(message)) }

// errNoConnection says that a connection broke before a handler had it.
var errNoConnection = errors.New("httpd: the client has left")

// nothing is the body of an answer that has none.
type nothing struct{}

func (nothing) Write(p []byte) (int, error) { return len(p), nil }
func (nothing) Flush() error                { return nil }
func (nothing) Trailer(http.Header)         {}
func (nothing) Close() error                { return nil }

// trailerSection writes trailer fields as they are on the wire.
func trailerSection(fields http.Header) []byte {
	var b bytes.Buffer
	_ = fields.Write(&b) // to memory
	return b.Bytes()
}

// addressText writes an address as net/http's Request.RemoteAddr.
func addressText(a netip.AddrPort, otherwise net.Addr) string {
	if a.IsValid() {
		return net.JoinHostPort(a.Addr().String(), strconv.Itoa(int(a.Port())))
	}
	return otherwise.String()
}
