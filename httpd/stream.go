package httpd

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/valyala/fasthttp"
)

// ErrStreamClosed is what a StreamWriter says when the client has left.
var ErrStreamClosed = errors.New("httpd: stream closed")

// errStreamLong says that a streamed body is longer than its Content-Length.
var errStreamLong = errors.New("httpd: body longer than its Content-Length")

// streamBuffer is how many octets of a streamed answer may be ahead of the
// client.
const streamBuffer = 64 << 10

// StreamFunc writes a streamed answer. The answer is cut, visibly for the
// client, if it returns an error or panics.
type StreamFunc func(w *StreamWriter) error

// Stream makes f write the body of the answer after the handler has returned.
//
// f runs on the request's own lane, which is busy until it returns; at most
// 64 KiB are ahead of the client, beyond that Write waits for it. ctx must not
// be used by f: take what it needs, the request's Context among it, before.
// Without a Content-Length set by the handler the body is sent in chunks
// (RFC 9112, section 7.1).
func Stream(ctx *fasthttp.RequestCtx, f StreamFunc) {
	j := jobOf(ctx)
	if j == nil {
		panic("httpd: Stream outside of a Server's request")
	}
	j.stream = f
}

// StreamWriter is what a StreamFunc writes to. Its methods fail with
// ErrStreamClosed when the client has left.
type StreamWriter struct {
	direct streamSink // where the octets go at once, nil in a front

	mu     sync.Mutex
	moved  sync.Cond
	buf    []byte // not read yet
	left   int    // how much of the announced length has not been read, -1 if none was
	ready  int    // how much of buf may be read
	done   bool   // the writer has ended
	cause  error  // what the reader gets at the end instead of io.EOF
	closed bool   // the reader has left
	// unwanted: the client does not want the rest.
	unwanted bool
	// released: the lane is through with the request.
	released bool
	// trailer are the fields after the last chunk, as they are on the wire.
	trailer []byte
}

// newStreamWriter makes the writer of a body of size octets, -1 if its length is
// not known.
func newStreamWriter(size int) *StreamWriter {
	w := &StreamWriter{left: size}
	w.moved.L = &w.mu
	return w
}

// streamSink is the connection over which a child answers its parent.
type streamSink interface {
	Stdout(p []byte) error
	Flush() error
}

// Write adds p to the body. It is sent at the next Flush, or when enough has
// come together.
func (w *StreamWriter) Write(p []byte) (int, error) {
	if w.direct != nil {
		if err := w.direct.Stdout(p); err != nil {
			return 0, fmt.Errorf("%w: %w", ErrStreamClosed, err)
		}
		return len(p), nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	written := 0
	for len(p) > 0 {
		for len(w.buf) >= streamBuffer && !w.closed {
			w.ready = len(w.buf)
			w.moved.Broadcast()
			w.moved.Wait()
		}
		if w.closed {
			return written, ErrStreamClosed
		}
		n := min(len(p), streamBuffer-len(w.buf))
		w.buf = append(w.buf, p[:n]...)
		p = p[n:]
		written += n
	}
	return written, nil
}

// copy writes what it reads, each piece when it is there.
func (w *StreamWriter) copy(body io.Reader) error {
	buf := make([]byte, 16<<10)
	for {
		n, err := body.Read(buf)
		if n > 0 {
			if _, e := w.Write(buf[:n]); e != nil {
				return e
			}
			if e := w.Flush(); e != nil {
				return e
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("httpd: body: %w", err)
		}
	}
}

// WriteString is Write for a string.
func (w *StreamWriter) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

// Flush sends what has been written.
func (w *StreamWriter) Flush() error {
	if w.direct != nil {
		if err := w.direct.Flush(); err != nil {
			return fmt.Errorf("%w: %w", ErrStreamClosed, err)
		}
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return ErrStreamClosed
	}
	w.ready = len(w.buf)
	w.moved.Broadcast()
	return nil
}

// Trailer sends these fields after the body, if its length is not known (RFC
// 9110, section 6.5); only what was set before the function returns counts.
func (w *StreamWriter) Trailer(fields http.Header) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.trailer = trailerSection(fields)
}

// Close ends the body. It need not be called by a StreamFunc.
func (w *StreamWriter) Close() error {
	if w.direct != nil {
		w.done = true
		return nil
	}
	w.finish(nil)
	return nil
}

// ended reports whether the body has come to its end.
func (w *StreamWriter) ended() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.done
}

// finish ends the stream, if it has not ended before: cleanly, or cut if err is
// not nil.
func (w *StreamWriter) finish(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.done {
		return
	}
	w.done, w.cause = true, err
	w.ready = len(w.buf)
	w.moved.Broadcast()
}

// release says that the lane has nothing more to do with the request.
func (w *StreamWriter) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.released = true
	w.moved.Broadcast()
}

// streamReader is the front's end of a stream.
type streamReader struct{ w *StreamWriter }

func (r streamReader) Read(p []byte) (int, error) {
	w := r.w
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.ready == 0 && !w.done && !w.closed {
		w.moved.Wait()
	}
	if w.closed {
		return 0, ErrStreamClosed
	}
	if w.ready == 0 {
		if w.cause != nil {
			return 0, w.cause
		}
		return 0, io.EOF
	}
	ready := w.ready
	if w.left >= 0 {
		// fasthttp would send more than it has announced, and the client would
		// take that for its next answer.
		if ready = min(ready, w.left); ready == 0 {
			return 0, errStreamLong
		}
	}
	n := copy(p, w.buf[:ready])
	if w.left >= 0 {
		w.left -= n
	}
	w.buf = append(w.buf[:0], w.buf[n:]...)
	w.ready -= n
	w.moved.Broadcast()
	return n, nil
}

// Close is called by the front when it has sent the body, or cannot. After a
// whole body it waits for the lane to let go of the request, because the
// connection goes on to its next one.
func (r streamReader) Close() error {
	w := r.w
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.moved.Broadcast()
	for w.done && !w.released {
		w.moved.Wait()
	}
	return nil
}
