package nethttp

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"
)

const (
	// bufferSize is how much of an answer whose length is not known is kept back
	// in order to find out.
	bufferSize = 16 << 10
	// wholeSize is up to what length an answer whose handler has declared it is
	// kept until it is whole.
	wholeSize = 64 << 10
	// sniffSize is how much http.DetectContentType looks at.
	sniffSize = 512
)

// bodyAllowed reports whether answers with this status have content (RFC 9110,
// section 6.4.1).
func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// bodiless reports whether no content is sent, whatever is written.
func (w *writer) bodiless() bool { return w.head || !bodyAllowed(w.status) }

// room is how much fits into the buffer.
func (w *writer) room() int {
	if 0 <= w.length && w.length <= wholeSize {
		return int(w.length)
	}
	return bufferSize
}

// borrow is the buffer: the one of ctx.Response, which keeps its memory.
func (w *writer) borrow() []byte {
	if !w.borrowed {
		w.borrowed = true
		w.buf = w.ctx.Response.SwapBody(nil)[:0]
	}
	return w.buf
}

// fix puts status and fields into ctx.Response: what the handler does to them
// later has no effect, but for trailers.
func (w *writer) fix() {
	h := &w.ctx.Response.Header
	h.SetNoDefaultContentType(true)
	h.DisableNormalizing() // names are sent as the handler writes them
	if dates, ok := w.fields["Date"]; ok {
		date := ""
		if len(dates) > 0 {
			date = clean(dates[0])
		}
		setDate(h, date)
	}
	h.SetStatusCode(w.status)
	if len(w.fields) == 0 {
		return
	}
	// In the order of their names, as net/http does: maps have none.
	var room [16]string
	names := room[:0]
	for name := range w.fields {
		if validName(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		w.fixField(h, name, w.fields[name])
	}
}

// fixField puts one field into h, unless it is the front's affair.
func (w *writer) fixField(h *fasthttp.ResponseHeader, name string, values []string) {
	known := http.CanonicalHeaderKey(name)
	switch known {
	case "Date", "Transfer-Encoding":
		return
	case "Content-Length":
		w.declare(values)
		return
	case "Trailer":
		for _, v := range values {
			for name := range strings.SplitSeq(v, ",") {
				name = http.CanonicalHeaderKey(trim(name))
				if validName(name) && inTrailer(name) {
					w.trailers = append(w.trailers, name)
				}
			}
		}
		return
	case "Content-Type":
		w.typed = true
		if w.status == http.StatusNotModified || len(values) == 0 {
			return
		}
		values = values[:1]
	case "Content-Encoding":
		w.typed = w.typed || len(values) > 0 && values[0] != ""
		if len(values) > 1 {
			values = []string{strings.Join(values, ", ")}
		}
	case "Server":
		values = values[:min(1, len(values))]
	case "Connection":
		w.fixConnection(h, values)
		return
	}
	for _, v := range values {
		h.Add(name, clean(v))
	}
}

// fixConnection notes the option close; the others are the handler's.
func (w *writer) fixConnection(h *fasthttp.ResponseHeader, values []string) {
	var rest []string
	for _, v := range values {
		for option := range strings.SplitSeq(v, ",") {
			switch option = clean(option); {
			case strings.EqualFold(option, "close"):
				w.closing = true
			case option != "":
				rest = append(rest, option)
			}
		}
	}
	if len(rest) > 0 {
		h.Set("Connection", strings.Join(rest, ", "))
	}
}

// declare takes the handler's Content-Length (RFC 9110, section 8.6).
func (w *writer) declare(values []string) {
	if len(values) == 0 || values[0] == "" {
		return
	}
	n, err := strconv.ParseUint(trim(values[0]), 10, 63)
	if err != nil {
		w.misuse(fmt.Sprintf("invalid Content-Length %q", values[0]))
		return
	}
	if bodyAllowed(w.status) {
		w.length = int64(n)
	}
}

// settle completes the head in ctx.Response when it is about to be sent, with the
// first octets of the body in buf.
func (w *writer) settle() {
	resp := &w.ctx.Response
	if !w.typed && len(w.buf) > 0 && bodyAllowed(w.status) {
		resp.Header.SetContentType(http.DetectContentType(w.buf))
	}
	if w.status == http.StatusSwitchingProtocols {
		w.closing = true // not hijacked: nobody speaks the other protocol
	}
	if !w.closing && !w.duplex.Load() && !w.body.settle() {
		w.closing = true
	}
	if w.closing {
		resp.SetConnectionClose()
	}
}

// start has the front begin to send. The content comes next, p or s first.
func (w *writer) start(p []byte, s string) error {
	if w.err != nil {
		return w.err
	}
	written := w.buf
	if !w.typed && len(w.buf) < sniffSize {
		// Only for settle to look at.
		n := sniffSize - len(w.buf)
		w.buf = append(w.buf, p[:min(n, len(p))]...)
		w.buf = append(w.buf, s[:min(n, len(s))]...)
	}
	length := w.length
	switch {
	case !bodyAllowed(w.status):
		length = -1
	case length < 0 && !w.http11 && !w.head:
		w.closing = true // nothing else ends it
	}
	w.settle()
	resp := &w.ctx.Response
	resp.SkipBody = w.head
	w.announce()
	w.started, w.buf, w.ctx = true, nil, nil
	stream, err := w.ex.Start(length)
	if err == nil {
		w.stream = stream
		if len(written) > 0 {
			_, err = w.send(written)
		}
	}
	w.err = err
	return err
}

// announce says which fields the trailer section is going to have (RFC 9110,
// section 6.6.2), where there can be one.
func (w *writer) announce() {
	if !w.http11 || w.length >= 0 || !bodyAllowed(w.status) {
		return
	}
	for _, name := range w.trailers {
		// All have been checked; should fasthttp refuse one, it is sent without
		// having been announced.
		_ = w.ctx.Response.Header.AddTrailer(name)
	}
}

// finish ends the answer after the handler has returned.
func (w *writer) finish() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hijacked {
		return nil
	}
	if !w.wrote {
		w.writeHeader(http.StatusOK)
	}
	short := !w.bodiless() && w.length >= 0 && w.written < w.length
	trailer := w.trailer()
	if !w.started {
		if !short && trailer == nil {
			w.whole()
			return nil
		}
		_ = w.start(nil, "") // kept in w.err
	}
	switch {
	case w.err != nil:
		return w.err
	case short:
		return errors.Join(fmt.Errorf("%w: %d of %d", ErrShort, w.written, w.length), w.stream.Flush())
	case len(trailer) > 0:
		w.stream.Trailer(trailer)
	}
	return w.stream.Close()
}

