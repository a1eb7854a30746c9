package httpd

import (
	"errors"
	"io"
	"net"
	"os"
	"time"

	"github.com/bident/bident/internal/ferry"
	"github.com/bident/bident/internal/gate"
)

// errDeparted ends the life of a connection here, since another process has it.
var errDeparted = errors.New("httpd: connection given away")

// parcelUnread is how many octets travel in memory; more of them go into a file.
const parcelUnread = 64 << 10

// movable reports whether another process could take the connection. One with TLS
// cannot travel, since its keys do not, and is relayed where it cannot be served.
func (c *conn) movable() bool {
	f := c.front
	return f.away != nil && !f.final.Load() && !c.stays && (!c.secure || c.relayable())
}

// leaves reports whether the connection is to depart at the next boundary of
// requests.
func (c *conn) leaves() bool { return c.front.draining.Load() && c.movable() }

// depart gives the connection to another process, with all that was read and not
// used. It is called where no request has begun. false: it stays, and is served or
// closed here.
func (c *conn) depart() (gone bool) {
	if c.fcgi {
		return c.departFCGI()
	}
	var unread []byte
	if d := c.desk; d != nil {
		unread = d.in[d.r:d.w]
	}
	return c.give(luggage{unread: unread})
}

// endsUnanswered reports whether a request that a child cannot begin any more, and that
// has not departed, is left without an answer: the connection is one that never could
// have, and clients send such requests again. One that was to go and could not is
// answered that nobody has time for it: the client could not know otherwise that the
// request has not begun, and after a POST it could not just try again.
func (c *conn) endsUnanswered() bool { return c.front.inChild && !c.stays }

// departUnread gives the connection away with the request whose head was read, and
// whose body was not.
func (c *conn) departUnread() (gone bool) {
	if !c.movable() {
		return false
	}
	c.requests-- // it is counted again where it begins
	if !c.depart() {
		c.requests++
		return false
	}
	return true
}

// departUnbegun gives the connection away with the request in hand, which was read
// and did not begin. It travels as it has come, but for a body that came in chunks,
// which is one chunk now, without extensions. The client may have been told to
// continue (RFC 9110, section 10.1.1): it is not told again, since the body is there.
func (c *conn) departUnbegun() (gone bool) {
	if c.fcgi {
		return c.departUnread() // which takes what has come of the body along
	}
	if !c.movable() {
		return false
	}
	c.requests--
	defer func() {
		if !gone {
			c.requests++
		}
	}()
	d := c.desk
	h := &d.head
	if h.Length >= 0 && h.Length <= bodyInPlace {
		return c.depart()
	}
	d.ctx.Request.ResetBody() // it may be mapped from a file that is about to be taken
	l := luggage{unread: append([]byte(nil), d.in[d.r:d.r+h.Size]...)}
	if h.Length < 0 {
		if n := d.body.size(); n > 0 {
			l.unread = gate.AppendChunkSize(l.unread, int(n))
			l.follow = append(l.follow, "\r\n"...)
		}
		l.follow = append(append(append(l.follow, "0\r\n"...), d.chunks.Trailer()...), "\r\n"...)
	}
	if l.file = d.body.take(); l.file == nil {
		l.unread = append(l.unread, d.body.buf...)
	} else {
		l.made = true
	}
	l.follow = append(l.follow, d.in[d.r+d.size:d.w]...)
	return c.give(l)
}

// luggage is what was read of a connection and not used, in this order.
type luggage struct {
	unread []byte
	file   *os.File
	made   bool // file is nobody else's
	follow []byte
}

