package httpd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/internal/fcgi"
	"github.com/bident/bident/pool"
)

// responder answers, in a child, the exchanges that one lane of the parent
// begins: it is the other side of exchangeRunner.
type responder struct {
	conn    exchangeConn
	child   *exchangeChild
	server  *fcgi.ServerConn
	ctx     fasthttp.RequestCtx
	parser  *parser
	text    []byte
	started bool          // something of the answer has been written
	body    *StreamWriter // that a net/http handler writes
	slow    *slowLane
	params  fcgi.Params // of the web server whose request the parent has
}

// exchangeConn stands for the client's connection, which the parent has.
type exchangeConn struct {
	net.Conn
	job           job
	remote, local exchangeAddr
}

func (c *exchangeConn) requestJob() *job     { return &c.job }
func (c *exchangeConn) RemoteAddr() net.Addr { return c.remote.addr }
func (c *exchangeConn) LocalAddr() net.Addr  { return c.local.addr }

// What follows is all that a handler can do with its connection beside the
// request, as with a deskSeat.

// Read implements net.Conn.
func (c *exchangeConn) Read([]byte) (int, error) { return 0, net.ErrClosed }

// Write implements net.Conn: it sends an interim response.
func (c *exchangeConn) Write(p []byte) (int, error) {
	if err := c.job.side.interim(&c.job, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close implements net.Conn: the connection is the parent's.
func (c *exchangeConn) Close() error { return net.ErrClosed }

// SetDeadline implements net.Conn. The front sets the deadlines.
func (c *exchangeConn) SetDeadline(time.Time) error { return net.ErrClosed }

// SetReadDeadline implements net.Conn.
func (c *exchangeConn) SetReadDeadline(time.Time) error { return net.ErrClosed }

// SetWriteDeadline implements net.Conn.
func (c *exchangeConn) SetWriteDeadline(t time.Time) error {
	return c.job.side.writeBy(&c.job, t)
}

// exchangeAddr is an address as the parent wrote it, which seldom changes from
// one request to the next.
type exchangeAddr struct {
	text string
	addr net.Addr
	host string // without the network
}

func (a *exchangeAddr) set(text []byte) {
	if a.addr != nil && a.text == string(text) {
		return
	}
	a.text = string(text)
	network, address, _ := bytes.Cut(text, []byte{' '})
	a.host = string(address)
	if string(network) == "tcp" {
		if ap, err := netip.ParseAddrPort(string(address)); err == nil {
			a.addr = net.TCPAddrFromAddrPort(ap)
			return
		}
	}
	a.addr = &net.UnixAddr{Net: "unix", Name: string(address)}
}

func newResponder(child *exchangeChild, conn net.Conn) *responder {
	r := &responder{child: child, conn: exchangeConn{Conn: conn}}
	r.server = fcgi.NewServerConn(conn, fcgi.ServerConfig{MaxParamBytes: -1, MaxBody: -1})
	r.params.MaxBytes, r.params.MaxCount = -1, -1
	r.parser = newParser()
	j := &r.conn.job
	j.mode, j.crew, j.state = Fork, child.crew, child.state
	j.errors = r.complain
	j.watch = r.watch
	j.side = r
	j.client = func() string { return r.conn.remote.host }
	r.ctx.Init2(&r.conn, quiet{}, false)
	return r
}

// watch tells when the client has left, which the parent says by an abort or by
// closing the connection.
func (r *responder) watch(gone func()) (stop func()) {
	r.server.Watch(func(error) { gone() })
	return func() {}
}

// run is the life of a connection of the parent's.
func (r *responder) run() {
	defer r.conn.Conn.Close()
	r.slow = r.child.slow.lane(r.child.crew, true)
	defer r.slow.leave()
	var waiter *rawWaiter
	if r.child.self.Lanes == 1 {
		waiter = newRawWaiter(r.conn.Conn)
	}
	for {
		waiter.wait()
		req, err := r.server.Next()
		if err != nil {
			// The parent closes a connection whose answer it does not want any
			// more, with octets of it unread.
			if err != io.EOF && !errors.Is(err, net.ErrClosed) && !errors.Is(err, syscall.ECONNRESET) {
				r.child.log.Error("exchange with the parent failed", "error", err)
			}
			return
		}
		if !r.answer(req) {
			return
		}
	}
}

// answer answers one request. It reports whether the connection can carry more.
func (r *responder) answer(req *fcgi.Request) bool {
	r.started, r.body = false, nil
	r.child.title.touch()
	if err := r.prepare(req); err != nil {
		r.child.log.Error("request from the parent is malformed", "error", err)
		_ = r.server.End(1)
		return false
	}
	j := &r.conn.job
	j.begin(&r.ctx)
	j.trailer = append([]byte(nil), req.Params.Get(paramTrailer)...)
	if role := req.Params.Get(paramRole); len(role) > 0 {
		j.params, j.role = &r.params, fcgi.Role(role[0]-'0')
	}
	if err := r.call(j); err != nil {
		// The answer is broken, or this child is about to leave: the end of
		// the connection says so.
		return false
	}
	return r.server.End(0) == nil
}

// panicked answers a request whose handler panicked or ended its goroutine, as
// the front does in every mode.
func (r *responder) panicked(err error) {
	r.child.crash(err, string(r.ctx.Method())+" "+string(r.ctx.RequestURI()))
	if !r.started {
		r.ctx.Response.Reset()
		r.ctx.Error("internal server error\n", fasthttp.StatusInternalServerError)
		_ = r.whole()
	}
	_ = r.server.End(statusPanicked)
}

// prepare makes the request that the parent's front has read.
func (r *responder) prepare(req *fcgi.Request) error {
	ctx := &r.ctx
	ctx.Request.Reset()
	ctx.Response.Reset()
	ctx.ResetUserValues()
	setTime(ctx, time.Now())
	if !r.parser.parse(req.Params.Get(paramHead), &ctx.Request.Header) {
		return errors.New("head")
	}
	if t := req.Params.Get(paramTrailer); len(t) > 0 {
		if err := addTrailer(&ctx.Request.Header, t); err != nil {
			return fmt.Errorf("trailer: %w", err)
		}
	}
	ctx.Request.SetBodyRaw(req.Stdin)
	r.conn.remote.set(req.Params.Get(paramRemote))
	r.conn.local.set(req.Params.Get(paramLocal))
	served, err := fasthttp.ParseUint(req.Params.Get(paramServed))
	if err != nil {
		return fmt.Errorf("%s: %w", paramServed, err)
	}
	j := &r.conn.job
	j.served = uint64(served)
	if p := req.Params.Get(paramParams); len(p) > 0 {
		r.params.Reset()
		if _, err := r.params.Write(p); err != nil {
			return fmt.Errorf("%s: %w", paramParams, err)
		}
	}
	if n := ctx.Request.Header.ContentLength(); n == -1 || n < 0 && len(req.Stdin) > 0 {
		ctx.Request.Header.SetContentLength(len(req.Stdin)) // it came in chunks
	}
	*isTLSField.of(&ctx.Request) = len(req.Params.Get(paramSecure)) > 0
	return nil
}

// call calls the handler and sends its answer, also after a panic.
func (r *responder) call(j *job) (err error) {
	returned := false
	r.slow.begin(r.ctx.Method(), r.ctx.RequestURI(), nil)
	defer func() {
		r.slow.end()
		j.end(ErrRequestOver)
		if returned {
			return
		}
		// Or runtime.Goexit, of which recover knows nothing, and after which
		// nothing runs but what is deferred.
		err = &pool.PanicError{Value: recover(), Stack: debug.Stack()}
		r.panicked(err)
	}()
	r.child.handler(&r.ctx)
	switch {
	case r.body != nil:
		if j.failed != nil || !r.body.done {
			err = r.say(asideCut, nil)
		}
	case j.failed != nil:
		err = r.say(asideCut, nil)
	case j.away != nil:
	case r.ctx.Hijacked():
		err = r.handOut(j)
	case j.stream != nil:
		err = r.stream(j.stream)
	case r.ctx.Response.IsBodyStream():
		err = r.copyStream()
	default:
		err = r.whole()
	}
	returned = true
	return err
}

// whole sends an answer whose body is there.
func (r *responder) whole() error {
	resp := &r.ctx.Response
	body := resp.Body()
	length := len(body)
	if r.ctx.IsHead() && length == 0 {
		length = resp.Header.ContentLength()
	}
	r.text = appendAnswerHead(r.text[:0], resp, length)
	if err := r.server.Stdout(r.text); err != nil || r.ctx.IsHead() {
		return err
	}
	return r.server.Stdout(body)
}

// streamHead sends the head of a streamed answer. It reports false if no body
// follows.
func (r *responder) streamHead() (bool, error) {
	resp := &r.ctx.Response
	length := resp.Header.ContentLength()
	if length <= 0 {
		length = -1
	}
	r.text = appendAnswerHead(r.text[:0], resp, length)
	r.started = true
	if err := r.server.Stdout(r.text); err != nil {
		return false, err
	}
	if r.ctx.IsHead() {
		return false, nil
	}
	return true, r.server.Flush()
}

func (r *responder) stream(f StreamFunc) error {
	if more, err := r.streamHead(); !more || err != nil {
		return err
	}
	w := &StreamWriter{direct: r.server}
	if err := f(w); err != nil {
		return err
	}
	if len(w.trailer) > 0 {
		return r.say(asideTrailer, w.trailer)
	}
	return nil
}

// copyStream sends a body that fasthttp reads for the handler.
func (r *responder) copyStream() error {
	defer r.ctx.Response.CloseBodyStream()
	more, err := r.streamHead()
	if !more || err != nil {
		return err
	}
	return (&StreamWriter{direct: r.server}).copy(r.ctx.Response.BodyStream())
}
