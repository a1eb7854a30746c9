package httpd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/internal/fcgi"
	"github.com/bident/bident/pool"
)

// Why a request could not be sent to an upstream. It was not begun there.
var (
	errUpstreamDown = errors.New("httpd: upstream is down")
	errUpstreamBusy = errors.New("httpd: upstream takes no connection")
)

const (
	// A request whose connection is refused tries again after such pauses.
	firstPause = 5 * time.Millisecond
	lastPause  = 250 * time.Millisecond
	// sameMoment is how long after the answer before, and after the request, the end
	// of a kept connection counts as one that had been decided before the request came.
	sameMoment = 100 * time.Millisecond
	// unsentMost is how often a request is sent again because its connection was
	// ended before it took an octet, as libfcgi does when a signal comes meanwhile.
	unsentMost = 4
	// acceptPatience is how long a new connection may go without an answer before
	// it may be that nobody accepts it, because all processes are held by others.
	acceptPatience = 20 * time.Millisecond
	// crowdedTime is how long no connection is kept after that.
	crowdedTime = 5 * time.Second
	// abortPatience is how long a program may take to end a request after it was
	// told that its client has left.
	abortPatience = time.Second
)

// upstreamLane is a lane's end of an upstream: its peer, and its connection while
// that is idle. What is said to be under the lock is under the runner's.
type upstreamLane struct {
	up *upstream
	r  *exchangeRunner
	at *origin // that the connection is to, under the lock

	keeping bool // the request in hand asks for the connection to be kept

	idle    *time.Timer             // for resting
	rested  time.Time               // since when, the last time
	resting bool                    // the connection is idle and may be closed; under the lock
	held    bool                    // it was kept after an exchange; under the lock
	left    bool                    // the client of the request in hand has left; under the lock
	stop    context.CancelCauseFunc // ends connecting; under the lock
}

// lane makes a lane's end.
func (u *upstream) lane(r *exchangeRunner) *upstreamLane {
	x := &upstreamLane{up: u, r: r}
	x.idle = time.AfterFunc(time.Hour, x.yield)
	x.idle.Stop()
	r.accept = time.AfterFunc(time.Hour, x.impatient)
	r.accept.Stop()
	u.mu.Lock()
	defer u.mu.Unlock()
	u.lanes[x] = struct{}{}
	return x
}

// close is called when the lane has ended.
func (x *upstreamLane) close() {
	x.idle.Stop()
	x.r.accept.Stop()
	x.up.mu.Lock()
	defer x.up.mu.Unlock()
	delete(x.up.lanes, x)
}

// Exited implements peer: nobody tells.
func (x *upstreamLane) Exited() <-chan struct{} { return nil }

// External implements peer.
func (x *upstreamLane) External() bool { return true }

// yield closes the connection if it is idle.
func (x *upstreamLane) yield() {
	x.r.mu.Lock()
	defer x.r.mu.Unlock()
	if x.resting && x.r.conn != nil {
		x.r.conn.Close()
		x.r.conn = nil
		x.gone()
	}
}

// gone notes that there is no connection any more, with the lock held.
func (x *upstreamLane) gone() {
	x.at.open.Add(-1)
	if x.resting {
		x.at.idle.Add(-1)
	}
	if x.held {
		x.held = false
		x.up.held.Add(-1)
	}
}

// rest keeps the connection after an exchange, if that is the thing to do.
func (x *upstreamLane) rest() {
	x.rested = time.Now()
	x.r.mu.Lock()
	x.resting = true
	x.at.idle.Add(1)
	if !x.held {
		x.held = true
		x.up.held.Add(1)
	}
	x.r.mu.Unlock()
	if !x.up.keeps() { // whoever makes it crowded after this sees that the lane rests
		x.yield()
		return
	}
	x.idle.Reset(x.up.keep)
}

// take reports whether the lane still has a connection for a request. Only one that
// may be sent twice can go over it: the program may be about to close it.
func (x *upstreamLane) take(safe bool) bool {
	r := x.r
	x.idle.Stop()
	r.mu.Lock()
	kept := r.conn != nil
	if kept && x.resting {
		x.at.idle.Add(-1)
	}
	x.resting, x.left, x.stop = false, false, nil
	r.mu.Unlock()
	if kept && safe && r.client.Alive() {
		return true
	}
	r.disconnect()
	return false
}

// isSafe reports whether a request asks for nothing to be done, so that no harm comes
// of sending it twice (RFC 9110, section 9.2.1).
func isSafe(ctx *fasthttp.RequestCtx) bool {
	switch string(ctx.Method()) {
	case fasthttp.MethodGet, fasthttp.MethodHead, fasthttp.MethodOptions, fasthttp.MethodTrace:
		return true
	}
	return false
}

