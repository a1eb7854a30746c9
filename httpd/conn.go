package httpd

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/bident/bident/pool"
)

// lingerRead is how long an idle connection is listened to once more before it
// is closed, for a request that is already on its way.
const lingerRead = 5 * time.Millisecond

// lingerFresh is the same for a connection that has not carried a request yet.
const lingerFresh = 100 * time.Millisecond

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// errSlow says that the client took longer than the limits allow.
var errSlow = errors.New("httpd: client too slow")

// conn is a client's connection, as the front owns it. It reads requests one
// after another at its desk, which it has only while there is something on it.
type conn struct {
	net.Conn
	front  *front
	secure bool            // net.Conn is a *tls.Conn
	raw    syscall.RawConn // nil if it cannot be read without waiting
	timing *pool.Timing    // where its requests are counted
	try    func(fd uintptr) bool
	tried  int // what try has read
	failed error

	socket        *readConn // below net.Conn, if something is read before HTTP
	remote, local net.Addr  // the client's, as far as a PROXY header tells
	peer          netip.AddrPort
	host          string // the name of peer, if it was looked up
	text          string // peer, once somebody has asked for it
	told          bool   // a PROXY header says that the client used TLS
	counted       netip.Addr
	desk          *desk
	phase         atomic.Int64
	id            uint64
	opened        time.Time
	writeBy       atomic.Int64 // when the handler wants the answer to be sent, or 0
	requests      uint64       // that it has carried, the one in hand among them
	got, put      int64        // octets read and written, under TLS those inside of it
	lingered      bool         // the last chance for a request on its way has been given
	detached      bool         // somebody else owns the connection now
	admitted      bool         // admit has let it in
	stays         bool         // it could not be given to another process
	ending        bool         // its next answer is the last one
	shaking       bool         // the TLS handshake is being done; guarded by front.mu
	fcgi          bool         // it speaks FastCGI, and not HTTP
	web           *webServer   // what it needs for that while there is something on it
	sitting       impatient    // below all, in a child that serves one at a time
	seated        time.Time    // when its turn began there
	came          int64        // what aged was then, -1 if that was for a request before
	retreated     bool         // its turn is over, and it is not counted any more

	// What has come with it from another process, if it has come from one.
	before           *note // nil once the client was admitted
	aged             int64 // milliseconds of its phase that have passed there
	file             *os.File
	fileAt, fileSize int64 // what was read of file, and its length

	// sampled is the write during which the sweeper has last looked how many
	// octets are pending.
	sampled int64
	pending int

	// Of a loop's connection only:
	sock    *socket     // net.Conn; nil for connections of other fronts
	hand    *hand       // that has it, nil if it is somebody else
	resting atomic.Bool // nobody has it
	missed  atomic.Bool // something has come while somebody had it
	again   bool        // there may be more to read than was read
	tail    bool        // and then the end
	gone    atomic.Pointer[func()]

	// shared: somebody beside the front may still have it when it is closed.
	shared     bool
	next, prev *conn // in the front's list
}

func newConn(f *front) *conn {
	c := &conn{front: f, timing: f.timings.Share()}
	c.try = c.tryRead
	return c
}

// open makes c the connection nc, which is to be secure or not. below: something is
// read before TLS or HTTP.
func (c *conn) open(nc net.Conn, secure, below bool) {
	c.remote, c.local = nc.RemoteAddr(), nc.LocalAddr()
	c.raw, c.socket, c.told, c.text = nil, nil, false, ""
	c.sitting, _ = nc.(impatient)
	if below {
		c.socket = &readConn{Conn: nc}
		nc = c.socket
	}
	if c.secure = secure; secure {
		nc = tls.Server(nc, c.front.tls)
	} else if c.sitting == nil {
		c.raw = rawConn(nc)
	}
	c.Conn = nc
	c.id = c.front.serial.Add(1)
	c.opened = time.Now()
	c.seated, c.came, c.retreated = c.opened, 0, false
	c.requests, c.lingered, c.detached, c.admitted = 0, false, false, false
	c.stays, c.shaking, c.ending, c.fcgi = false, false, false, false
	c.before, c.aged, c.file = nil, 0, nil
	c.got, c.put = 0, 0
	c.enter(phaseNew)
}

// run is the life of a connection.
func (c *conn) run() {
	if c.leaves() && c.depart() {
		return
	}
	if !c.admit() || c.secure && !c.handshake() {
		return
	}
	c.admitted = true
	if c.fcgi {
		c.runFCGI()
		return
	}
	// A connection that has come from another process may have brought octets.
	for c.desk != nil && c.desk.r < c.desk.w || c.await() == nil {
		for c.desk.r < c.desk.w {
			if c.leaves() && c.depart() || !c.request() {
				return
			}
		}
	}
}

// end closes the connection, unless it is somebody else's now.
func (c *conn) end() {
	if !c.detached {
		c.Conn.Close() // a client that does not get everything has been told or is gone
	}
	if d := c.desk; d != nil && d.used {
		d.clear() // the client has left in the middle: nobody else is to see what it sent
	}
	c.dropFile()
	if c.web != nil {
		c.hangUp()
	}
	c.leave()
}

