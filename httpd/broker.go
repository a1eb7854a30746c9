package httpd

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/bident/bident/internal/ferry"
	"github.com/bident/bident/internal/listen"
	"github.com/bident/bident/internal/park"
	"github.com/bident/bident/pool"
)

// broker owns the clients' connections that no child owns, in the parent of
// accepting children: those that children have given away, and with dispatch those
// that it has accepted itself. Each is in one of these states:
//
//	sent      on its way to a child, until that has it
//	parked    idle; no goroutine and no buffer, only a place in the lot
//	waiting   with a request on it, in a queue for the next child that is free
//	refused   answered 503, and closed when the client has seen it
//
// Children that serve many connections at a time get everything at once: it is
// parked, or waits, only while there is no child. Children that serve one at a time
// get a connection when there is a request on it and they have nothing else, so
// that a kept connection never starves others.
//
// What was sent stays sent until the child has acknowledged it or is gone: one that
// was stopped could read it whenever it goes on, and two would serve it. So a child
// that does not answer gets no more while others do; what it has been sent waits for
// it; and when it is told to leave and still does not answer, it is killed.
//
// Goroutines: one for each listener, until stop; one for each connection that is
// sent or refused; the lot's and the sweeper's, until close. Calls of a child are
// made without the lock, and nothing else here waits.
type broker struct {
	config brokerConfig
	log    *slog.Logger
	lot    *park.Lot
	most   int // connections that are held at a time

	accepting sync.WaitGroup // the listeners' goroutines
	mute      chan struct{}  // closed when no more connections are accepted
	over      chan struct{}  // closed by close

	mu        sync.Mutex
	changed   sync.Cond // a child has come or gone, or a connection has left
	takers    []*taker
	turn      int    // round robin among equals
	loads     []load // for choose
	parked    map[uint64]*held
	senders   map[recipient]*sender // of those that are held
	waiting   []*held               // by order
	ids       uint64                // given to connections that are held
	orders    uint64                // given to those that wait
	count     int                   // all that are held
	refusals  int                   // those of them that are refused
	poll      *time.Timer
	polling   bool
	crowded   bool // the children know that connections wait
	elsewhere func(ferry.Parcel) error
	demand    func() // called when something waits; nil as long as nobody is told
	doors     []*listen.Door
	deaf      bool // no more connections are accepted
	stopping  bool
	closed    bool

	accepted, given, migrated, shed int64
}

// brokerConfig is what a broker has to know.
type brokerConfig struct {
	// Single says that children serve one connection at a time, and Once that they
	// serve one in their life.
	Single, Once bool
	Limits       Limits // with their defaults
	// QueueSize and QueueTimeout are how many connections may wait for a child, and
	// how long; 0 is none and for ever.
	QueueSize    int
	QueueTimeout time.Duration
	// Most is how many connections may be held at a time.
	Most int
	// Patience is how long a child that is told to leave may leave unanswered what
	// it was sent; 0 is takerPatience.
	Patience time.Duration
}

// recipient is a process that connections can be sent to: a *fork.Child.
type recipient interface {
	Send(ferry.Parcel) error
	GiveUp(limit string)
}

// held is a connection that no child owns.
type held struct {
	ferry.Parcel        // its Note without a tag
	id           uint64 // among those that are held
	order        uint64 // its place among those that wait, 0 if it has none
	note         note
	since        time.Time // when it was parked, or has begun to wait
	from         *sender   // who is charged for it
	older, newer *held     // among those of its sender that are parked
	tried        []*taker  // who could not take it
}

// idle reports whether nothing of a request has been read.
func (h *held) idle() bool { return len(h.Unread) == 0 && h.File == nil }

// fresh reports whether it has not carried a request.
func (h *held) fresh() bool { return h.note.requests == 0 }

// control calls f with the descriptor of the connection.
func (h *held) control(f func(fd uintptr)) {
	if raw, err := h.Conn.SyscallConn(); err == nil {
		_ = raw.Control(f)
	}
}

func newBroker(config brokerConfig, log *slog.Logger) (*broker, error) {
	b := &broker{
		config: config, log: log, most: config.Most, over: make(chan struct{}), mute: make(chan struct{}),
		parked: make(map[uint64]*held), senders: make(map[recipient]*sender),
	}
	if b.config.Patience == 0 {
		b.config.Patience = takerPatience
	}
	b.changed.L = &b.mu
	b.poll = time.AfterFunc(time.Hour, b.look)
	b.poll.Stop()
	var err error
	if b.lot, err = park.Open(b.stirred); err != nil {
		return nil, fmt.Errorf("httpd: %w", err)
	}
	go b.sweeper()
	return b, nil
}

// configure changes how many connections may wait for a child, and how long.
func (b *broker) configure(size int, timeout time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.config.QueueSize, b.config.QueueTimeout = size, timeout
}

// join says that a child takes connections, and where it counts them.
func (b *broker) join(c recipient, row *pool.Row) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.takers = append(b.takers, &taker{child: c, row: row})
	row.SetCrowded(b.crowded)
	b.distribute()
	if !b.config.Single && !b.stopping {
		b.replace()
	}
	b.changed.Broadcast()
}