// exchange sends the request in hand and delivers the answer.
func (x *upstreamLane) exchange(l *pool.Lane) (fcgi.EndRequest, error) {
	r := x.r
	kept := x.take(isSafe(r.ctx))
	for unsent := 0; ; {
		if !kept {
			conn, err := x.Dial()
			if err != nil {
				return fcgi.EndRequest{}, err
			}
			r.connect(conn)
			if err := x.stoppable(nil); err != nil {
				return fcgi.EndRequest{}, err
			}
		}
		x.keeping = x.up.keeps()
		x.at.sent.Add(1)
		r.request(l)
		begun := time.Now()
		var end fcgi.EndRequest
		var err error
		if kept {
			end, err = r.client.Do(r)
		} else {
			end, err = x.first()
		}
		switch {
		case err == nil || !errors.Is(err, fcgi.ErrNoAnswer):
			return end, err
		case r.client.Unsent() && unsent < unsentMost:
			unsent++
		// How a connection has ended that took the request says nothing: libfcgi and
		// PHP read what has come, and throw it away, before they close; PHP leaves a
		// part unread of what it runs.
		case !kept || begun.Sub(x.rested) > sameMoment || time.Since(begun) > sameMoment:
			return end, err
		}
		x.at.retried.Add(1)
		r.disconnect()
		kept = false
	}
}

// first is the first exchange over a connection, which somebody has to accept.
func (x *upstreamLane) first() (fcgi.EndRequest, error) {
	if x.up.keep > 0 {
		x.r.unheard.Store(true)
		x.r.accept.Reset(acceptPatience)
		defer x.r.heard()
	}
	return x.r.client.Do(x.r)
}

// impatient is called while the first exchange over a connection has no answer: if
// others keep theirs that may be why.
func (x *upstreamLane) impatient() {
	if !x.r.unheard.Load() {
		return
	}
	if x.up.held.Load() > 0 {
		x.up.crowd()
	}
	x.r.accept.Reset(acceptPatience)
}

// Dial implements peer: unlike that of a child it tries again for a while, since
// whoever restarts a program wants no request lost.
func (x *upstreamLane) Dial() (net.Conn, error) {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	if err := x.stoppable(cancel); err != nil {
		return nil, err
	}
	begun := time.Now()
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		conn, at, err := x.up.dial(ctx)
		switch {
		case err == nil:
			x.r.mu.Lock()
			x.at = at
			x.r.mu.Unlock()
			at.open.Add(1)
			return conn, nil
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case errors.Is(err, errUpstreamDown):
			return nil, err
		case x.up.wait > 0 && time.Since(begun) > x.up.wait:
			return nil, fmt.Errorf("%w: %w", errUpstreamBusy, err)
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, context.Cause(ctx)
		}
	}
}

// stoppable makes stop what ends connecting, nil if that is over. The error says that
// the request is to be given up, whichever came first.
func (x *upstreamLane) stoppable(stop context.CancelCauseFunc) error {
	x.r.mu.Lock()
	defer x.r.mu.Unlock()
	x.stop = stop
	switch {
	case x.r.killed:
		return pool.ErrKilled
	case x.left:
		return ErrClientLeft
	}
	return nil
}

// leave tells the program that the client has left, with the lock held: by a record,
// and by closing the connection if that does not help.
func (x *upstreamLane) leave() {
	r, serial := x.r, x.r.serial
	x.left = true
	if x.stop != nil {
		x.stop(ErrClientLeft)
		return
	}
	if r.client == nil {
		return
	}
	_ = r.client.Abort()
	time.AfterFunc(abortPatience, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.serial == serial && r.conn != nil {
			r.conn.Close()
		}
	})
}

// failed answers a request whose exchange has failed.
func (x *upstreamLane) failed(err error) {
	r := x.r
	r.mu.Lock()
	left, at := x.left, x.at
	r.mu.Unlock()
	if r.stream == nil && (errors.Is(err, errUpstreamDown) || errors.Is(err, errUpstreamBusy) || errors.Is(err, errProgramBusy)) {
		overloaded(r.ctx)
	} else {
		r.fail()
	}
	switch {
	case left, errors.Is(err, ErrStreamClosed):
		// Nobody waits for the answer.
	case errors.Is(err, errUpstreamDown):
		// That was logged when it went down.
	case at == nil || errors.Is(err, errUpstreamBusy):
		r.log.Error("cannot connect to the upstream", "request", string(r.what), "error", err)
	default:
		at.failed.Add(1)
		r.log.Error("exchange with the upstream failed", "upstream", at.url, "request", string(r.what), "error", err)
	}
}