// await waits for the first octets of the next request. Once the front drains it
// gives the connection away or ends it here, where no request has begun.
func (c *conn) await() error {
	if err := c.flush(); err != nil {
		return err
	}
	idle := phaseIdle
	if c.requests == 0 {
		idle = phaseNew
	}
	c.resume(idle)
	c.came = -1
	if c.pass() {
		return errDeparted
	}
	for {
		if c.front.draining.Load() {
			switch {
			case (!c.secure || c.requests == 0) && c.movable() && c.depart():
				return errDeparted
			case !c.lingered:
				c.lingered = true
				_ = c.Conn.SetReadDeadline(time.Now().Add(c.linger()))
			case c.file != nil || readable(c.Conn):
				// It came in the last moment. A read would say that the
				// deadline has passed before it looked.
				_ = c.Conn.SetReadDeadline(time.Time{})
			default:
				if n, ok := pending(c.Conn); ok && n > 0 && c.secure {
					c.sink() // the last answer is still on its way
				}
				return io.EOF
			}
		}
		n, err := c.idle()
		if n > 0 {
			if c.lingered {
				_ = c.Conn.SetReadDeadline(time.Time{})
			}
			return nil
		}
		switch {
		case err == nil:
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return err
		case c.overdue():
			return errSlow
		case !c.front.draining.Load():
			_ = c.Conn.SetReadDeadline(time.Time{}) // a late call of the sweeper's
		}
	}
}

// linger is how long to listen once more: longer if the client has just
// connected, since it has done so in order to ask something. With TLS it has paid
// for the handshake, nobody else can serve it, and it has the time of a first head.
func (c *conn) linger() time.Duration {
	switch f := c.front; {
	case c.requests > 0:
		return lingerRead
	case c.secure && !f.queue.Closed():
		return f.grace()
	}
	return lingerFresh
}

// wake makes a read that waits for the next request look at the front's state. A
// handshake could not go on after that, and has the time of a first head. The
// front's lock is held.
func (c *conn) wake() {
	switch {
	case c.wakeUp():
	case c.shaking:
		_ = c.Conn.SetReadDeadline(time.Now().Add(c.front.grace()))
	default:
		_ = c.Conn.SetReadDeadline(longAgo)
	}
}

// fill reads more of a request that has begun, in phase p; there must be room for
// it. Answers that have gathered are sent first: the client may wait for them.
func (c *conn) fill(p phase) error {
	if len(c.desk.out) > 0 {
		if err := c.flush(); err != nil {
			return err
		}
		c.enter(p)
	}
	for {
		n, err := c.more(p)
		switch {
		case n > 0:
			return nil
		case err == nil:
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return err
		case c.overdue():
			return errSlow
		default:
			// Woken because the front drains, or late by the sweeper: the
			// request goes on, here or elsewhere.
			_ = c.Conn.SetReadDeadline(time.Time{})
			if p == phaseHead && c.leaves() && c.depart() {
				return errDeparted
			}
		}
	}
}

// read reads once into the desk, of which there must be some room.
func (c *conn) read() (int, error) {
	if c.file != nil {
		return c.readFile()
	}
	if c.raw == nil {
		d := c.sit()
		n, err := c.Conn.Read(d.in[d.w:])
		d.w += n
		c.got += int64(n)
		return n, err
	}
	c.tried, c.failed = 0, nil
	if err := c.raw.Read(c.try); err != nil {
		return 0, err
	}
	return c.tried, c.failed
}

// tryRead reads what is there. It reports false if nothing is, and then holds no
// desk while the connection waits for its next request.
func (c *conn) tryRead(fd uintptr) bool {
	d := c.sit()
	n, err := readNow(fd, d.in[d.w:])
	switch {
	case n > 0:
		d.w += n
		c.got += int64(n)
		c.tried = n
	case err == nil:
		c.failed = io.EOF
	case wouldBlock(err):
		if d.w == 0 {
			c.leave()
		}
		return false
	default:
		c.failed = err
	}
	return true
}

// flush sends the answers that have gathered.
func (c *conn) flush() error {
	d := c.desk
	if d == nil || len(d.out) == 0 {
		return nil
	}
	err := c.send(d.out)
	d.out = d.out[:0]
	return err
}

// sendPiece is how much is written at a time: what counts as progress of a slow
// client.
const sendPiece = 256 << 10

// send writes to the client.
func (c *conn) send(p []byte) error {
	for len(p) > 0 {
		c.enter(phaseWrite)
		n, err := c.Conn.Write(p[:min(len(p), sendPiece)])
		p = p[n:]
		c.put += int64(n)
		if err != nil {
			if err = c.unsent(err); err != nil {
				return err
			}
		}
	}
	return nil
}

// unsent is why a write has failed, nil if it can go on: the sweeper may have set
// a deadline too late, when there was progress again.
func (c *conn) unsent(err error) error {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	by := c.writeBy.Load()
	// TLS cannot go on after a write that was broken off.
	if c.secure || c.overdue() || by != 0 && time.Now().UnixNano() >= by {
		return errSlow
	}
	var t time.Time
	if by != 0 {
		t = time.Unix(0, by)
	}
	return c.Conn.SetWriteDeadline(t)
}

// sink reads and forgets what the client sends, until it has seen that it was
// answered, or the time for that is over (RFC 9112, section 9.6): a connection
// closed under a client that still sends might take the answer away with it.
func (c *conn) sink() {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok && c.socket != nil {
		half, ok = c.socket.Conn.(interface{ CloseWrite() error })
	}
	if !ok || half.CloseWrite() != nil {
		return
	}
	c.enter(phaseLinger)
	c.retreat()
	for {
		// While nothing came, another connection may have got the desk.
		d := c.sit()
		d.r, d.w = 0, 0
		if c.fill(phaseLinger) != nil {
			return
		}
	}
}
