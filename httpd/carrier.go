package httpd

import (
	"net"
	"sync"
	"time"
)

// carrierIdle is how long a carrier waits for its next connection before it may
// be let go.
const carrierIdle = 10 * time.Second

// carriers are the goroutines that carry connections, one after another: a
// goroutine that has served before has a stack of the right size, which is worth
// a fifth of the time that a short connection takes.
type carriers struct {
	serve func(*carrier, arrival)

	mu     sync.Mutex
	idle   []*carrier // the one that served last is taken first
	closed bool
}

// arrival is a connection that was accepted, or taken over.
type arrival struct {
	conn   net.Conn
	secure bool // TLS is to be spoken
	fcgi   bool // FastCGI is
	// held is a connection of a loop's to go on with, instead: the request in
	// hand was answered, or it rests.
	held     *conn
	answered bool
	// moved is where it has come from if it was not accepted here.
	moved *moved
}

// carrier is one such goroutine, with what it keeps from one connection to the
// next.
type carrier struct {
	next  chan arrival
	since time.Time // idle since
	conn  *conn     // used again, unless somebody else may still have it
}

// carry serves a connection on an idle carrier, or on a new one.
func (p *carriers) carry(a arrival) {
	p.mu.Lock()
	n := len(p.idle) - 1
	if n < 0 {
		p.mu.Unlock()
		go p.run(&carrier{next: make(chan arrival, 1)}, a)
		return
	}
	k := p.idle[n]
	p.idle[n] = nil
	p.idle = p.idle[:n]
	p.mu.Unlock()
	k.next <- a
}

// run is the life of a carrier.
func (p *carriers) run(k *carrier, a arrival) {
	for ok := true; ok; a, ok = <-k.next {
		p.serve(k, a)
		if !p.park(k) {
			return
		}
	}
}

// park makes a carrier wait for its next connection. It reports false if it is
// not wanted any more.
func (p *carriers) park(k *carrier) bool {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	// Of those that have waited too long, which are the first, two go for
	// every one that comes.
	old := 0
	for old < 2 && old < len(p.idle) && now.Sub(p.idle[old].since) > carrierIdle {
		close(p.idle[old].next)
		old++
	}
	if old > 0 {
		p.idle = append(p.idle[:0], p.idle[old:]...)
	}
	k.since = now
	p.idle = append(p.idle, k)
	return true
}

// close lets the idle carriers go, and the others when they have served.
func (p *carriers) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, k := range p.idle {
		close(k.next)
	}
	p.idle = nil
}
