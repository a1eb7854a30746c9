package httpd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/internal/access"
	"github.com/bident/bident/internal/accesslog"
	"github.com/bident/bident/internal/certs"
	"github.com/bident/bident/internal/ferry"
	"github.com/bident/bident/internal/forwarded"
	"github.com/bident/bident/pool"
)

// front speaks HTTP with clients. It owns their connections, one goroutine
// each; a worker only ever gets a request.
type front struct {
	queue    *pool.Queue
	paths    paths
	queues   map[string]*pool.Queue      // of the pools that routes have for themselves
	scripts  atomic.Pointer[scriptTable] // nil: there are no Scripts
	mode     Mode
	limits   Limits
	log      *slog.Logger
	opened   func(int64) // counts connections of a worker that accepts itself
	refused  func(error) // counts requests that no handler has answered
	takes    func() int  // how many requests there may be at a time
	timings  *pool.Timings
	total    atomic.Int64
	serial   atomic.Uint64 // numbers connections
	inChild  bool          // this is the front of an accepting child
	draining atomic.Bool
	parting  atomic.Bool // it is about to drain: kept connections end after their next answer
	// graceBy is when the time is over for clients that have asked nothing, in
	// nanoseconds since 1970, 0 if only the limits say so.
	graceBy atomic.Int64

	// away gives a connection to another process, which has it when the error is
	// nil. nil: no other process takes any. Set before anything is served.
	away     func(ferry.Parcel) error
	final    atomic.Bool // there is no other process any more: the server stops
	moved    func()      // counts connections that a worker has given away
	migrated atomic.Int64

	// turn is whose it is in a child that serves one connection at a time.
	turn *turn

	webServers   []netip.Addr // whose connections with FastCGI are served, nil for all
	rules        *access.List
	rulesMark    uint64
	trust        *forwarded.Trust
	proxied      bool // connections begin with a PROXY header
	redirects    bool // plain HTTP is redirected to redirectPort
	redirectPort int
	store        *certs.Store
	tls          *tls.Config
	access       *accessLog     // nil if there is none
	ids          *accesslog.IDs // nil if requests get no ids
	slow         *slowWatch
	issuer       *certs.Issuer

	life               context.Context // ends when the front is closed
	die                context.CancelFunc
	desks, secureDesks sync.Pool    // desks that no connection needs
	greetings          sync.Pool    // what connections with FastCGI need beside
	bodyMemory         atomic.Int64 // octets of bodies in memory
	bodyDisk           atomic.Int64 // octets of bodies in files
	born               time.Time
	clock              atomic.Int64 // milliseconds since born, at the last tick

	accepting sync.WaitGroup
	handed    sync.WaitGroup // accepted, and not in the list yet
	carriers  carriers
	loop      *loop // that accepts and carries plain connections, nil for none
	sweeping  sync.Once

	mu        sync.Mutex
	listeners map[net.Listener]bool
	conns     conns
	coming    int                // taken over, and not in the list yet
	empty     chan struct{}      // closed when draining and no connection is left
	addresses map[netip.Addr]int // how many connections each has, if that is limited
}

// timingShares is how many ways the connections of a front share its timings.
const timingShares = 16

func newFront(queue *pool.Queue, mode Mode, config *frontConfig, log *slog.Logger) (*front, error) {
	f := &front{
		queue: queue, mode: mode, limits: config.Limits, log: log,
		webServers: config.WebServers, proxied: config.ProxyProtocol, redirects: config.Redirect, redirectPort: config.RedirectPort,
		opened:    func(int64) {},
		moved:     func() {},
		rulesMark: rulesMark(config),
		refused:   func(error) {},
		takes:     func() int { return 1 },
		paths:     config.Routes,
		timings:   pool.NewTimings(timingShares),
		born:      time.Now(),
		listeners: make(map[net.Listener]bool),
		addresses: make(map[netip.Addr]int),
		empty:     make(chan struct{}),
	}
	f.carriers.serve = f.serve
	f.life, f.die = context.WithCancel(context.Background())
	var problems [4]error
	f.rules, problems[0] = config.Access.list()
	f.trust, problems[1] = trusted(config.Trusted)
	if config.TLS != nil {
		problems[2] = f.secure(config.TLS)
	}
	if config.RequestIDs {
		f.ids = accesslog.NewIDs()
	}
	if config.AccessLog {
		f.access, problems[3] = newAccessLog(config.AccessLogFormat, config.RequestIDs)
	}
	if err := errors.Join(problems[:]...); err != nil {
		return nil, err
	}
	f.slow = newSlowWatch(f.life, config.SlowRequest, log)
	return f, nil
}

