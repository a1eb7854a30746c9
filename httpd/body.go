package httpd

import (
	"bufio"
	"bytes"
	"errors"

	"github.com/valyala/fasthttp"
)

// bodyInPlace is the size of bodies that are read into the desk's buffer, behind
// their head.
const bodyInPlace = 16 << 10

// continues is the interim response of RFC 9110, section 15.2.1.
const continues = "HTTP/1.1 100 Continue\r\n\r\n"

// readBody reads the body of the request. It answers a request whose body is too
// long, malformed or too slow, or for which the queue has no place: then the body
// need not be sent at all.
func (c *conn) readBody() bool {
	d, f := c.desk, c.front
	h := &d.head
	if h.Length > int64(d.most) {
		return c.refuse(fasthttp.StatusRequestEntityTooLarge, "content too large")
	}
	there := h.Length > 0 && int64(d.w-d.r-h.Size) >= h.Length
	if !there {
		if err := d.queue.Admits(); err != nil {
			if f.refused(err); d.queue.Closed() && (c.departUnread() || c.endsUnanswered()) {
				_ = c.flush() // the connection ends, and with it the error
				return false
			}
			d.head.Close, d.unread = true, true
			d.size = d.w - d.r
			c.overload()
			return c.answer(&d.ctx.Response)
		}
		if h.Continue && d.w-d.r == h.Size && c.file == nil {
			d.out = append(d.out, continues...)
		}
		c.enter(phaseBody)
	}
	var err error
	switch {
	case h.Length < 0:
		return c.readChunks()
	case h.Length <= bodyInPlace:
		end := h.Size + int(h.Length)
		for d.fit(end); err == nil && d.w-d.r < end; {
			c.enter(phaseBody)
			err = c.fill(phaseBody)
		}
		if err == nil {
			d.size = end
			d.ctx.Request.SetBodyRaw(d.in[d.r+h.Size : d.r+end])
			return true
		}
	default:
		if err = c.readLong(h.Length); err == nil {
			return c.takeBody()
		}
	}
	return c.brokenBody(err)
}

// readLong reads a body of that length into the spool.
func (c *conn) readLong(length int64) error {
	d := c.desk
	if err := d.body.reset(length); err != nil {
		return err
	}
	have := min(int64(d.w-d.r-d.head.Size), length)
	if err := d.body.write(d.in[d.r+d.head.Size:][:have]); err != nil {
		return err
	}
	// The head is done with, but for its slices, which the gate has made.
	d.size += int(have)
	from := d.r + d.size
	if len(d.in)-from < deskMost/2 {
		in := make([]byte, from+deskMost)
		copy(in, d.in[:d.w])
		d.in = in
	}
	for have < length {
		d.w = from
		c.enter(phaseBody)
		if err := c.fill(phaseBody); err != nil {
			return err
		}
		n := min(int64(d.w-from), length-have)
		if err := d.body.write(d.in[from:][:n]); err != nil {
			return err
		}
		have += n
		if int64(d.w-from) > n {
			d.w = from + copy(d.in[from:], d.in[from+int(n):d.w])
			return nil
		}
		d.w = from
	}
	return nil
}

// readChunks reads a body that comes in chunks (RFC 9112, section 7.1).
func (c *conn) readChunks() bool {
	d, f := c.desk, c.front
	d.chunks.Reset(f.limits.MaxHeaderSize)
	if err := d.body.reset(0); err != nil {
		return c.brokenBody(err)
	}
	from := d.r + d.size // where the octets are read to that come next
	at := from
	moved := true // there was more of the body since the client was waited for
	for {
		data, n, done, bad := d.chunks.Next(d.in[at:d.w])
		if bad != nil {
			return c.refuse(bad.Status, bad.Reason)
		}
		if d.body.size()+int64(len(data)) > int64(d.most) {
			return c.refuse(fasthttp.StatusRequestEntityTooLarge, "content too large")
		}
		if err := d.body.write(data); err != nil {
			return c.brokenBody(err)
		}
		at += n
		moved = moved || len(data) > 0
		switch {
		case done:
			d.size = at - d.r
			return c.takeBody() && c.takeTrailer()
		case n > 0:
			continue
		}
		// What is left is the beginning of a line.
		d.w = from + copy(d.in[from:], d.in[at:d.w])
		at = from
		if len(d.in)-d.w < deskIn/2 { // a long head would leave room for a few octets at a time
			in := make([]byte, 2*len(d.in))
			copy(in, d.in)
			d.in = in
		}
		// Chunk extensions and trailers are no progress, or they could go on
		// for ever.
		if moved {
			c.enter(phaseBody)
			moved = false
		}
		if err := c.fill(phaseBody); err != nil {
			return c.brokenBody(err)
		}
	}
}

// takeBody gives the spooled body to the handler's context.
func (c *conn) takeBody() bool {
	d := c.desk
	octets, err := d.body.octets()
	if err != nil {
		return c.brokenBody(err)
	}
	d.ctx.Request.SetBodyRaw(octets)
	d.job.file, d.job.size = d.body.file, d.body.stored
	if d.head.Length < 0 {
		// To the handler it is a body like any other.
		d.ctx.Request.Header.SetContentLength(len(octets))
	}
	return true
}

// takeTrailer adds the trailer fields of a chunked body to the header, where
// fasthttp has them.
func (c *conn) takeTrailer() bool {
	d := c.desk
	t := d.chunks.Trailer()
	if len(t) == 0 {
		return true
	}
	d.job.trailer = t
	if addTrailer(&d.ctx.Request.Header, t) != nil {
		return c.refuse(fasthttp.StatusBadRequest, "malformed trailer section")
	}
	return true
}

// addTrailer adds the fields of a trailer section to a header.
func addTrailer(h *fasthttp.RequestHeader, t []byte) error {
	section := make([]byte, 0, len(t)+2)
	section = append(append(section, t...), "\r\n"...)
	return h.ReadTrailer(bufio.NewReaderSize(bytes.NewReader(section), len(section)+1))
}

// brokenBody ends a request whose body does not come to its end.
func (c *conn) brokenBody(err error) bool {
	switch {
	case errors.Is(err, errSlow):
		return c.refuse(fasthttp.StatusRequestTimeout, "the body of the request took too long")
	case errors.Is(err, errSpoolFull):
		c.desk.head.Close, c.desk.unread = true, true
		c.desk.size = c.desk.w - c.desk.r
		c.overload()
		return c.answer(&c.desk.ctx.Response)
	case errors.Is(err, errSpool):
		c.front.log.Error("cannot keep the body of a request", "error", err)
		return c.refuse(fasthttp.StatusInsufficientStorage, "no room for the body of the request")
	}
	return false // the client has left
}
