package httpd

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/internal/fcgi"
	"github.com/bident/bident/internal/forwarded"
	"github.com/bident/bident/internal/gate"
	"github.com/bident/bident/pool"
)

const (
	// deskIn and deskOut are the sizes that a desk's buffers have at first.
	deskIn  = 4 << 10
	deskOut = 4 << 10
	// deskMost is the most that a buffer may have grown to when it is kept.
	deskMost = 64 << 10
)

// desk is what a connection needs while it has a request in hand: the buffers,
// the context for the handler, the task for the queue. An idle connection has
// none, so thousands of them cost little, and those that are used stay warm.
type desk struct {
	ctx  fasthttp.RequestCtx
	seat deskSeat
	task *pool.Task
	job  job

	in   []byte
	r, w int // in[r:w] was read and not used
	out  []byte

	head   gate.Head
	chunks gate.Chunks
	body   spool
	size   int // octets of in that the request in hand takes
	isHead bool
	// followed: the request in hand has been answered by the lane.
	followed bool
	// eager: answers that have gathered are to be sent if the request in hand
	// takes its time; guarded by seat.mu, and changed by the connection only.
	eager  bool
	slow   func()
	used   bool           // the context has something of a request
	unread bool           // the request in hand was not read to its end
	queue  *pool.Queue    // of the workers that the request is for
	most   int            // octets of its body at the most
	client netip.AddrPort // the peer, or the client behind a trusted proxy
	fields []forwarded.Field
	params fcgi.Params // of a request that came over FastCGI
	record record

	pair [2][]byte // for a write of two pieces
	both net.Buffers
}

// deskSeat is what a handler gets for its connection.
type deskSeat struct {
	desk *desk
	conn *conn

	mu   sync.Mutex
	dead atomic.Bool // the front has given the desk up to an abandoned handler
}

// tlsSeat is a deskSeat of a connection with TLS, which fasthttp tells by its
// methods.
type tlsSeat struct{ *deskSeat }

func (s tlsSeat) Handshake() error { return nil } // it was the first thing to be done

func (s tlsSeat) ConnectionState() tls.ConnectionState {
	return s.conn.Conn.(*tls.Conn).ConnectionState()
}

// newDesk makes a desk for connections with TLS, or for those without.
func (f *front) newDesk(secure bool) *desk {
	d := &desk{in: make([]byte, deskIn), out: make([]byte, 0, deskOut)}
	d.seat.desk = d
	d.task = pool.NewTask(&d.job)
	d.task.Left = d.left
	d.task.Follow = d.follow
	d.task.Resume = d.resume
	d.slow = d.hurry
	d.job.mode = f.mode
	d.job.watch = d.watch
	d.job.client = d.clientText
	d.job.errors, d.job.stderr = d.complain, d.stderr
	d.job.shown = f.access != nil
	d.body.front = f
	if secure {
		d.ctx.Init2(tlsSeat{&d.seat}, quiet{}, false)
	} else {
		d.ctx.Init2(&d.seat, quiet{}, false)
	}
	return d
}

// clientText is the client's address as text, which is made once for a connection
// unless a proxy says who the client is.
func (d *desk) clientText() string {
	c := d.seat.conn
	if d.client != c.peer {
		return addressText(d.client, c.remote)
	}
	if c.text == "" {
		c.text = addressText(c.peer, c.remote)
	}
	return c.text
}

// sit gives a connection its desk.
func (c *conn) sit() *desk {
	if c.desk == nil {
		p := &c.front.desks
		if c.secure {
			p = &c.front.secureDesks
		}
		d, _ := p.Get().(*desk)
		if d == nil {
			d = c.front.newDesk(c.secure)
		}
		d.seat.conn = c
		c.desk = d
	}
	return c.desk
}

// leave gives the desk back; nothing on it is needed any more.
func (c *conn) leave() {
	d := c.desk
	if d == nil {
		return
	}
	c.desk = nil
	d.seat.conn = nil
	d.r, d.w, d.out = 0, 0, d.out[:0]
	if cap(d.in) > deskMost {
		d.in = make([]byte, deskIn)
	}
	if cap(d.out) > deskMost {
		d.out = make([]byte, 0, deskOut)
	}
	d.record.trim()
	if c.secure {
		c.front.secureDesks.Put(d)
	} else {
		c.front.desks.Put(d)
	}
}

// drop leaves the desk to somebody who may still use what is on it.
func (c *conn) drop() {
	d := c.desk
	c.shared = true
	c.desk = nil
	d.seat.mu.Lock()
	d.seat.dead.Store(true)
	d.seat.mu.Unlock()
	d.body.abandon(d)
}

// forsake leaves the desk to a handler that still has its context, and sits down
// at another one to answer in its place.
func (c *conn) forsake() *desk {
	old := c.desk
	c.drop()
	d := c.sit()
	d.out = append(d.out[:0], old.out...)
	d.job.begin(&d.ctx) // it may have been another connection's
	d.head, d.isHead, d.used = old.head, old.isHead, true
	d.r, d.w, d.size = 0, 0, 0
	d.client, d.record = old.client, old.record
	if a := c.front.access; a != nil && a.request {
		// The handler has the other one.
		p := parsers.Get().(*parser)
		p.parse(old.in[old.r+old.head.Skip:old.r+old.head.Size], &d.ctx.Request.Header)
		parsers.Put(p)
	}
	return d
}

// parser gives the head of a request to fasthttp.
type parser struct {
	octets bytes.Reader
	r      *bufio.Reader
}

func newParser() *parser {
	p := new(parser)
	p.r = bufio.NewReaderSize(&p.octets, deskIn)
	return p
}

var parsers = sync.Pool{New: func() any { return newParser() }}

// parse makes fasthttp read exactly these octets as a head. It reports false if
// fasthttp sees it otherwise than the gate.
func (p *parser) parse(head []byte, h *fasthttp.RequestHeader) bool {
	p.octets.Reset(head)
	r := p.r
	if len(head) > r.Size() {
		r = bufio.NewReaderSize(&p.octets, len(head))
	} else {
		r.Reset(&p.octets)
	}
	return h.Read(r) == nil && r.Buffered() == 0 && p.octets.Len() == 0
}

// begin makes the context ready for the request whose head was read.
func (d *desk) begin(now time.Time) {
	c := d.seat.conn
	setTime(&d.ctx, now)
	*connTimeField.of(&d.ctx) = c.opened
	*connNumberField.of(&d.ctx) = c.requests
	*connIDField.of(&d.ctx) = c.id
	*isTLSField.of(&d.ctx.Request) = c.secure || c.told
	d.record.begun = now
	d.job.begin(&d.ctx)
	d.used = true
}

// clear makes the context forget its request.
func (d *desk) clear() {
	d.used = false
	d.ctx.ResetUserValues()
	d.ctx.SetRemoteAddr(nil)
	d.ctx.Request.Reset()
	d.ctx.Response.Reset()
	d.ctx.Request.ReleaseBody(deskMost)
	d.ctx.Response.ReleaseBody(deskMost)
	d.body.release()
}
