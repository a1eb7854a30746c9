package fcgi

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

const (
	// idsMost is how many ids a Client uses, one exchange after another: clause 3.3
	// asks for small ones. With one and the same for all, what a program still sends
	// for an exchange that is over, a copy of it for instance that it has left in
	// another process, would be taken for the answer to the next.
	idsMost = 255
	// smallKeepLen is the size above which libfcgi loses the next request on
	// a kept connection: its input buffer.
	smallKeepLen = 8192
	// gatherLen bounds the encoded requests that are gathered in one buffer
	// and written by one system call.
	gatherLen = 64 << 10
	// blindWriteLen bounds what is written before reading where a write cannot
	// be made to stop instead of waiting: no socket buffer is smaller.
	blindWriteLen = 4 << 10

	flagsOffset = HeaderLen + 2 // of the flags octet in FCGI_BEGIN_REQUEST
)

// Client is the web server's side of one connection, with one exchange at a
// time: Begin, then Param..., then Body or BodyReader if there is a body, then
// Do; and again, for as long as MustClose says false. Do uses the caller's
// goroutine. It starts a second one, which ends before Do returns, only for a
// body that is too large to gather, comes from a reader of unknown length, or
// does not fit the socket's buffer: programs may answer before reading, and
// each side would wait for the other.
//
// A Client is not safe for concurrent use, but for Abort. The connection
// stays the caller's: its deadlines act as on any net.Conn, and closing it
// from another goroutine ends Do at once.
type Client struct {
	// SmallKeep drops the request's KEEP_CONN flag when the whole encoded
	// request exceeds 8192 octets, or its length is unknown: libfcgi loses the
	// next request on the connection otherwise. MustClose is true afterwards.
	SmallKeep bool

	conn net.Conn
	desc *descriptor // nil where there is none
	rd   Reader

	// The request being put together.
	out    *block // nil outside of Begin...Do
	params int    // where the open FCGI_PARAMS record starts in out
	role   Role
	keep   bool
	body   []byte
	data   []byte
	src    io.Reader // instead of body
	srcLen int64     // -1 if unknown
	stop   func()

	// The exchange.
	id       uint16 // of the request
	abort    [HeaderLen]byte
	spent    bool // the connection must be closed
	upload   upload
	mu       sync.Mutex // held while records are written
	answered bool       // under mu: no exchange is under way
	aborting atomic.Int32
}

// NewClient gives a Client of a connection that carries nothing yet.
func NewClient(conn net.Conn) *Client {
	c := &Client{conn: conn, answered: true}
	c.rd.Reset(conn)
	c.desc = c.rd.desc
	return c
}

// Waiting sets a function that Do calls whenever a part of the answer has been
// delivered and it has to wait for more: the time to pass on what there is. It
// must not use the Client. Where a connection cannot be read without waiting
// (see Alive) it is called before every such read.
func (c *Client) Waiting(f func()) { c.rd.waiting = f }

// Begin starts the request of an exchange in the given role. keep asks the
// program to keep the connection (FCGI_KEEP_CONN, clause 5.1). What an earlier
// Begin put together without Do is forgotten.
func (c *Client) Begin(role Role, keep bool) {
	if c.out == nil {
		c.out = getBlock()
	}
	c.role, c.keep = role, keep
	c.body, c.data, c.src, c.srcLen, c.stop = nil, nil, nil, 0, nil
	c.id = c.id%idsMost + 1
	AppendAbort(c.abort[:0], c.id)
	b := AppendBegin(c.out.b[:0], c.id, role, 0)
	c.params = len(b)
	c.out.b = openRecord(b, TypeParams, c.id)
	c.aborting.Store(abortNot)
}

// Param adds a parameter, written straight into the outgoing buffer. Call it
// only after Begin.
func (c *Client) Param(name, value string) {
	c.out.b = AppendParam(c.out.b, name, value)
}

// ParamBytes is Param for a value that is octets already, such as a raw
// request head. The octets are copied.
func (c *Client) ParamBytes(name string, value []byte) {
	c.out.b = AppendParamBytes(c.out.b, name, value)
}

// ParamRaw is Param for a name and a value that are octets already.
func (c *Client) ParamRaw(name, value []byte) {
	c.out.b = AppendParamRaw(c.out.b, name, value)
}

// Body sets the content of FCGI_STDIN, used until Do returns. Without Body and
// BodyReader it is empty. In the authorizer role, which has no FCGI_STDIN
// (clause 6.3), it is not sent.
func (c *Client) Body(p []byte) { c.body, c.src = p, nil }

