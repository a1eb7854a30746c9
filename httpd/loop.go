package httpd

import (
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bident/bident/fork"
	"github.com/bident/bident/internal/poller"
)

// loop is the front of a child that accepts connections itself, for those that are
// plain HTTP, or FastCGI: one goroutine waits for all of them, reads what has come, and runs
// the handler itself, in the place of a lane (pool.Queue.Here). A connection that
// rests has no goroutine and no desk, and a request costs no switch of goroutines.
//
// What does all this is a hand. At any time one of them leads: it alone fetches
// events. A handler may block, and so may a client that is slow; therefore the
// leader, while it is away with a connection, has a standby in the scheduler's
// queue. With one thread for Go code the standby comes to run exactly if the leader
// blocks, is preempted or yields; it then takes the lead, and the other one is a
// goroutine with a connection like those of any front, until that rests. If the
// leader comes back first, the standby finds nothing to do and sleeps again.
type loop struct {
	front *front
	poll  *poller.Poller
	// state is the leader's turn, times two, plus one while it is away.
	state atomic.Uint64
	// others counts goroutines with a connection of the loop's, beside the leader:
	// the runtime's poller must be looked into for them.
	others atomic.Int64
	// gathering is the desk of the leader's connection while answers have gathered
	// on it before a handler that may be slow.
	gathering atomic.Pointer[desk]

	// the leader's own:
	event, events int
	arrived       []*conn // accepted and not begun
	yielded       time.Time
	standby       *hand

	mu     sync.Mutex // after the front's
	ports  []*port
	conns  atomic.Pointer[[]atomic.Pointer[conn]] // by tag, changed under mu
	used   int                                    // of conns
	tags   []int                                  // that no connection has
	spare  []*conn                                // that are no connection
	idle   []*hand
	closed bool
}

const (
	// acceptMost is how many connections are accepted in a row.
	acceptMost = 64
	// loopPatience is the longest time that nobody but the loop runs.
	loopPatience = 2 * time.Millisecond
	// loopNap is how long it waits for events before it lets the others run.
	loopNap = time.Millisecond
	// loopHaste is the same while there are others.
	loopHaste = 200 * time.Microsecond
	// spareHands is how many hands are kept for handlers that block.
	spareHands = 64
	// spareConns is how many connections' memory is kept for others.
	spareConns = 1024
)

// port is a listener of the loop's.
type port struct {
	net.Listener
	fd    int
	local net.Addr // of its connections, nil if that depends
	over  bool
}

// loops reports whether children that accept in this way have a loop: not where a
// child serves one connection at a time, and not if it has several threads for Go
// code, which one loop could not keep busy.
func loops(a fork.Accept) bool {
	return a != fork.Classic && poller.Supported && runtime.GOMAXPROCS(0) == 1
}

// newLoop starts a loop.
func newLoop(f *front) (*loop, error) {
	p, err := poller.New()
	if err != nil {
		return nil, err
	}
	l := &loop{front: f, poll: p, yielded: time.Now()}
	l.conns.Store(new([]atomic.Pointer[conn]))
	l.standby = l.recruit()
	go (&hand{loop: l, wake: make(chan struct{}, 1)}).run(true)
	return l, nil
}

// listen makes the loop accept from a listener. It reports false if that is none
// for it.
func (l *loop) listen(nl net.Listener) bool {
	t, ok := nl.(*net.TCPListener)
	if !ok {
		return false
	}
	raw, err := t.SyscallConn()
	if err != nil {
		return false
	}
	p := &port{Listener: nl}
	if a := t.Addr().(*net.TCPAddr); !a.IP.IsUnspecified() {
		p.local = a
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	added := false
	_ = raw.Control(func(fd uintptr) {
		p.fd = int(fd)
		added = poller.Prepare(p.fd) == nil && l.poll.AddListener(p.fd, len(l.ports)<<1|1) == nil
	})
	if added {
		l.ports = append(l.ports, p)
	}
	return added
}

// stopAccepting leaves the listeners to others, who get them.
func (l *loop) stopAccepting() []net.Listener {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []net.Listener
	for _, p := range l.ports {
		if !p.over {
			p.over = true
			l.poll.Remove(p.fd)
			out = append(out, p.Listener)
		}
	}
	return out
}

// mute accepts no more from a listener, before it is closed: its socket lives on in
// other processes, and with it what the poller was told of it. The front is locked.
func (l *loop) mute(nl net.Listener) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.ports {
		if p.Listener == nl && !p.over {
			p.over = true
			l.poll.Remove(p.fd)
		}
	}
}

