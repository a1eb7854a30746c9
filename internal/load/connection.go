package load

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	firstBuffer   = 8 << 10
	bodyBuffer    = 64 << 10    // as far as the buffer grows to read bodies faster
	largestBuffer = 2 * maxHead // a line that does not fit is refused before
	inlineWrite   = 16 << 10    // larger writes have a goroutine of their own
	firstPause    = 10 * time.Millisecond
	longestPause  = 500 * time.Millisecond
)

// connection is one of the run's loops. It uses one network connection after
// another, or the same one throughout.
type connection struct {
	run    *run
	since  atomic.Int64 // what is awaited has been since then; 0: nothing is
	mu     sync.Mutex   // held to replace conn, and to interrupt it
	conn   net.Conn
	writer *writer // of large requests; started when first needed

	answer     framer
	buffer     []byte
	start, end int   // octets not yet consumed: buffer[start:end]
	filled     bool  // the last read filled the buffer
	seen       int64 // the run's clock at the last event on the connection
	measured   bool  // the requests in hand belong to the interval
	owed       int   // requests granted that still have to be sent
	connected  bool  // at least once

	samples  [128]sample
	recorded int
	counts   counts
	waited   waited
}

func newConnection(r *run) *connection {
	return &connection{run: r, buffer: make([]byte, firstBuffer), answer: newFramer(r.config, r.destination.fastCGI)}
}

// work is the loop: ask for leave, connect if there is no connection, send,
// read, again.
func (c *connection) work(ctx context.Context) {
	defer c.leave()
	pause := firstPause
	c.seen = c.run.clock()
	for {
		n := c.owed
		c.owed = 0
		switch {
		case n == 0:
			n, c.measured = c.run.take(c.run.config.Pipeline, c.seen)
		case c.run.canceled.Load() || c.seen >= c.run.end.Load():
			c.counts.abandoned += uint64(n)
			return
		}
		if n == 0 {
			return
		}
		if c.conn == nil && !c.connect(ctx) {
			if ctx.Err() != nil {
				c.counts.abandoned += uint64(n)
				return
			}
			c.owed = n - 1
			wait(pause, ctx.Done(), nil)
			pause = min(2*pause, longestPause)
			c.seen = c.run.clock()
			continue
		}
		pause = firstPause
		c.exchange(n)
	}
}

// connect makes c.conn, or counts the failure. With Config.Close the time that
// it takes belongs to the request.
func (c *connection) connect(ctx context.Context) bool {
	began := c.run.clock()
	conn, err := c.dial(ctx)
	if err != nil {
		if ctx.Err() == nil {
			c.run.tally.fail(Connect, 1, c.measured, err)
		}
		return false
	}
	c.mu.Lock()
	c.conn = conn
	c.mu.Unlock()
	if c.run.canceled.Load() { // maybe just before there was something to interrupt
		c.interrupt()
	}
	c.connected = true
	c.counts.connects++
	c.start, c.end = 0, 0
	c.answer.next()
	if c.seen = began; !c.run.config.Close {
		c.seen = c.run.clock()
	}
	return true
}

// dial tries every address of the host, beginning with the one that answered
// last.
func (c *connection) dial(ctx context.Context) (net.Conn, error) {
	limited, cancel := c.limit(ctx)
	defer cancel()
	r := c.run
	if r.destination.network == "unix" {
		return r.dialer.DialContext(limited, "unix", r.destination.address)
	}
	var problems []error
	first := int(r.good.Load())
	for i := range r.addresses {
		at := (first + i) % len(r.addresses)
		conn, err := r.dialer.DialTCP(limited, "tcp", netip.AddrPort{}, r.addresses[at])
		if err == nil {
			if i > 0 {
				r.good.Store(int32(at))
			}
			return conn, nil
		}
		problems = append(problems, err)
	}
	return nil, errors.Join(problems...)
}

// limit bounds the time to connect. Once a connection has been made, the bound
// is a deadline alone, which a server that stopped listening to us can make ctx
// wait for: a context that can be cancelled costs a goroutine per connection.
func (c *connection) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline := time.Now().Add(c.run.config.Timeout)
	if !c.connected {
		return context.WithDeadline(ctx, deadline)
	}
	return deadlineOnly{ctx, deadline}, func() {}
}

// deadlineOnly is a context that cannot be cancelled before its deadline.
type deadlineOnly struct {
	context.Context
	deadline time.Time
}

func (d deadlineOnly) Deadline() (time.Time, bool) { return d.deadline, true }
func (d deadlineOnly) Done() <-chan struct{}       { return nil }

// drop closes the network connection; the next request makes a new one.
func (c *connection) drop() {
	c.mu.Lock()
	conn := c.conn
	c.conn = nil
	c.mu.Unlock()
	if conn != nil {
		_ = conn.Close() // nothing that was written is still wanted
	}
}

// leave ends the connection's part in the run.
func (c *connection) leave() {
	c.drop()
	if c.writer != nil {
		c.writer.stop()
	}
	c.run.tally.deliver(c.samples[:c.recorded], &c.counts)
	c.run.tally.leave(c.waited)
	c.recorded = 0
}

// overdue says whether what is awaited should have come by now.
func (c *connection) overdue(now int64) bool {
	since := c.since.Load()
	return since != 0 && now-since >= c.run.timeout
}

// interrupt wakes the loop out of a read or write. It may come late, when the
// loop waits for something else already: the loop looks at the clock itself.
func (c *connection) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		_ = c.conn.SetDeadline(time.Unix(1, 0)) // fails on a closed connection, which wakes too
	}
}

// resume is asked after an interrupt: nil if it was for something that is over
// and reading and writing may go on, else why they may not.
func (c *connection) resume(conn net.Conn) error {
	if c.overdue(c.run.clock()) {
		return &failure{Timeout, errOverdue}
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return err
	}
	// After the deadline, not before: an interrupt in between would be lost.
	if c.run.canceled.Load() {
		return errCanceled
	}
	return nil
}
