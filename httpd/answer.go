package httpd

import (
	"bytes"
	"io"
	"os"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/internal/accesslog"
	"github.com/bident/bident/internal/gate"
)

// answerCopied is the size of bodies that are copied behind their head; longer
// ones are sent from where they are.
const answerCopied = 16 << 10

// section is a body that is a part of a file, which the kernel can send by itself.
type section interface {
	Section() (f *os.File, offset, length int64)
}

// answer sends the answer to the request in hand, or gathers it with others while
// more requests are there already, and gets ready for the next one. It reports
// whether the connection can carry that.
func (c *conn) answer(resp *fasthttp.Response) (more bool) {
	if c.web != nil {
		return c.reply(resp)
	}
	d := c.desk
	away := d.job.away
	switch {
	case away != nil && away.silent:
		if c.front.access != nil {
			c.chronicle(fasthttp.StatusSwitchingProtocols, nil, accesslog.Closed)
		}
		c.giveAway(away.to)
		return false
	case d.job.broken:
		_ = c.flush()
		if c.front.access != nil {
			c.chronicle(0, nil, accesslog.Aborted)
		}
		c.drop() // cut, as the handler wants it
		return false
	}
	last := c.last(resp)
	bodiless := c.prepare(resp, &last)
	if c.front.ids != nil {
		c.label(resp)
	}
	d.out = append(d.out, resp.Header.Header()...)
	d.record.body = c.position()
	var err error
	switch {
	case bodiless && d.job.reader != nil:
		err = c.stopStream(d.job.reader.(streamReader))
	case d.job.reader != nil:
		err = c.sendStream(resp, d.job.reader)
		if e := d.job.reader.Close(); err == nil {
			err = e
		}
	case !resp.IsBodyStream():
		if !bodiless {
			err = c.sendBody(resp.Body())
		}
	case bodiless:
		if s, ok := resp.BodyStream().(streamReader); ok {
			err = c.stopStream(s)
		}
		if e := resp.CloseBodyStream(); err == nil {
			err = e
		}
	default:
		err = c.sendStream(resp, resp.BodyStream())
		if e := resp.CloseBodyStream(); err == nil {
			err = e
		}
	}
	if err != nil {
		c.logged(resp, accesslog.Aborted)
		c.drop() // a lane may still be producing the answer
		return false
	}
	if away != nil {
		c.logged(resp, accesslog.Closed)
		c.giveAway(away.to)
		return false
	}
	if last && c.sock != nil {
		c.sock.last = true
	}
	timed := c.writeBy.Load() != 0
	if timed || c.front.access != nil && (last || d.r+d.size == d.w) {
		// For the log it would be too early: nothing else is going to be
		// gathered, and the answer is complete when it was sent.
		if err := c.flush(); err != nil {
			c.logged(resp, accesslog.Aborted)
			return false
		}
	}
	if timed {
		c.writeBy.Store(0)
		_ = c.Conn.SetWriteDeadline(time.Time{})
	}
	if last {
		c.logged(resp, accesslog.Closed)
	} else {
		c.logged(resp, accesslog.Kept)
	}
	d.clear()
	if d.r += d.size; d.r == d.w {
		d.r, d.w = 0, 0
	}
	if last {
		if c.flush() == nil && (d.unread || d.r < d.w || readable(c.Conn) || c.secure && !d.head.Close && c.dismissed()) {
			c.sink()
		}
		return false
	}
	return true
}

// dismissed reports whether it is the front that wants no more requests: a client that
// could have sent more may just do that.
func (c *conn) dismissed() bool { return c.front.draining.Load() || c.front.parting.Load() }

// logged writes the line of an answered request, if there is an access log.
func (c *conn) logged(resp *fasthttp.Response, state accesslog.Connection) {
	if c.front.access != nil {
		c.chronicle(resp.StatusCode(), resp, state)
	}
}

// last reports whether the connection ends with this answer.
func (c *conn) last(resp *fasthttp.Response) bool {
	d := c.desk
	switch {
	case d.head.Close, resp.ConnectionClose():
		return true
	case c.ending || c.dismissed() && (c.secure || !c.movable()):
		return d.r+d.size == d.w && c.file == nil // what was read already is answered, too
	}
	// Peek costs more than all of the above, and most answers have no fields but
	// those that fasthttp keeps elsewhere.
	return len(*responseFields.of(&resp.Header)) > 0 && listsClose(resp.Header.Peek(fasthttp.HeaderConnection))
}

// listsClose reports whether a Connection field has the option close among others
// (RFC 9110, section 7.6.1).
func listsClose(field []byte) bool {
	for len(field) > 0 {
		option, rest, _ := bytes.Cut(field, []byte{','})
		field = rest
		if equalFold(bytes.Trim(option, " \t"), "close") {
			return true
		}
	}
	return false
}

// prepare makes the head say how the body ends, as the client's version of the
// protocol and the request ask for. bodiless says that there is none (RFC 9110,
// section 6.4.1).
func (c *conn) prepare(resp *fasthttp.Response, last *bool) (bodiless bool) {
	d := c.desk
	h := &resp.Header
	old := d.head.Minor == 0
	stream := resp.IsBodyStream() || d.job.reader != nil
	switch status := resp.StatusCode(); {
	case bodilessStatus(status):
		bodiless = true
		h.Del(fasthttp.HeaderTransferEncoding)
		if status != fasthttp.StatusNotModified {
			h.Del(fasthttp.HeaderContentLength)
		}
	case status == fasthttp.StatusResetContent:
		// RFC 9110, section 15.3.6: it says that nothing follows.
		bodiless = true
		h.Del(fasthttp.HeaderTransferEncoding)
		h.SetContentLength(0)
	case resp.SkipBody || d.isHead:
		bodiless = true
		if !stream {
			if n := len(resp.Body()); n > 0 || h.ContentLength() == 0 {
				h.SetContentLength(n)
			}
		}
		if old {
			h.Del(fasthttp.HeaderTransferEncoding)
		}
	case !stream:
		h.SetContentLength(len(resp.Body()))
	case h.ContentLength() < 0 && old:
		// RFC 9112, section 6.1: no chunks for a client that does not know
		// them. The body ends where the connection does.
		h.Del(fasthttp.HeaderTransferEncoding)
		h.SetContentLength(-2)
		*last = true
	}
	switch {
	case *last:
		h.SetConnectionClose()
	case d.head.KeepAlive && old:
		h.Set(fasthttp.HeaderConnection, "keep-alive")
	}
	return bodiless
}

