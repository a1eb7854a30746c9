package httpd

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// dialTimeout is how long an upstream may take to accept a connection, which
	// its system does for it.
	dialTimeout = 3 * time.Second
	// downAfter is for how long, and downCount how often in a row, connecting must
	// have failed for an upstream to be down: a restart takes less.
	downAfter = 2 * time.Second
	downCount = 2
	// Probes of an upstream that is down come that far apart.
	firstProbe = 50 * time.Millisecond
	lastProbe  = time.Second
)

// origin is one listener of an upstream, and what is known of its health. It is
//
//	up      it is connected to as needed; failures are counted, and forgotten at
//	        the next success or when none has come for a while
//	down    nobody connects but a probe, one at a time, that is a goroutine's: up
//	        again when it comes through
//
// What connects is taken to be healthy: whether answers are good is for the
// application to say, and a request that kills every process that serves it must not
// keep others away.
type origin struct {
	up               *upstream
	url              string
	network, address string

	down    atomic.Bool
	open    atomic.Int64 // connections there are now
	idle    atomic.Int64 // those of them that are kept, and have no request in hand
	opened  atomic.Int64 // connections there have been
	refused atomic.Int64 // those that could not be had
	sent    atomic.Int64 // requests
	retried atomic.Int64 // requests that were sent again over another connection
	failed  atomic.Int64 // requests whose exchange failed

	mu          sync.Mutex
	misses      int // failures in a row
	first, last time.Time
	since       time.Time // when it went up or down
}

// dial makes a connection.
func (t *origin) dial(ctx context.Context) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTimeout}
	begun := time.Now()
	conn, err := d.DialContext(ctx, t.network, t.address)
	switch {
	case err == nil:
		t.opened.Add(1)
		t.reached()
	case ctx.Err() == nil:
		t.refused.Add(1)
		if !ours(err) {
			t.missed(begun, err)
		}
	}
	return conn, err
}

// ours reports whether a connection could not be had for a reason that says nothing
// against the upstream: its queue is full, or this system is short of something.
func ours(err error) bool {
	for _, e := range []error{
		syscall.EAGAIN, syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EADDRNOTAVAIL,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// reached notes a success.
func (t *origin) reached() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.misses = 0
}

// missed notes a failure to connect, which begun then.
func (t *origin) missed(begun time.Time, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.misses == 0 || begun.Sub(t.last) > downAfter {
		t.misses, t.first = 0, begun
	}
	t.misses++
	t.last = time.Now()
	if t.misses >= downCount && t.last.Sub(t.first) >= downAfter && !t.down.Load() {
		t.lower(err)
	}
}

// lower marks the origin as down, with the lock held.
func (t *origin) lower(err error) {
	if t.up.ctx.Err() != nil {
		return
	}
	t.since = time.Now()
	t.down.Store(true)
	t.up.log.Error("upstream is down", "upstream", t.url, "error", err)
	t.up.probes.Go(t.probe)
}

// look finds out, at the start, whether the origin is there.
func (t *origin) look() {
	d := net.Dialer{Timeout: dialTimeout}
	conn, err := d.DialContext(t.up.ctx, t.network, t.address)
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err == nil:
		conn.Close()
	case !ours(err) && !t.down.Load():
		t.lower(err)
	}
}

// probe waits until a origin that is down can be connected to.
func (t *origin) probe() {
	d := net.Dialer{Timeout: dialTimeout}
	for pause := firstProbe; ; pause = min(2*pause, lastProbe) {
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-t.up.ctx.Done():
			timer.Stop()
			return
		}
		conn, err := d.DialContext(t.up.ctx, t.network, t.address)
		if err != nil && !ours(err) || t.up.ctx.Err() != nil {
			continue
		}
		if err == nil {
			conn.Close()
		}
		t.mu.Lock()
		t.misses, t.since = 0, time.Now()
		t.down.Store(false)
		t.mu.Unlock()
		t.up.log.Info("upstream is up again", "upstream", t.url)
		return
	}
}
