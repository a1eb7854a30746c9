package httpd

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bident/bident/fork"
)

const (
	// lookMost is how far looks at a connection that is not accepted are apart at
	// the most.
	lookMost = time.Second
	// acceptWarning is how long a program may accept nothing before the log says so.
	acceptWarning = 5 * time.Second
)

// quarters are the workers of a pool that are an external program, with their lanes.
type quarters struct {
	mu sync.Mutex
	of map[*fork.Child]*mates
}

// mates are the lanes of one of them. Each has a connection of its own, but the program
// may take one at a time, and stay with it until it ends, as php-cgi does: then the
// others get their turn only if nobody keeps a connection that is idle.
type mates struct {
	quarters *quarters
	child    *fork.Child
	log      *slog.Logger
	until    atomic.Int64 // no connection is kept before that, UNIX, ns
	warned   atomic.Bool
	lanes    map[*exchangeRunner]struct{} // under the lock of quarters
}

// join adds a lane.
func (q *quarters) join(c *fork.Child, r *exchangeRunner) {
	q.mu.Lock()
	defer q.mu.Unlock()
	m := q.of[c]
	if m == nil {
		m = &mates{quarters: q, child: c, log: r.log, lanes: make(map[*exchangeRunner]struct{})}
		q.of[c] = m
	}
	m.lanes[r] = struct{}{}
	r.mates = m
	r.accept = time.AfterFunc(time.Hour, func() { m.look(r) })
	r.accept.Stop()
}

// leave is called when a lane has ended.
func (m *mates) leave(r *exchangeRunner) {
	if m == nil {
		return
	}
	r.accept.Stop()
	m.quarters.mu.Lock()
	defer m.quarters.mu.Unlock()
	if delete(m.lanes, r); len(m.lanes) == 0 && m.quarters.of[m.child] == m {
		delete(m.quarters.of, m.child)
	}
}

// others are the lanes but this one.
func (m *mates) others(r *exchangeRunner) (list []*exchangeRunner) {
	m.quarters.mu.Lock()
	defer m.quarters.mu.Unlock()
	for other := range m.lanes {
		if other != r {
			list = append(list, other)
		}
	}
	return list
}

// crowded reports whether no connection is to be kept at the moment.
func (m *mates) crowded() bool {
	until := m.until.Load()
	return until != 0 && time.Now().UnixNano() < until
}

// untaken begins the watch over the first exchange of a connection, which somebody
// has to accept.
func (r *exchangeRunner) untaken() {
	if r.mates == nil || !r.fresh {
		return
	}
	r.since.Store(time.Now().UnixNano())
	r.unheard.Store(true)
	r.accept.Reset(acceptPatience)
}

// heard ends it.
func (r *exchangeRunner) heard() {
	if r.unheard.Load() {
		r.unheard.Store(false)
		r.accept.Stop()
	}
}

// unread reports whether the program may not have accepted the connection of the
// exchange under way: nothing has come, and of what was sent not all has been read.
func (r *exchangeRunner) unread() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.job.Load() == nil || r.conn == nil || !r.unheard.Load() {
		return false
	}
	n, ok := pending(r.conn)
	return ok && n > 0
}

// holds reports whether the program has accepted the lane's connection, and whether
// there is an exchange under way over it.
func (r *exchangeRunner) holds() (conn, busy bool) {
	unread := r.unread()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.conn != nil && !unread, r.job.Load() != nil && !unread
}

// rest keeps the connection after an exchange, unless another one waits for it to end.
func (r *exchangeRunner) rest() {
	r.mu.Lock()
	r.resting = true
	r.mu.Unlock()
	if r.mates.crowded() { // whoever says so after this sees that the lane rests
		r.yield()
	}
}

// yield closes the connection if it is idle.
func (r *exchangeRunner) yield() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.resting && r.conn != nil {
		r.conn.Close()
		r.conn, r.client = nil, nil
	}
}

// look is called while the first exchange over a connection has no answer.
func (m *mates) look(r *exchangeRunner) {
	r.mu.Lock()
	serial := r.serial
	r.mu.Unlock()
	if !r.unheard.Load() || !m.child.Pending() {
		return
	}
	wait := time.Duration(time.Now().UnixNano() - r.since.Load())
	again := min(max(wait, acceptPatience), lookMost)
	if r.unread() {
		held, busy := false, false
		others := m.others(r)
		for _, other := range others {
			conn, exchange := other.holds()
			held, busy = held || conn, busy || exchange
		}
		if held {
			m.until.Store(time.Now().Add(crowdedTime).UnixNano())
			for _, other := range others {
				other.yield()
			}
		}
		if !busy && !held && m.idle(wait) {
			return
		}
	}
	if limit := m.child.StartTimeout(); limit > wait {
		again = min(again, limit-wait)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.serial == serial && r.unheard.Load() {
		r.accept.Reset(again)
	}
}

// idle is called while the program accepts nothing although it has nothing in hand:
// after start_timeout it counts as one that has not started. It reports whether that
// is so.
func (m *mates) idle(wait time.Duration) (unfit bool) {
	limit := m.child.StartTimeout()
	switch {
	case limit > 0 && wait >= limit:
		m.child.Unfit(fmt.Errorf("it has accepted no connection for %v (start_timeout)", limit))
		return true
	case wait >= acceptWarning && m.warned.CompareAndSwap(false, true):
		m.log.Warn("a request waits for the program to accept a connection", "slot", m.child.Slot(), "pid", m.child.PID(),
			"program", m.child.Path(), "start_timeout", max(limit, 0))
	}
	return false
}