// leave says that a child takes no more connections, or is gone.
func (b *broker) leave(c recipient) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range b.takers {
		if t.child == c {
			b.watch(t)
		}
	}
	b.takers = slices.DeleteFunc(b.takers, func(t *taker) bool { return t.child == c })
	b.resign()
	b.changed.Broadcast()
}

// arrive takes a connection that a child has given away.
func (b *broker) arrive(c recipient, p ferry.Parcel) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range b.takers {
		if t.child == c {
			t.owing = false // and it may be free now
		}
	}
	order, note, ok := untagged(p.Note)
	if !ok || order > b.orders { // a place that was never given is none
		b.log.Warn("a connection came without a tag, or with a wrong one", "tag", order)
		order = 0
	}
	p.Note = note
	b.hold(p, order, c)
	b.distribute()
}

// add takes a connection that comes from another process, without a tag.
func (b *broker) add(p ferry.Parcel) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.hold(p, 0, nil)
}

// divert gives everything that is held, and all that comes, to send instead of to
// children, until send fails.
func (b *broker) divert(send func(ferry.Parcel) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.elsewhere = send
	b.replace()
	waiting := b.waiting
	b.waiting = nil
	for _, h := range waiting {
		b.place(h)
	}
}

// replace finds other places for all that are parked.
func (b *broker) replace() {
	for _, h := range slices.Collect(maps.Values(b.parked)) {
		b.unpark(h)
		b.place(h)
	}
}

// hold begins to hold a connection, which a child has given away unless c is nil.
func (b *broker) hold(p ferry.Parcel, order uint64, c recipient) {
	n, err := readNote(p.Note, time.Now())
	if err != nil {
		b.log.Warn("a connection came with a note that makes no sense", "error", err)
	}
	b.ids++
	h := &held{Parcel: p, id: b.ids, order: order, note: n}
	switch b.charge(h, c); {
	case b.makeRoom(h):
		b.place(h)
	case h.idle():
		b.drop(h)
	default:
		b.refuse(h)
	}
}

// place decides what becomes of a connection.
func (b *broker) place(h *held) {
	switch {
	case b.closed:
		b.drop(h)
		return
	case b.elsewhere != nil:
		go b.sendAway(h, b.elsewhere)
		return
	case !b.config.Single && !(b.stopping && h.idle()):
		if t := b.choose(h); t != nil {
			b.dispatch(h, t)
			return
		}
	}
	if h.idle() {
		b.park(h)
	} else {
		b.enqueue(h)
	}
}

// dispatch sends a connection to a child.
func (b *broker) dispatch(h *held, t *taker) {
	t.sent()
	if b.stopping {
		b.watch(t)
	}
	if b.config.Single {
		t.expect()
	}
	p := h.Parcel
	note := h.Note
	if h.order != 0 && b.config.Single {
		// A head that is not whole goes round, and its time does not stand still.
		n := h.note
		n.age += time.Since(h.since)
		note = n.encode()
	}
	p.Note = tagged(h.order, note)
	go func() {
		err := t.child.Send(p)
		b.mu.Lock()
		defer b.mu.Unlock()
		t.answered()
		if err == nil {
			b.given++
			if h.from.child != nil {
				b.migrated++
			}
			if b.config.Once {
				b.strike(t)
			}
			b.gone(h)
			return
		}
		b.log.Debug("a child cannot take a connection", "error", err)
		t.owing = false
		h.tried = append(h.tried, t)
		if errors.Is(err, ferry.ErrClosed) {
			b.strike(t)
		}
		b.place(h)
	}()
}

// sendAway sends a connection to another process, which has no children of ours.
func (b *broker) sendAway(h *held, send func(ferry.Parcel) error) {
	err := send(h.Parcel)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil {
		b.gone(h)
		return
	}
	b.log.Warn("connections cannot be sent elsewhere any more", "error", err)
	b.elsewhere = nil
	b.place(h)
}

// strike takes a child off the list.
func (b *broker) strike(t *taker) {
	b.takers = slices.DeleteFunc(b.takers, func(o *taker) bool { return o == t })
	b.resign()
	b.changed.Broadcast()
}

// gone notes that a connection is not held any more.
func (b *broker) gone(h *held) {
	b.discharge(h)
	b.changed.Broadcast()
}

// drop closes a connection. A handler may have made it linger, and mu is held.
func (b *broker) drop(h *held) {
	h.Discard()
	b.gone(h)
}

// addTo adds what only the broker knows to the totals of the workers.
func (b *broker) addTo(t *StatusTotals) {
	b.mu.Lock()
	defer b.mu.Unlock()
	// Workers have counted what was given to them as well as what they have accepted.
	t.Connections = max(t.Connections-b.given, 0) + b.accepted
	t.Parked, t.Migrated = int64(b.count), b.migrated
	t.Shed += b.shed
	t.Waiting += int64(len(b.waiting))
}