// whole leaves the whole answer in ctx.Response.
func (w *writer) whole() {
	w.settle()
	resp := &w.ctx.Response
	if w.head {
		// What GET would have said; nothing if that is not known.
		resp.SkipBody = true
		w.announce()
		switch {
		case w.length >= 0:
			setLength(&resp.Header, w.length)
		case w.written > 0 && (len(w.trailers) == 0 || !w.http11):
			setLength(&resp.Header, w.written)
		}
	}
	if w.borrowed {
		if w.head {
			w.buf = w.buf[:0]
		}
		resp.SwapBody(w.buf)
		w.buf = nil
	}
}

// setLength has h say a length; nothing if it is more than fasthttp can count, on
// systems of 32 bits.
func setLength(h *fasthttp.ResponseHeader, n int64) {
	if int64(int(n)) == n {
		h.SetContentLength(int(n))
	}
}

// trailer is the trailer section that the handler has made: nil if there can be
// none, empty if all that it has declared is missing.
func (w *writer) trailer() http.Header {
	if w.bodiless() || !w.http11 || w.length >= 0 {
		return nil
	}
	var out http.Header
	for name, values := range w.fields {
		if name, ok := strings.CutPrefix(name, http.TrailerPrefix); ok {
			if out == nil {
				out = make(http.Header)
			}
			out[name] = append(out[name], values...)
		}
	}
	if len(w.trailers) == 0 && out == nil {
		return nil
	}
	if out == nil {
		out = make(http.Header)
	}
	for _, name := range w.trailers {
		if _, ok := out[name]; !ok {
			out[name] = w.fields[name]
		}
	}
	return cleanFields(out, inTrailer)
}