// give gives the connection away. Answers that have gathered are sent before.
func (c *conn) give(l luggage) (gone bool) {
	f := c.front
	age := c.age(len(l.unread))
	if c.flush() != nil {
		return true // it is broken
	}
	socket := c.Conn
	if c.socket != nil {
		socket = c.socket.Conn
	}
	n := note{
		admitted: c.admitted, told: c.told || c.secure, last: c.ending || c.secure, fcgi: c.fcgi,
		opened: c.opened, requests: c.requests, age: age,
		rules: f.rulesMark, host: c.host,
	}
	switch {
	case c.before != nil:
		n = *c.before // it goes on as it has come
	case c.admitted && (c.secure || c.remote != socket.RemoteAddr()):
		n.source, n.target = ipOf(c.remote), ipOf(c.local)
	}
	err := c.pack(&l)
	var near net.Conn
	if err == nil {
		var parcel ferry.Parcel
		if c.secure {
			near, parcel.Conn, err = socketPair()
		} else {
			parcel.Conn, err = dupConn(socket)
		}
		if err == nil {
			parcel.Unread, parcel.File, parcel.Note = l.unread, l.file, n.encode()
			if err = f.away(parcel); err != nil {
				parcel.Conn.Close()
			}
		}
	}
	if err != nil {
		if near != nil {
			near.Close()
		}
		if l.made {
			l.file.Close()
		}
		c.stays = true
		f.log.Debug("cannot give a connection away", "client", c.remote.String(), "error", err)
		return false
	}
	if near != nil {
		f.migrated.Add(1)
		f.moved()
		c.relay(near)
		return true
	}
	// From here on it is the other process's: no more than the descriptor is
	// closed.
	c.detached = true
	if c.sock != nil {
		c.sock.forget()
	}
	socket.Close()
	if l.file == c.file {
		c.file = nil
	}
	c.dropFile()
	f.migrated.Add(1)
	f.moved()
	return true
}

// age is how long the connection has waited for what it waits for.
func (c *conn) age(unread int) time.Duration {
	seen := c.phase.Load()
	switch p := phase(seen & phaseMask); {
	case p == phaseNew, p == phaseHead, p == phaseIdle && unread == 0: // not the rest of a head
		return time.Duration(c.front.clock.Load()-seen>>phaseBits) * time.Millisecond
	}
	return 0
}

// pack adds what was read below the desk, or brought here and not read yet, and
// puts into a file what is too much for memory.
func (c *conn) pack(l *luggage) error {
	tail := l.follow
	if c.socket != nil && !c.secure {
		tail = append(tail, c.socket.read...)
	}
	switch {
	case l.file != nil:
		if _, err := l.file.Write(tail); err != nil {
			return err
		}
	default:
		l.unread = append(append(make([]byte, 0, len(l.unread)+len(tail)), l.unread...), tail...)
		if c.file != nil && c.fileAt == 0 {
			l.file = c.file
			return nil
		}
		if len(l.unread) <= parcelUnread && c.file == nil {
			return nil
		}
		file, err := unnamedFile()
		if err != nil {
			return err
		}
		l.file, l.made = file, true
		if len(l.unread) > parcelUnread {
			if _, err := file.Write(l.unread); err != nil {
				return err
			}
			l.unread = nil
		}
	}
	if c.file != nil {
		_, err := io.Copy(l.file, io.NewSectionReader(c.file, c.fileAt, c.fileSize-c.fileAt))
		return err
	}
	return nil
}

// take takes the file out of the spool, nil if the body is in memory.
func (s *spool) take() *os.File {
	f := s.file
	if f != nil {
		s.file = nil
		if s.mapped != nil {
			unmapFile(s.mapped)
		}
		s.front.bodyMemory.Add(-s.taken)
		s.front.bodyDisk.Add(-s.charged)
		*s = spool{front: s.front}
	}
	return f
}

// dupConn is another descriptor of a connection, which stays as it is.
func dupConn(c net.Conn) (*os.File, error) {
	raw := rawConn(c)
	if raw == nil {
		return nil, errors.ErrUnsupported
	}
	var file *os.File
	var failed error
	if err := raw.Control(func(fd uintptr) { file, failed = dupFile(fd) }); err != nil {
		return nil, err
	}
	return file, failed
}