// fetch waits for events.
func (l *loop) fetch() {
	l.event, l.events = 0, 0
	alone := l.others.Load() == 0
	patience := loopPatience
	if !alone {
		patience = loopHaste
	}
	if now := time.Now(); now.Sub(l.yielded) > patience {
		l.poll.Yield()
		l.yielded = now
	} else {
		runtime.Gosched()
	}
	n := 0
	if alone {
		n = l.poll.Poll(int(loopNap / time.Millisecond))
	} else {
		n = l.poll.Poll(0)
	}
	if n == 0 {
		n = l.poll.Park()
		l.yielded = time.Now()
	}
	l.events = n
}

// at is the connection with that tag, nil if there is none any more.
func (l *loop) at(tag int) *conn {
	conns := *l.conns.Load()
	if tag < len(conns) {
		return conns[tag].Load()
	}
	return nil
}

// accept accepts connections, which are begun after the events that are there: by
// then what they want may have come.
func (l *loop) accept(tag int) {
	l.mu.Lock()
	p := l.ports[tag>>1]
	l.mu.Unlock()
	for range acceptMost {
		c, err := l.acceptOne(p)
		if err != nil {
			l.suspend(p, tag, err)
		}
		if c == nil {
			return
		}
		l.arrived = append(l.arrived, c)
	}
}

// acceptOne accepts a connection, nil if nobody waits. It is in the front's list when
// somebody else may see that the front drains.
func (l *loop) acceptOne(p *port) (*conn, error) {
	f := l.front
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.draining.Load() || p.over {
		return nil, nil
	}
	fd, remote, err := poller.Accept(p.fd)
	if err != nil {
		if wouldBlock(err) {
			err = nil
		}
		return nil, err
	}
	local := p.local
	if local == nil {
		if a, err := poller.Local(fd); err == nil {
			local = addrOf(a)
		} else {
			local = p.Addr()
		}
	}
	c := l.fresh()
	c.sock.open(fd, addrOf(remote), local)
	f.total.Add(1)
	c.open(c.sock, false, false)
	f.conns.add(c)
	return c, nil
}

// suspend stops accepting for a while: what is lacking will be there again.
func (l *loop) suspend(p *port, tag int, err error) {
	const pause = 10 * time.Millisecond
	l.front.log.Warn("cannot accept a connection", "listener", p.Addr(), "error", err, "pause", pause)
	l.poll.Remove(p.fd)
	time.AfterFunc(pause, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if !p.over {
			_ = l.poll.AddListener(p.fd, tag)
		}
	})
}

// fresh is a conn for a new connection.
func (l *loop) fresh() *conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.spare) - 1; n >= 0 {
		c := l.spare[n]
		l.spare[n] = nil
		l.spare = l.spare[:n]
		return c
	}
	c := newConn(l.front)
	c.sock = &socket{home: l, fd: -1}
	conns := *l.conns.Load()
	if n := len(l.tags) - 1; n >= 0 {
		c.sock.tag = l.tags[n]
		l.tags = l.tags[:n]
	} else {
		c.sock.tag = l.used
		if l.used++; l.used > len(conns) {
			more := make([]atomic.Pointer[conn], max(2*len(conns), 64))
			for i := range conns {
				more[i].Store(conns[i].Load())
			}
			conns = more
			l.conns.Store(&more)
		}
	}
	conns[c.sock.tag].Store(c)
	return c
}

// put takes back the conn of a connection that has ended.
func (l *loop) put(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !c.shared && len(l.spare) < spareConns {
		l.spare = append(l.spare, c)
		return
	}
	(*l.conns.Load())[c.sock.tag].Store(nil)
	l.tags = append(l.tags, c.sock.tag)
}
