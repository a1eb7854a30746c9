package nethttp

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// front is the smallest front that carries everything: it reads a request with
// fasthttp's parser, runs Serve on the connection's own goroutine, and sends.
type front struct {
	handler  http.Handler
	inMemory bool // read bodies before the handler runs
	readFrom bool // its Streams take files

	mu      sync.Mutex
	misuses []string
	outcome []error // of requests that were not ended, and panics
	files   int     // how many files its Streams took
}

// start serves on loopback until the test ends, and says where.
func (f *front) start(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	conns := make(map[net.Conn]bool)
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns[c] = true
			mu.Unlock()
			all.Go(func() { f.serve(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for c := range conns {
			c.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	return l.Addr().String()
}

func (f *front) note(err error) {
	f.mu.Lock()
	f.outcome = append(f.outcome, err)
	f.mu.Unlock()
}

// serve is the life of a connection.
func (f *front) serve(c net.Conn) {
	br, bw := bufio.NewReader(c), bufio.NewWriter(c)
	for {
		ex := &carried{front: f, conn: c, br: br, bw: bw}
		if !ex.request() {
			break
		}
		again := ex.run()
		if ex.hijacked {
			return
		}
		if !again {
			break
		}
	}
	c.Close()
}

// carried is one request on a connection, and its Exchange.
type carried struct {
	front    *front
	conn     net.Conn
	br       *bufio.Reader
	bw       *bufio.Writer
	ctx      fasthttp.RequestCtx
	body     io.Reader
	trailer  []byte
	waiting  bool // for 100 Continue
	finished bool // the body has been read
	hijacked bool
	stream   *bodyWriter
	demanded int
	cancel   context.CancelFunc
	watched  chan struct{}
}

var _ Exchange = (*carried)(nil)

// request reads the next request.
func (e *carried) request() bool {
	e.ctx.Init2(e.conn, nil, false)
	h := &e.ctx.Request.Header
	if err := h.Read(e.br); err != nil {
		return false
	}
	e.waiting = strings.EqualFold(string(h.Peek("Expect")), "100-continue")
	switch n := h.ContentLength(); {
	case n == -1:
		e.body = &chunks{e: e, r: httputil.NewChunkedReader(e.br)}
	case n > 0:
		e.body = &fixed{e: e, left: n}
	default:
		e.finished = true
	}
	if e.front.inMemory && e.body != nil {
		b, err := io.ReadAll(e.Body())
		if err != nil {
			return false
		}
		e.ctx.Request.SetBody(b)
		e.body = nil
	}
	return true
}

// run answers, and reports whether the connection goes on.
func (e *carried) run() (again bool) {
	defer func() {
		if e.cancel != nil {
			e.cancel()
		}
		if e.watched != nil {
			e.conn.SetReadDeadline(time.Unix(1, 0))
			<-e.watched
			e.conn.SetReadDeadline(time.Time{})
		}
		if p := recover(); p != nil {
			e.front.note(fmt.Errorf("panic: %v", p))
			if e.stream != nil {
				e.bw.Flush()
			}
			again = false
		}
	}()
	if err := Serve(e.front.handler, &e.ctx, e); err != nil {
		e.front.note(err)
		e.bw.Flush()
		return false
	}
	resp := &e.ctx.Response
	switch {
	case e.hijacked:
		return false
	case e.stream != nil:
		return e.stream.closed && !e.stream.last && e.finished
	}
	resp.SkipBody = e.ctx.IsHead()
	last := resp.ConnectionClose()
	if !last && !e.ctx.Request.Header.IsHTTP11() {
		resp.Header.Set("Connection", "keep-alive")
	}
	if err := resp.Write(e.bw); err != nil {
		return false
	}
	return e.bw.Flush() == nil && !last && e.finished
}

func (e *carried) Context() context.Context {
	if e.demanded++; e.demanded > 1 {
		panic("Context asked for twice")
	}
	ctx, cancel := context.WithCancel(context.Background())
	e.cancel = cancel
	if e.finished && e.br.Buffered() == 0 {
		e.watched = make(chan struct{})
		go func() {
			defer close(e.watched)
			if _, err := e.br.Peek(1); err != nil {
				cancel()
			}
		}()
	}
	return ctx
}

type baseKey struct{}

func (e *carried) Base() context.Context {
	return context.WithValue(context.Background(), baseKey{}, "base")
}

func (e *carried) RemoteAddr() string { return "" }

func (e *carried) Body() io.Reader {
	if e.body == nil {
		return nil
	}
	return e
}

// Read reads the body.
func (e *carried) Read(p []byte) (int, error) {
	if e.waiting {
		e.waiting = false
		io.WriteString(e.bw, "HTTP/1.1 100 Continue\r\n\r\n")
		e.bw.Flush()
	}
	return e.body.Read(p)
}

// fixed is a body whose length is known.
type fixed struct {
	e    *carried
	left int
}

func (b *fixed) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	n, err := b.e.br.Read(p[:min(len(p), b.left)])
	b.left -= n
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	b.e.finished = b.left == 0
	return n, err
}

// chunks is a body in chunks.
type chunks struct {
	e *carried
	r io.Reader
}

func (b *chunks) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err == io.EOF && !b.e.finished {
		b.e.finished = true
		for {
			line, err := b.e.br.ReadSlice('\n')
			if err != nil {
				return n, io.ErrUnexpectedEOF
			}
			if len(bytes.TrimRight(line, "\r\n")) == 0 {
				break
			}
			b.e.trailer = append(b.e.trailer, line...)
		}
	}
	return n, err
}

func (e *carried) Trailer() []byte { return e.trailer }

func (e *carried) Interim(status int, fields http.Header) error {
	fmt.Fprintf(e.bw, "HTTP/1.1 %d %s\r\n", status, http.StatusText(status))
	fields.Write(e.bw)
	io.WriteString(e.bw, "\r\n")
	if status == 100 {
		e.waiting = false
	}
	return e.bw.Flush()
}

func (e *carried) Start(length int64) (Stream, error) {
	resp := &e.ctx.Response
	s := &bodyWriter{e: e, last: resp.ConnectionClose()}
	bodiless := e.ctx.IsHead() || !bodyAllowed(resp.StatusCode())
	switch {
	case length >= 0:
		resp.Header.SetContentLength(int(length))
		s.Writer = e.bw
	case bodiless:
		s.Writer = nil
	case e.ctx.Request.Header.IsHTTP11():
		resp.Header.SetContentLength(-1)
		s.chunked = true
		s.Writer = httputil.NewChunkedWriter(e.bw)
	default:
		s.last = true
		s.Writer = e.bw
	}
	if bodiless {
		s.chunked, s.Writer = false, nil
	}
	e.stream = s
	_, err := e.bw.Write(resp.Header.Header())
	if e.front.readFrom {
		return fileWriter{s}, err
	}
	return s, err
}

// bodyWriter is the Stream.
type bodyWriter struct {
	io.Writer
	e                     *carried
	chunked, closed, last bool
	trailer               http.Header
}

func (s *bodyWriter) Flush() error          { return s.e.bw.Flush() }
func (s *bodyWriter) Trailer(h http.Header) { s.trailer = h }
func (s *bodyWriter) Close() error {
	s.closed = true
	if s.chunked {
		io.WriteString(s.e.bw, "0\r\n")
		s.trailer.Write(s.e.bw)
		io.WriteString(s.e.bw, "\r\n")
	}
	return s.e.bw.Flush()
}

// fileWriter is a Stream that takes files.
type fileWriter struct{ *bodyWriter }

func (s fileWriter) ReadFrom(r io.Reader) (int64, error) {
	s.e.front.mu.Lock()
	s.e.front.files++
	s.e.front.mu.Unlock()
	return io.Copy(struct{ io.Writer }{s.bodyWriter}, r)
}

func (e *carried) Hijack() (net.Conn, []byte, error) {
	if e.stream != nil {
		if err := e.stream.Flush(); err != nil {
			return nil, nil, err
		}
	}
	e.hijacked = true
	read, _ := e.br.Peek(e.br.Buffered())
	return e.conn, bytes.Clone(read), nil
}

func (e *carried) SetReadDeadline(t time.Time) error  { return e.conn.SetReadDeadline(t) }
func (e *carried) SetWriteDeadline(t time.Time) error { return e.conn.SetWriteDeadline(t) }
func (e *carried) EnableFullDuplex() error            { return nil }
func (e *carried) Misuse(m string) {
	e.front.mu.Lock()
	e.front.misuses = append(e.front.misuses, m)
	e.front.mu.Unlock()
}
