package nethttp

import (
	"fmt"
	"io"
	"net/http"
	"path"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// writer is a handler's http.ResponseWriter. What is written first collects in
// the buffer of ctx.Response; later it goes to the Stream.
type writer struct {
	body   *body
	fields http.Header // as the handler sees them; nil before it looks

	mu       sync.Mutex
	ctx      *fasthttp.RequestCtx // nil once it is the front's
	ex       Exchange
	stream   Stream // nil before the answer has begun
	buf      []byte // written before that
	length   int64  // declared, -1 if it was not
	written  int64
	status   int
	trailers []string // declared
	err      error    // why the answer cannot be sent

	head     bool // the request is one
	http11   bool
	wrote    bool // status and fields are fixed
	started  bool // they have been given to the front
	hijacked bool
	done     bool // the handler has returned
	typed    bool // the handler has said what the content is, or that it will not
	closing  bool // the connection ends with this answer
	borrowed bool // buf is ctx.Response's

	duplex atomic.Bool

	// control guards asked, apart from mu: a deadline is there to end a Write.
	control sync.Mutex
	asked   Exchange
}

// The parts of net/http's own ResponseWriter that handlers look for.
var (
	_ http.Flusher    = (*writer)(nil)
	_ http.Hijacker   = (*writer)(nil)
	_ io.StringWriter = (*writer)(nil)
	_ io.ReaderFrom   = (*writer)(nil)
)

// Header implements http.ResponseWriter.
func (w *writer) Header() http.Header {
	if w.fields == nil {
		w.fields = make(http.Header)
	}
	return w.fields
}

// WriteHeader implements http.ResponseWriter.
func (w *writer) WriteHeader(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.done:
	case w.hijacked:
		w.misuse("WriteHeader on a hijacked connection")
	case w.wrote:
		w.misuse("superfluous WriteHeader")
	default:
		w.writeHeader(status)
	}
}

// writeHeader fixes status and fields, or sends an interim answer.
func (w *writer) writeHeader(status int) {
	if status < 100 || status > 999 {
		panic(fmt.Sprintf("invalid WriteHeader code %v", status))
	}
	if status < 200 && status != http.StatusSwitchingProtocols {
		if w.http11 {
			// If the client has left, the answer itself will find out.
			_ = w.ex.Interim(status, cleanFields(w.fields, notFraming))
		}
		return
	}
	w.wrote, w.status = true, status
	w.fix()
}

// Write implements http.ResponseWriter.
func (w *writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.admit(len(p)); err != nil || len(p) == 0 {
		return 0, err
	}
	if !w.started {
		if len(w.buf)+len(p) <= w.room() {
			w.buf = append(w.borrow(), p...)
			w.written += int64(len(p))
			return len(p), nil
		}
		if err := w.start(p, ""); err != nil {
			return 0, err
		}
	}
	return w.sent(w.send(p))
}

// WriteString implements io.StringWriter.
func (w *writer) WriteString(s string) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.admit(len(s)); err != nil || s == "" {
		return 0, err
	}
	if !w.started {
		if len(w.buf)+len(s) <= w.room() {
			w.buf = append(w.borrow(), s...)
			w.written += int64(len(s))
			return len(s), nil
		}
		if err := w.start(nil, s); err != nil {
			return 0, err
		}
	}
	if w.bodiless() {
		return w.sent(len(s), nil)
	}
	return w.sent(io.WriteString(w.stream, s))
}

// admit says whether n more octets of the body can be written.
func (w *writer) admit(n int) error {
	switch {
	case w.hijacked:
		if n > 0 {
			w.misuse("Write on a hijacked connection")
		}
		return http.ErrHijacked
	case w.done:
		return ErrOver
	}
	if !w.wrote {
		w.writeHeader(http.StatusOK)
	}
	switch {
	case n == 0:
		return nil
	case !bodyAllowed(w.status):
		return http.ErrBodyNotAllowed
	case w.length >= 0 && int64(n) > w.length-w.written:
		return http.ErrContentLength
	}
	return w.err
}

// send gives p to the Stream, if the client is to see it.
func (w *writer) send(p []byte) (int, error) {
	if w.bodiless() {
		return len(p), nil
	}
	return w.stream.Write(p)
}

// sent keeps count.
func (w *writer) sent(n int, err error) (int, error) {
	w.written += int64(n)
	if err != nil && w.err == nil {
		w.err = err
	}
	return n, err
}

// Flush implements http.Flusher.
func (w *writer) Flush() { _ = w.FlushError() }

// FlushError is Flush for http.ResponseController.
func (w *writer) FlushError() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.hijacked:
		return http.ErrHijacked
	case w.done:
		return ErrOver
	}
	if !w.wrote {
		w.writeHeader(http.StatusOK)
	}
	if !w.started {
		if err := w.start(nil, ""); err != nil {
			return err
		}
	}
	if w.err != nil {
		return w.err
	}
	_, err := w.sent(0, w.stream.Flush())
	return err
}

// SetReadDeadline is for http.ResponseController.
func (w *writer) SetReadDeadline(t time.Time) error {
	return w.ask(func(ex Exchange) error { return ex.SetReadDeadline(t) })
}

// SetWriteDeadline is for http.ResponseController.
func (w *writer) SetWriteDeadline(t time.Time) error {
	return w.ask(func(ex Exchange) error { return ex.SetWriteDeadline(t) })
}

// EnableFullDuplex is for http.ResponseController.
func (w *writer) EnableFullDuplex() error {
	return w.ask(func(ex Exchange) error {
		err := ex.EnableFullDuplex()
		if err == nil {
			w.duplex.Store(true)
		}
		return err
	})
}

func (w *writer) ask(f func(Exchange) error) error {
	w.control.Lock()
	defer w.control.Unlock()
	if w.asked == nil {
		return ErrOver
	}
	return f(w.asked)
}

// over lets go of the front and of ctx.
func (w *writer) over() {
	w.mu.Lock()
	w.done = true
	w.ctx, w.ex, w.stream, w.buf = nil, nil, nil, nil
	w.mu.Unlock()
	w.control.Lock()
	w.asked = nil
	w.control.Unlock()
}

// misuse reports a mistake, with the place in the handler's code.
func (w *writer) misuse(what string) {
	w.ex.Misuse(what + " from " + caller())
}

// caller is the first function on the stack that is no part of net/http or of this
// package.
func caller() string {
	var pc [16]uintptr
	frames := runtime.CallersFrames(pc[:runtime.Callers(1, pc[:])])
	for {
		frame, more := frames.Next()
		if !strings.Contains(frame.Function, "nethttp.(*writer)") &&
			!strings.HasSuffix(frame.Function, "nethttp.caller") &&
			!strings.HasPrefix(frame.Function, "net/http.") || !more {
			return fmt.Sprintf("%s (%s:%d)", frame.Function, path.Base(frame.File), frame.Line)
		}
	}
}