// frontConfig is what a front has to know, in this process or in a child. The
// Server's fields say what the parts mean.
type frontConfig struct {
	Limits        Limits
	Secure        []bool // the listeners that speak TLS, in the order of Listen
	Records       []bool // and those that speak FastCGI
	TLS           *secureConfig
	Redirect      bool
	RedirectPort  int
	Routes        paths
	Access        Access
	WebServers    []netip.Addr
	Trusted       []string
	ProxyProtocol bool
	// AccessLog says that there is one; who opens it gives it to the front.
	AccessLog       bool
	AccessLogFormat string
	RequestIDs      bool
	SlowRequest     time.Duration
}

// arrivals say what each of the listeners speaks.
func (c *frontConfig) arrivals() (list []arrival) {
	for i, secure := range c.Secure {
		list = append(list, arrival{secure: secure, fcgi: c.Records[i]})
	}
	return list
}

// quiet drops what fasthttp logs: broken requests, which their answers report.
type quiet struct{}

func (quiet) Printf(string, ...any) {}

// listen accepts connections from l until the front stops accepting.
func (f *front) listen(l net.Listener, secure bool) { f.listenFor(l, arrival{secure: secure}) }

// listenFor is listen for connections that are like one.
func (f *front) listenFor(l net.Listener, like arrival) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.draining.Load() {
		return
	}
	f.listeners[l] = true
	f.sweeping.Do(func() { go f.sweeper() })
	if f.loop != nil && !like.secure && !like.fcgi && !f.proxied && f.loop.listen(l) {
		return
	}
	f.accepting.Go(func() { f.accept(l, like) })
}

// mute accepts no more from l; what waits there is for others.
func (f *front) mute(l net.Listener) {
	f.mu.Lock()
	known := f.listeners[l]
	delete(f.listeners, l)
	if known && f.loop != nil {
		f.loop.mute(l)
	}
	f.mu.Unlock()
	if known {
		l.Close()
	}
}

// accept is the life of a listener.
func (f *front) accept(l net.Listener, like arrival) {
	var pause time.Duration
	for {
		c, err := l.Accept()
		if err == nil {
			pause = 0
			f.total.Add(1)
			f.handed.Add(1)
			like.conn = c
			f.carriers.carry(like)
			continue
		}
		if f.draining.Load() || errors.Is(err, net.ErrClosed) {
			return
		}
		// Out of descriptors or memory, or the client was gone: it passes.
		pause = min(max(2*pause, 5*time.Millisecond), time.Second)
		f.log.Warn("cannot accept a connection", "listener", l.Addr(), "error", err, "pause", pause)
		time.Sleep(pause)
	}
}

// serve is the life of a connection.
func (f *front) serve(k *carrier, a arrival) {
	if a.held != nil {
		a.held.goOn(a.answered)
		return
	}
	if f.loop != nil {
		f.loop.others.Add(1)
		defer f.loop.others.Add(-1)
		if f.rides(a) {
			f.ride(a)
			return
		}
	}
	c := k.conn
	if c == nil {
		c = newConn(f)
	}
	k.conn = nil
	if a.moved == nil {
		c.open(a.conn, a.secure, f.proxied && !a.fcgi)
		c.fcgi = a.fcgi
		f.mu.Lock()
		f.conns.add(c)
		f.mu.Unlock()
		f.handed.Done()
	} else {
		if err := c.take(a.moved); err != nil {
			f.decline(a.moved, err)
			k.conn = c
			return
		}
		f.enlist(c)
	}
	f.opened(1)
	c.run()
	f.strike(c)
	if !c.shared {
		k.conn = c
	}
}

