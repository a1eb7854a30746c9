package fcgi

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// upload is the sending half of an exchange. It is done when start returns,
// or by one goroutine that start makes and join waits for.
type upload struct {
	wg        sync.WaitGroup
	started   bool        // a goroutine is sending
	sent      atomic.Bool // the whole request is written
	begun     bool        // an octet of it is written; read it after join
	inlineErr error       // of the write in start
	bodyErr   error       // of the body's reader; read it after join

	rest []byte // of Client.out, for the goroutine
	head [2 * HeaderLen]byte
	vec  [3][]byte
	bufs net.Buffers
}

// errUploadEnded makes the sending goroutine leave after an abort.
var errUploadEnded = errors.New("fcgi: upload ended by an abort")

// start sends the request, or makes a goroutine that does. The error is one of
// this side (see interrupted); what the peer did is for the reader to find.
func (c *Client) start(gathered bool) error {
	u := &c.upload
	u.inlineErr, u.bodyErr = nil, nil
	u.sent.Store(false)
	u.begun = false
	c.mu.Lock()
	c.answered = false
	b := c.out.b
	if gathered {
		n := 0
		if c.desc != nil {
			n, u.inlineErr = c.desc.write(b)
		} else if len(b) <= blindWriteLen {
			n, u.inlineErr = c.conn.Write(b)
		}
		b = b[n:]
		u.begun = n > 0
		if u.inlineErr != nil || len(b) == 0 {
			u.sent.Store(u.inlineErr == nil)
			c.unlock()
			if interrupted(u.inlineErr) {
				return u.inlineErr
			}
			return nil
		}
	}
	// mu goes to the goroutine, because the write may have stopped inside a
	// record.
	u.rest, u.started = b, true
	u.wg.Add(1)
	go c.send(!gathered)
	return nil
}

// join waits for the sending goroutine, if there is one, and makes it end if
// the answer was faster than the request.
func (c *Client) join() {
	u := &c.upload
	if !u.started {
		return
	}
	cut := !u.sent.Load()
	if cut {
		// A failure to set the deadline means that the connection is closed,
		// which ends writes as well.
		_ = c.conn.SetWriteDeadline(past)
		if c.src != nil && c.stop != nil {
			c.stop()
		}
	}
	u.wg.Wait()
	u.started, u.rest = false, nil
	if cut && u.sent.Load() {
		_ = c.conn.SetWriteDeadline(time.Time{})
	}
}

// send is the sending goroutine. It begins with mu held.
func (c *Client) send(streams bool) {
	u := &c.upload
	defer u.wg.Done()
	n, err := c.conn.Write(u.rest)
	u.begun = u.begun || n > 0
	c.unlock()
	if err == nil && streams && c.role != RoleAuthorizer {
		if c.src != nil {
			err = c.sendReader()
		} else {
			err = c.sendOctets(TypeStdin, c.body)
		}
	}
	if err == nil && streams && c.role == RoleFilter {
		err = c.sendOctets(TypeData, c.data)
	}
	if u.bodyErr == nil {
		err = c.sendAbort(err)
	}
	if u.bodyErr != nil || interrupted(err) {
		// The answer may never come: wake whoever waits for it.
		_ = c.conn.SetReadDeadline(past)
	}
}

// sendAbort settles how sending ended, err being why. An abort that found no
// room is written now, with waiting; none is left behind unseen, because sent
// changes under mu and aborting is looked at once more after that.
func (c *Client) sendAbort(err error) error {
	u := &c.upload
	for {
		c.mu.Lock()
		if (err == nil || err == errUploadEnded) && c.aborting.CompareAndSwap(abortWanted, abortWritten) {
			if _, werr := c.conn.Write(c.abort[:]); werr != nil {
				err = werr
			}
		}
		u.sent.Store(err == nil)
		c.mu.Unlock()
		if err != nil || c.aborting.Load() != abortWanted {
			return err
		}
	}
}

// sendOctets writes a whole stream, its end in the same call as its last
// octets.
func (c *Client) sendOctets(t Type, p []byte) error {
	for {
		n := min(len(p), MaxContent)
		if err := c.sendRecord(t, p[:n], n == len(p)); err != nil {
			return err
		}
		if p = p[n:]; len(p) == 0 {
			return nil
		}
	}
}

// sendRecord writes one record, nothing if p is empty, and the stream's end if
// it is the last.
func (c *Client) sendRecord(t Type, p []byte, last bool) error {
	u := &c.upload
	u.bufs = u.vec[:0]
	h := u.head[:0]
	if len(p) > 0 {
		h = AppendHeader(h, Header{Type: t, ID: c.id, Length: uint16(len(p))})
		u.bufs = append(u.bufs, h, p)
	}
	if last {
		n := len(h)
		h = AppendStreamEnd(h, t, c.id)
		u.bufs = append(u.bufs, h[n:])
	}
	c.mu.Lock()
	defer c.unlock()
	if c.aborting.Load() != abortNot {
		return errUploadEnded
	}
	_, err := u.bufs.WriteTo(c.conn)
	u.vec = [3][]byte{}
	return err
}

// sendReader writes the body's reader as FCGI_STDIN, each piece as it comes.
func (c *Client) sendReader() error {
	k := getBlock()
	defer putBlock(k)
	piece := k.b[:cap(k.b)]
	left := c.srcLen
	for empty := 0; ; {
		if left == 0 {
			return c.sendRecord(TypeStdin, nil, true)
		}
		if left > 0 {
			piece = piece[:min(int64(len(piece)), left)]
		}
		n, err := c.src.Read(piece[:min(len(piece), MaxContent)])
		if left > 0 {
			left -= int64(n)
		}
		if n > 0 || left == 0 {
			empty = 0
			if err := c.sendRecord(TypeStdin, piece[:n], left == 0); err != nil || left == 0 {
				return err
			}
		} else if empty++; err == nil && empty == 100 {
			err = io.ErrNoProgress
		}
		switch {
		case err == io.EOF && left < 0:
			return c.sendRecord(TypeStdin, nil, true)
		case err != nil:
			c.upload.bodyErr = unexpected(err)
			// The program learns that no more will come, if it is reading; the
			// caller, who must close the connection, learns why from Do.
			_ = c.Abort()
			return c.upload.bodyErr
		}
	}
}
