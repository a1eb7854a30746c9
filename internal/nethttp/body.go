package nethttp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/textproto"
	"sync"

	"github.com/valyala/fasthttp"
)

// drainSize is how much of a body that the handler has left is read in order to
// keep the connection; net/http's number.
const drainSize = 256 << 10

// body is a request's body.
type body struct {
	expect bool  // the client may be waiting for 100 Continue
	length int64 // as announced, -1 in chunks

	mu      sync.Mutex
	src     io.Reader // where it comes from; nil if it is in memory
	memory  []byte    // what is left of it there
	ex      Exchange
	request *http.Request
	err     error // what the next Read says, once there is nothing more
	got     int64
	closed  bool
}

// open makes b the body of the request in ctx. r is where its trailer goes.
func (b *body) open(ctx *fasthttp.RequestCtx, ex Exchange, r *http.Request) {
	b.ex, b.request = ex, r
	if b.src = ex.Body(); b.src == nil {
		b.memory = ctx.Request.Body()
	}
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, http.ErrBodyReadAfterClose
	}
	return b.read(p)
}

func (b *body) read(p []byte) (n int, err error) {
	if b.err != nil {
		return 0, b.err
	}
	if b.src != nil {
		n, err = b.src.Read(p)
		b.got += int64(n)
	} else {
		n = copy(p, b.memory)
		if b.memory = b.memory[n:]; len(b.memory) == 0 {
			err = io.EOF
		}
	}
	if err == io.EOF {
		if failed := b.readTrailer(); failed != nil {
			err = failed
		}
	}
	b.err = err
	return n, err
}

// readTrailer puts the trailer fields where handlers look for them.
func (b *body) readTrailer() error {
	if b.length >= 0 {
		return nil
	}
	section := b.ex.Trailer()
	if len(section) == 0 {
		return nil
	}
	// With or without the empty line that ends it.
	r := textproto.NewReader(bufio.NewReader(io.MultiReader(
		bytes.NewReader(section), bytes.NewReader([]byte("\r\n\r\n")))))
	fields, err := r.ReadMIMEHeader()
	if err != nil {
		return fmt.Errorf("%w: trailer section: %w", errHead, err)
	}
	for name := range fields {
		if !validName(name) {
			return fmt.Errorf("%w: trailer field %q", errHead, name)
		}
	}
	if b.request.Trailer == nil {
		b.request.Trailer = http.Header(fields)
	} else {
		maps.Copy(b.request.Trailer, http.Header(fields))
	}
	return nil
}

// Close implements io.Closer: what is left is thrown away.
func (b *body) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.drain()
	b.closed = true
	if b.err == nil || errors.Is(b.err, io.EOF) {
		return nil
	}
	return b.err
}

// drain reads what is left if that is little and if the client does not wait to
// be asked for it. b is locked.
func (b *body) drain() {
	if b.src == nil || b.expect || b.length-b.got > drainSize {
		return
	}
	buf := copyBuffers.Get().(*[copySize]byte)
	defer copyBuffers.Put(buf)
	for left := drainSize; left >= 0 && b.err == nil; {
		n, _ := b.read(buf[:])
		left -= n
	}
}

// settle is called before the answer begins: many clients do not read an answer
// before they have sent the whole request. It reports whether the connection can
// go on to its next request.
func (b *body) settle() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.src == nil {
		return true
	}
	if !b.closed {
		b.drain()
	}
	return b.err == io.EOF
}

// over lets go of the front: from now on reads fail.
func (b *body) over() {
	b.mu.Lock()
	b.closed = true
	b.src, b.memory, b.ex = nil, nil, nil
	b.mu.Unlock()
}
