package nethttp

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/valyala/fasthttp"
)

var (
	// ErrShort is what Serve says of an answer that is shorter than the
	// Content-Length that its handler has declared.
	ErrShort = errors.New("nethttp: answer shorter than its Content-Length")
	// ErrOver is what a ResponseWriter says that is used after the handler has
	// returned.
	ErrOver = errors.New("nethttp: request over")
)

// Exchange is whoever carries a request. Its methods are called between the
// beginning and the end of Serve only, some by goroutines of the handler's, never
// two of Interim, Start and Hijack at the same time.
type Exchange interface {
	// Context ends when the client leaves, when the request is abandoned, when
	// the worker is killed, and, at the latest soon after Serve has returned, when
	// the request is over. It is asked for once at most, and only if the handler
	// wants to know. It must remain valid after the request.
	Context() context.Context
	// Base is where the values of the request's context come from; its end means
	// nothing. It must remain valid after the request. nil: there are none. A value
	// for http.ServerContextKey takes the place of an empty *http.Server.
	Base() context.Context
	// RemoteAddr is http.Request.RemoteAddr, "host:port"; a front makes the string
	// once per connection. "": take it from fasthttp's context.
	RemoteAddr() string
	// Body reads the request's body; nil if there is none, or if it is in memory:
	// then it is ctx.Request.Body(). It is read by one goroutine at a time. Read
	// fails with another error than io.EOF if the client leaves in the middle. The
	// first Read sends 100 Continue if the client waits for it and no Interim with
	// status 100 has been sent (RFC 9110, section 10.1.1). A connection whose body
	// has not been read to its end when Serve returns cannot go on; if that is known
	// before the answer begins, its head says close.
	Body() io.Reader
	// Trailer is the request's trailer section, octet for octet, once the body has
	// been read to its end; nil if there was none.
	Trailer() []byte
	// Interim sends a 1xx answer (RFC 9110, section 15.2) with these fields at once.
	Interim(status int, fields http.Header) error
	// Start sends the head that is in ctx.Response: status and fields without
	// Content-Length and Transfer-Encoding. The body follows through the Stream.
	// length is the body's, -1 if it is not known: then it is chunked in HTTP/1.1
	// and ended by close in HTTP/1.0. For a HEAD request length is what
	// Content-Length is to say (-1: say nothing), and nothing is written, as for
	// status 204 and 304. The head may wait for the first Flush, or for the
	// Stream's own buffer to be full. From here on ctx is the front's.
	Start(length int64) (Stream, error)
	// Hijack takes the client's connection, and what has been read from it and not
	// been used. The front forgets the connection. After Start what has been written
	// must be sent first; a front that cannot do so returns http.ErrNotSupported.
	Hijack() (net.Conn, []byte, error)
	// SetReadDeadline and SetWriteDeadline set the deadlines of the client's
	// connection for this request; zero is none.
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
	// EnableFullDuplex says nil if the body can be read after the answer has begun.
	EnableFullDuplex() error
	// Misuse reports a mistake of the handler's, which net/http would log.
	Misuse(message string)
}

// Stream is the body of an answer that is sent while it is made. It must fail, and
// touch nothing, if it is used after Serve has returned.
type Stream interface {
	// Write adds to the body. It may keep octets back until Flush, Close, or until
	// enough has come together, but does not keep p.
	//
	// A Stream that is an io.ReaderFrom gets files through it where the length of
	// the body is known.
	io.Writer
	// Flush sends everything written so far, the head included.
	Flush() error
	// Trailer has these fields sent after the last chunk, by Close.
	Trailer(http.Header)
	// Close ends the body cleanly. Without it the answer is cut.
	Close() error
}

// Serve runs h, http.DefaultServeMux if it is nil, for the request in ctx. It
// returns when h has returned and the answer has been given to ctx.Response, or to
// a Stream of ex, or the connection was hijacked; ex knows which.
//
// An error means that a streamed answer was not ended: the client has left, or
// ErrShort. A panic of h passes through, http.ErrAbortHandler too; ctx.Response is
// in no particular state then. A request that net/http would refuse, which is one
// with a target that is no URL, is answered with 400 without calling h.
func Serve(h http.Handler, ctx *fasthttp.RequestCtx, ex Exchange) error {
	c, err := newCall(ctx, ex)
	if err != nil {
		ctx.Error("bad request\n", http.StatusBadRequest)
		ctx.SetConnectionClose()
		return nil
	}
	defer c.over()
	switch {
	case c.request.Method == http.MethodOptions && c.request.RequestURI == "*":
		// It asks about the server as a whole (RFC 9110, section 9.3.7).
		c.writer.Header().Set("Content-Length", "0")
	case h == nil:
		http.DefaultServeMux.ServeHTTP(&c.writer, &c.request)
	default:
		h.ServeHTTP(&c.writer, &c.request)
	}
	return c.writer.finish()
}