// bodilessStatus reports whether answers with that status have no body (RFC 9110,
// section 6.4.1).
func bodilessStatus(status int) bool {
	return status < 200 || status == fasthttp.StatusNoContent || status == fasthttp.StatusNotModified
}

// stopStream makes a lane stop producing a body that the answer cannot have, and
// waits until it has let go of the request.
func (c *conn) stopStream(s streamReader) error {
	if err := c.flush(); err != nil {
		return err
	}
	c.enter(phaseBusy)
	s.w.stop()
	return nil
}

// stop makes the next Write fail, and returns when the lane is through with the
// request.
func (w *StreamWriter) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.moved.Broadcast()
	for !w.released {
		w.moved.Wait()
	}
}

// sendBody sends a body that is there.
func (c *conn) sendBody(body []byte) error {
	d := c.desk
	if len(body) <= answerCopied {
		d.out = append(d.out, body...)
		if len(d.out) >= deskMost {
			return c.flush()
		}
		return nil
	}
	d.pair = [2][]byte{d.out, body[:min(len(body), sendPiece)]}
	first := len(d.pair[1])
	c.enter(phaseWrite)
	for d.both = d.pair[:]; len(d.both) > 0; {
		n, err := d.both.WriteTo(c.Conn)
		c.put += n
		if err != nil {
			if err = c.unsent(err); err != nil {
				return err
			}
		}
	}
	d.out, d.pair = d.out[:0], [2][]byte{}
	return c.send(body[first:])
}

// sendStream sends a body that is not in memory: a part of a file, or what a lane
// produces.
func (c *conn) sendStream(resp *fasthttp.Response, body io.Reader) error {
	if s, ok := body.(section); ok {
		return c.sendSection(s)
	}
	if err := c.flush(); err != nil {
		return err
	}
	length := resp.Header.ContentLength()
	if length == -1 {
		return c.sendChunks(resp, body)
	}
	if cap(c.desk.out) < answerCopied {
		c.desk.out = make([]byte, 0, answerCopied)
	}
	buf := c.desk.out[:cap(c.desk.out)]
	for {
		// Not more than was announced: the client would take it for the next
		// answer. One octet beyond says whether that was right.
		if length >= 0 && len(buf) > length {
			buf = buf[:max(length, 1)]
		}
		c.enter(phaseBusy) // it is not the client who is waited for
		n, err := body.Read(buf)
		if length == 0 && n > 0 {
			return errStreamLong
		}
		if e := c.send(buf[:n]); e != nil {
			return e
		}
		if length > 0 {
			length -= n
		}
		switch {
		case err == io.EOF && length > 0:
			return io.ErrUnexpectedEOF
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// chunkHead is the room for the line before a chunk: a size of eight digits.
const chunkHead = 10

// sendChunks sends a body whose length is not known (RFC 9112, section 7.1), each
// piece when it is there.
func (c *conn) sendChunks(resp *fasthttp.Response, body io.Reader) error {
	d := c.desk
	if cap(d.out) < answerCopied {
		d.out = make([]byte, 0, answerCopied)
	}
	buf := d.out[:cap(d.out)]
	var line [chunkHead]byte
	for {
		c.enter(phaseBusy)
		n, err := body.Read(buf[chunkHead : len(buf)-2])
		if n > 0 {
			copy(buf[chunkHead+n:], "\r\n")
			size := gate.AppendChunkSize(line[:0], n)
			from := chunkHead - copy(buf[chunkHead-len(size):], size)
			d.record.framing += int64(len(size) + 2)
			if e := c.send(buf[from : chunkHead+n+2]); e != nil {
				return e
			}
		}
		if err == io.EOF {
			d.out = append(d.out[:0], "0\r\n"...)
			if s, ok := body.(streamReader); ok && s.w.trailer != nil {
				d.out = append(append(d.out, s.w.trailer...), "\r\n"...)
			} else {
				d.out = append(d.out, resp.Header.TrailerHeader()...)
			}
			d.record.framing += int64(len(d.out))
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// sectionPiece is how much of a file is sent at a time: what counts as progress
// of a slow client.
const sectionPiece = 512 << 10

// sendSection lets the kernel send a part of a file.
func (c *conn) sendSection(s section) error {
	if err := c.flush(); err != nil {
		return err
	}
	f, offset, length := s.Section()
	for length > 0 {
		// Each time: what was read last may not have been sent.
		if _, err := f.Seek(offset, io.SeekStart); err != nil {
			return err
		}
		c.enter(phaseWrite)
		n, err := io.Copy(c.Conn, io.LimitReader(f, min(length, sectionPiece)))
		c.put += n
		offset, length = offset+n, length-n
		switch {
		case err == nil && n == 0:
			return io.ErrUnexpectedEOF // the file has become shorter
		case err == nil:
		default:
			if err = c.unsent(err); err != nil {
				return err
			}
		}
	}
	return nil
}
