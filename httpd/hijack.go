package httpd

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// readConn is a connection of which octets have been read and not used: behind a
// PROXY header, or by the front before a handler has taken the connection.
type readConn struct {
	net.Conn
	read []byte
}

// Read implements net.Conn: first what was read.
func (c *readConn) Read(p []byte) (int, error) {
	if len(c.read) > 0 {
		n := copy(p, c.read)
		c.read = c.read[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}

// NetConn is the connection itself.
func (c *readConn) NetConn() net.Conn { return c.Conn }

// handOver is what a runner leaves in a job whose client's connection is to be
// given away. The front calls to, once: with nil if the connection has broken.
type handOver struct {
	// silent: there is no answer before.
	silent bool
	to     func(*readConn)
}

// detach takes the connection from the front, with what was read and not used.
func (c *conn) detach() *readConn {
	d := c.desk
	h := &readConn{Conn: c.Conn}
	if c.sock != nil {
		h.Conn = c.sock.wide
		c.sock.let()
	}
	if from := d.r + d.size; from < d.w {
		h.read = append(h.read, d.in[from:d.w]...)
	}
	if c.file != nil {
		rest, err := c.restOfFile()
		if h.read = append(h.read, rest...); err != nil {
			h.Close() // whoever gets it finds it broken
		}
	}
	c.detached = true
	settle(h.Conn)
	_ = h.SetDeadline(time.Time{})
	return h
}

// giveAway gives the connection to whoever has asked for it.
func (c *conn) giveAway(to func(*readConn)) {
	err := c.flush()
	if err == nil && c.sock != nil {
		err = c.sock.widen()
	}
	var h *readConn
	if err == nil {
		h = c.detach()
	}
	c.drop()
	to(h)
}

// hold keeps a worker as long as somebody has a connection of it.
type hold struct {
	net.Conn
	release func()
	once    sync.Once

	mu     sync.Mutex
	killed bool
}

// take says which connection it is.
func (h *hold) take(c net.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.Conn = c
	if h.killed {
		c.Close()
	}
}

// kill closes the connection: the worker cannot wait any longer.
func (h *hold) kill() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.killed = true
	if h.Conn != nil {
		h.Conn.Close()
	}
}

// Close implements net.Conn, and lets the worker go.
func (h *hold) Close() error {
	defer h.once.Do(h.release)
	return h.Conn.Close()
}

// runHijacked calls the function that a fasthttp handler has left for the
// connection, which is closed after it.
func runHijacked(c net.Conn, f fasthttp.HijackHandler) {
	defer c.Close()
	f(c)
}

// errRecords is why a handler cannot have the connection: FastCGI's records are on
// it, and it is the web server's.
var errRecords = fmt.Errorf("httpd: a request over FastCGI has no connection of its own: %w", http.ErrNotSupported)

// refuseHijack answers a request whose fasthttp handler has left a function for such
// a connection.
func refuseHijack(ctx *fasthttp.RequestCtx) {
	takeHijack(ctx)
	ctx.Response.Reset()
	ctx.Error("FastCGI has no upgraded connections\n", fasthttp.StatusNotImplemented)
}

// takeHijack is what the handler of ctx has left for the connection.
func takeHijack(ctx *fasthttp.RequestCtx) (f fasthttp.HijackHandler, silent bool) {
	f, silent = *hijackField.of(ctx), *noAnswerField.of(ctx)
	*hijackField.of(ctx), *noAnswerField.of(ctx) = nil, false
	return f, silent
}

// join copies between two connections until both directions have ended.
func join(a, b net.Conn) {
	var both sync.WaitGroup
	for _, way := range [2][2]net.Conn{{a, b}, {b, a}} {
		both.Go(func() {
			_, _ = io.Copy(way[0], way[1])
			// Half of it is over: the other end is told so if it can be.
			if half, ok := way[0].(interface{ CloseWrite() error }); !ok || half.CloseWrite() != nil {
				way[0].Close()
			}
		})
	}
	both.Wait()
	a.Close()
	b.Close()
}