// BodyReader sets a reader of n octets as the content of FCGI_STDIN; n < 0
// means that the length is unknown and io.EOF ends it. A reader that ends
// before n octets makes Do fail with ErrBody; what it has beyond n is not read.
//
// A body of up to 64 KiB and known length is read before anything is sent. Any
// other is read by a second goroutine while the answer is delivered. If
// the answer is complete first, the rest of the body is not read: then stop,
// if not nil, is called to make a Read in progress return, and Do waits for
// that Read; it may be called when none is in progress.
func (c *Client) BodyReader(r io.Reader, n int64, stop func()) {
	c.body, c.src, c.srcLen, c.stop = nil, r, max(n, -1), stop
}

// Data sets the content of FCGI_DATA, which is sent in the filter role only
// (clause 6.4). It is used until Do returns.
func (c *Client) Data(p []byte) { c.data = p }

// MustClose tells whether the connection cannot carry another exchange: the
// last one had no KEEP_CONN, failed, or ended before its body was sent, or the
// program sent more than an answer. False before the first exchange.
func (c *Client) MustClose() bool { return c.spent }

// Unsent tells whether the last Do failed before the connection took one octet of
// the request: then nobody has seen it, and any request may be sent elsewhere.
func (c *Client) Unsent() bool { return c.spent && !c.upload.begun }

// Alive tells whether the idle connection can carry another exchange: not if
// MustClose, the program closed it, or octets wait on it although nobody asked
// for any. Where a connection cannot be looked at without reading (not Linux,
// or not a UNIX or TCP connection) it is taken to be open.
func (c *Client) Alive() bool {
	if c.spent {
		return false
	}
	if c.desc != nil && c.desc.idle() != nil {
		c.spent = true
	}
	return !c.spent
}

// Abort asks the program to end the exchange under way (clause 5.4); Do goes
// on delivering until the program ends it. It may be called from any goroutine
// during Do and acts on the exchange under way, so the caller must know that
// it is still the one meant. It does not wait (where Alive cannot look it may).
// While the body is being sent the body ends there and the request to abort
// follows, as soon as the program takes it. If the whole body was sent but the
// program does not read it, nothing is sent and Abort gives an error. Whoever
// cannot wait for the program closes the connection instead. Without an
// exchange under way it gives ErrNotBegun; a second call changes nothing.
func (c *Client) Abort() error {
	c.aborting.CompareAndSwap(abortNot, abortWanted)
	if !c.mu.TryLock() {
		// Whoever holds mu looks at aborting when it lets go.
		return nil
	}
	defer c.mu.Unlock()
	if c.answered {
		c.aborting.Store(abortNot)
		return ErrNotBegun
	}
	return c.writeAbort()
}

// States of Client.aborting.
const (
	abortNot = iota
	abortWanted
	abortWritten
)

var errAbortBlocked = errors.New("fcgi: abort not written, the program is not reading")

// unlock lets go of mu and writes the abort that was asked for meanwhile.
func (c *Client) unlock() {
	c.mu.Unlock()
	if c.aborting.Load() != abortWanted || !c.mu.TryLock() {
		return
	}
	if !c.answered {
		// If this fails the writer, or the reader of the answer, sees why.
		_ = c.writeAbort()
	}
	c.mu.Unlock()
}

// writeAbort writes FCGI_ABORT_REQUEST, once, without waiting. Called under mu.
// If there is no room it is left to the sending goroutine, if that is at work.
func (c *Client) writeAbort() error {
	if !c.aborting.CompareAndSwap(abortWanted, abortWritten) {
		return nil
	}
	abortRecord := c.abort[:]
	if c.desc == nil {
		_, err := c.conn.Write(abortRecord)
		return err
	}
	n, err := c.desc.write(abortRecord)
	switch {
	case err != nil || n == len(abortRecord):
		return err
	case n > 0:
		_, err = c.conn.Write(abortRecord[n:])
		return err
	case !c.upload.sent.Load():
		c.aborting.Store(abortWanted)
		return nil
	}
	c.aborting.Store(abortNot) // so that the caller can try again
	return errAbortBlocked
}

// streamLen is the encoded size of a stream of n octets, its end included.
func streamLen(n int64) int64 {
	return n + (n+MaxContent-1)/MaxContent*HeaderLen + HeaderLen
}