// strike takes a connection off the list and closes it.
func (f *front) strike(c *conn) {
	if !c.retreated {
		f.opened(-1)
	}
	f.mu.Lock()
	f.conns.remove(c)
	f.discount(c)
	f.mu.Unlock()
	c.end()
	if f.turn != nil && !c.retreated {
		f.turn.vacate()
	}
	if f.draining.Load() {
		f.drained()
	}
}

// logPanic says what a handler died of.
func (f *front) logPanic(ctx *fasthttp.RequestCtx, panicked *pool.PanicError) {
	f.log.Error("handler panicked", "request", string(ctx.Method())+" "+string(ctx.RequestURI()),
		"panic", fmt.Sprint(panicked.Value), "stack", string(panicked.Stack))
}

// requestError logs what a handler writes to its request's error stream.
func (f *front) requestError(j *job, message []byte) {
	f.log.Error("request", "message", string(message), "slot", j.crew.slot, "pid", j.crew.pid,
		"request", string(j.ctx.Method())+" "+string(j.ctx.RequestURI()))
}

// stopAccepting takes what waits in the listeners' queues and closes them.
func (f *front) stopAccepting(backlog bool) {
	f.mu.Lock()
	f.draining.Store(true)
	listeners := f.listeners
	f.listeners = nil
	f.mu.Unlock()
	if f.loop != nil {
		for _, l := range f.loop.stopAccepting() {
			f.accepting.Go(func() { f.accept(l, arrival{}) })
		}
	}
	for l := range listeners {
		if d, ok := l.(interface{ SetDeadline(time.Time) error }); ok && backlog {
			// Long enough for accept to find the queue empty.
			_ = d.SetDeadline(time.Now().Add(lingerRead))
		} else {
			l.Close()
		}
	}
	f.accepting.Wait()
	f.handed.Wait()
	for l := range listeners {
		l.Close()
	}
}

// drain stops accepting, lets every request that has begun finish, gives each
// connection away or closes it after that, and returns when none is left, or when ctx
// ends. backlog says whether connections that wait to be accepted are this front's to
// serve. It may be called again, for connections that were taken over since.
func (f *front) drain(ctx context.Context, backlog bool) {
	if by, ok := ctx.Deadline(); ok {
		f.hasten(time.Until(by))
	}
	f.stopAccepting(backlog)
	f.mu.Lock()
	for c := f.conns.first; c != nil; c = c.next {
		c.wake()
	}
	empty := f.empty
	f.mu.Unlock()
	f.drained()
	select {
	case <-empty:
	case <-ctx.Done():
	}
}

// hasten says how long the front has to drain, 0 for ever: three quarters of that are
// for clients that have asked nothing yet.
func (f *front) hasten(timeout time.Duration) {
	var by int64
	if timeout > 0 {
		by = time.Now().Add(timeout / 4 * 3).UnixNano()
	}
	f.graceBy.Store(by)
}

// drained notices that no connection is left.
func (f *front) drained() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.conns.first != nil || f.coming > 0 {
		return
	}
	select {
	case <-f.empty:
	default:
		close(f.empty)
	}
}

// close ends all connections, whatever they are doing.
func (f *front) close() {
	var resting []*conn
	f.mu.Lock()
	for c := f.conns.first; c != nil; c = c.next {
		switch {
		case c.sock == nil:
			c.Conn.Close()
		case c.expire():
			resting = append(resting, c)
		default:
			c.sock.sever()
		}
	}
	f.carriers.close()
	f.die()
	f.mu.Unlock()
	for _, c := range resting {
		c.finish()
	}
	if f.loop != nil {
		f.loop.poll.Close()
	}
}
