package load

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// exchange sends n requests in one write and reads their answers.
func (c *connection) exchange(n int) {
	began := c.seen
	c.since.Store(max(began, 1))
	octets := c.run.octets[:n*c.run.one]
	apart := len(octets) > inlineWrite
	var sent error
	if apart {
		c.writeApart(octets)
	} else {
		sent = c.send(c.conn, octets)
	}
	if sent == nil || isHangup(sent) { // a peer that closed may have said why
		c.readAnswers(n, began)
	} else {
		c.fail(n, sent)
	}
	if apart {
		sent = <-c.writer.done
	}
	if sent != nil && c.conn != nil { // all answers are in, and the connection was to stay
		c.failAfter(sent)
	}
}

// readAnswers reads n answers, and the close if one was announced or asked
// for. It drops the connection unless it can be used again.
func (c *connection) readAnswers(n int, began int64) {
	for answered := 0; answered < n; answered++ {
		c.answer.next()
		if err := c.readAnswer(); err != nil {
			c.fail(n-answered, err)
			c.wait(began, false)
			return
		}
		o := c.answer.outcome()
		c.record(began, o)
		if o.closes || c.run.config.Close {
			// What was pipelined behind it was not looked at (RFC 9112 section 9.6).
			c.owed = n - answered - 1
			c.counts.resent += uint64(c.owed)
			c.readEnd()
			return
		}
	}
	if c.start < c.end {
		c.fail(1, c.unexpected())
	}
}

// readAnswer reads until the answer is whole.
func (c *connection) readAnswer() error {
	for {
		if c.start < c.end {
			n, whole, err := c.answer.advance(c.buffer[c.start:c.end])
			c.start += n
			if err != nil {
				return &failure{Framing, err}
			}
			if whole {
				return nil
			}
		}
		err := c.fill()
		switch {
		case err == nil:
		case err == io.EOF:
			whole, err := c.answer.eof()
			if whole {
				return nil
			}
			return &failure{hangupKind(err), err}
		case isHangup(err):
			if c.answer.outcome().begun {
				return &failure{Early, err}
			}
			return &failure{Lost, err}
		default:
			return err
		}
	}
}

func hangupKind(err error) Kind {
	if err == errLost {
		return Lost
	}
	return Early
}

// readEnd waits for the end of file behind the last answer of a connection,
// and drops it.
func (c *connection) readEnd() {
	defer c.drop()
	if c.start < c.end {
		c.fail(1, c.unexpected())
		return
	}
	c.since.Store(max(c.seen, 1))
	err := c.fill()
	var overdue *failure
	switch {
	case err == nil:
		c.fail(1, c.unexpected())
	case err == io.EOF:
	case isHangup(err) && c.owed > 0:
		// The peer threw away requests that it had announced not to look at.
	case isHangup(err):
		c.fail(1, &failure{Lingering, err})
	case errors.As(err, &overdue) && overdue.kind == Timeout:
		c.fail(1, &failure{Lingering, errors.New("the connection was not closed within the timeout")})
	default:
		c.failAfter(err)
	}
}

// failAfter counts a failure found when the answers were in already: a run
// that ended early has none to abandon then.
func (c *connection) failAfter(err error) {
	if errors.Is(err, errCanceled) {
		c.drop()
		return
	}
	c.fail(1, err)
}

func (c *connection) unexpected() error {
	return &failure{Unexpected, malformed("octets nobody asked for", c.buffer[c.start:c.end])}
}

// fail counts err against one of n requests and the others as lost, and drops
// the connection.
func (c *connection) fail(n int, err error) {
	defer c.drop()
	if errors.Is(err, errCanceled) {
		c.counts.abandoned += uint64(n)
		return
	}
	kind := Read
	var known *failure
	if errors.As(err, &known) {
		kind, err = known.kind, known.cause
	}
	c.run.tally.fail(kind, 1, c.measured, err)
	if n > 1 {
		c.run.tally.fail(Lost, n-1, c.measured, err)
	}
}

// record counts the answer that has just become whole.
func (c *connection) record(began int64, o outcome) {
	c.wait(began, o.refused == nil)
	if o.refused != nil {
		c.run.tally.fail(Refused, 1, c.measured, o.refused)
		return
	}
	begin, end := c.run.begin.Load(), c.run.end.Load()
	if c.seen >= begin && c.seen < end {
		c.counts.inside++
	}
	if c.measured {
		c.samples[c.recorded] = sample{(c.seen - began) / 1000, int16(o.status)}
		c.recorded++
		if c.seen >= end {
			c.counts.tail++
		}
		if c.recorded == len(c.samples) {
			c.run.tally.deliver(c.samples[:], &c.counts)
			c.recorded = 0
		}
	} else {
		c.counts.warm++
	}
	if want := c.run.config.ExpectStatus; want != o.status && (want != 0 || o.status >= 500) {
		c.run.tally.fail(Status, 1, c.measured, statusError(o.status))
	}
	if o.differs {
		c.run.tally.fail(Content, 1, c.measured, contentError(o.size))
	}
	if o.failed != nil {
		c.run.tally.fail(Failed, 1, c.measured, o.failed)
	}
}

// fill reads once, behind what is in the buffer. The error is io.EOF, one for
// isHangup, errCanceled, or a *failure.
func (c *connection) fill() error {
	switch {
	case c.start == c.end:
		c.start, c.end = 0, 0
		if c.filled && len(c.buffer) < bodyBuffer {
			c.buffer = make([]byte, 2*len(c.buffer))
		}
	case c.end == len(c.buffer) && c.start > 0:
		c.end = copy(c.buffer, c.buffer[c.start:c.end])
		c.start = 0
	case c.end == len(c.buffer) && len(c.buffer) < largestBuffer:
		c.buffer = append(c.buffer, make([]byte, len(c.buffer))...)
	}
	for {
		n, err := c.conn.Read(c.buffer[c.end:])
		c.seen = c.run.clock()
		if n > 0 {
			c.end += n
			c.filled = c.end == len(c.buffer)
			c.counts.read += uint64(n)
			return nil
		}
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			if err := c.resume(c.conn); err != nil {
				return err
			}
		case err == io.EOF || isHangup(err):
			return err
		default:
			return &failure{Read, err}
		}
	}
}

// send writes all octets. The error is as that of fill, but never io.EOF.
func (c *connection) send(conn net.Conn, octets []byte) error {
	c.counts.written += uint64(len(octets))
	for len(octets) > 0 {
		n, err := conn.Write(octets)
		octets = octets[n:]
		switch {
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded):
			if err := c.resume(conn); err != nil {
				return err
			}
		case isHangup(err):
			return err
		default:
			return &failure{Write, err}
		}
	}
	return nil
}

// isHangup says whether the peer closed or reset the connection.
func isHangup(err error) bool {
	const wsaConnAborted, wsaConnReset = syscall.Errno(10053), syscall.Errno(10054) // Windows
	var number syscall.Errno
	if !errors.As(err, &number) {
		return false
	}
	switch number {
	case syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED, wsaConnAborted, wsaConnReset:
		return true
	}
	return false
}
