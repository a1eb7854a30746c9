package httpd

import (
	"net"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// hijacked is a connection that was upgraded: the front has nothing to do with it
// any more but to count it.
type hijacked struct {
	net.Conn
	read []byte // octets that the front has read and not used
}

// Read implements net.Conn: first what the front has read.
func (h *hijacked) Read(p []byte) (int, error) {
	if len(h.read) > 0 {
		n := copy(p, h.read)
		h.read = h.read[n:]
		return n, nil
	}
	return h.Conn.Read(p)
}

// detach takes the connection from the front, with what was read and not used.
func (c *conn) detach() *hijacked {
	d := c.desk
	h := &hijacked{Conn: c.Conn}
	if from := d.r + d.size; from < d.w {
		h.read = append(h.read, d.in[from:d.w]...)
	}
	c.detached = true
	return h
}

// hold keeps a worker as long as somebody has a connection of it.
type hold struct {
	release func()

	mu     sync.Mutex
	conn   net.Conn
	killed bool
}

// take says which connection it is.
func (h *hold) take(c net.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.conn = c
	if h.killed {
		c.Close()
	}
}

// kill closes the connection: the worker cannot wait any longer.
func (h *hold) kill() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.killed = true
	if h.conn != nil {
		h.conn.Close()
	}
}

// hijack gives the connection to a handler's function, after the answer if there
// is one. Its lane is free; the worker stays until the function returns.
func (c *conn) hijack(handler fasthttp.HijackHandler) {
	keep := c.desk.job.hold
	if c.flush() != nil {
		keep.release()
		return
	}
	h := c.detach()
	_ = h.SetDeadline(time.Time{})
	keep.take(h)
	c.drop()
	go func() {
		defer keep.release()
		defer h.Close()
		handler(h)
	}()
}
