package httpd

import (
	"slices"
	"time"

	"github.com/bident/bident/pool"
)

// taker is a child as the broker sees it. The broker's lock guards it.
type taker struct {
	child  recipient
	row    *pool.Row
	coming int // connections on their way to it, or waiting for it to go on
	// heard is when it last answered what it was sent, or when the first was sent
	// that it has not answered.
	heard   time.Time
	watched bool // it is leaving, and may be killed
	// owing: the child has been given a connection and may not have counted it yet.
	// before is what it had counted until then, looks how often that was looked at.
	owing  bool
	before uint64
	looks  int
}

// owingLooks is after how many looks a child is believed that has not counted what
// it was given: perhaps it could not make use of it.
const owingLooks = 20

const (
	// takerSilence is after how long a child that does not answer gets nothing while
	// others do. It answers in a fraction of a millisecond, unless it does not run.
	takerSilence = 100 * time.Millisecond
	// takerPatience is after how long it is killed if it is told to leave.
	takerPatience = 5 * time.Second
)

// sent notes that a connection is on its way to the child.
func (t *taker) sent() {
	if t.coming == 0 {
		t.heard = time.Now()
	}
	t.coming++
}

// answered notes that the child has one, or will not.
func (t *taker) answered() {
	t.coming--
	t.heard = time.Now()
}

// silence is for how long the child has not answered what it was sent.
func (t *taker) silence() time.Duration {
	if t.coming == 0 {
		return 0
	}
	return time.Since(t.heard)
}

// watch sees to it that a child which is told to leave, or has to because the server
// stops, does not keep those waiting that are on their way to it: it is killed if it
// does not answer.
func (b *broker) watch(t *taker) {
	if t.watched || t.coming == 0 {
		return
	}
	t.watched = true
	time.AfterFunc(b.config.Patience-t.silence(), func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		t.watched = false
		if t.silence() < b.config.Patience {
			b.watch(t)
			return
		}
		b.log.Error("a child that is to leave does not answer: it is killed, and others get the connections sent to it",
			"connections", t.coming, "silent", t.silence().Round(time.Millisecond))
		b.strike(t)
		go t.child.GiveUp("acknowledgement")
	})
}

// expect notes that the child is about to be given a connection, as its only one.
func (t *taker) expect() { t.owing, t.before, t.looks = true, t.row.Accepted(), 0 }

// load is how busy the child is, as far as the parent can know.
func (t *taker) load() load {
	l := load{connections: max(t.row.Connections(), 0), coming: t.coming, silent: t.silence() > takerSilence}
	if t.owing {
		t.looks++
		t.owing = t.coming > 0 || l.connections == 0 && t.row.Accepted() == t.before && t.looks < owingLooks
		l.owing = t.owing
	}
	return l
}

// load is what the choice of a child depends on.
type load struct {
	connections int64 // that it has
	coming      int   // that are on their way to it
	owing       bool  // it has one that is in neither number
	silent      bool  // it does not answer
	barred      bool  // it is not to be chosen
}

// fewest finds the child with the fewest connections, and of several the first one
// from turn on; with single only a child without any will do. One that does not answer
// is taken only if all do not. -1 is none.
func fewest(loads []load, turn int, single bool) int {
	best, least := -1, int64(0)
	for i := range loads {
		at := (turn + i) % len(loads)
		l := loads[at]
		n := l.connections + int64(l.coming)
		if l.barred || single && (n > 0 || l.owing) {
			continue
		}
		if best >= 0 && l.silent != loads[best].silent {
			if l.silent {
				continue
			}
			best = -1
		}
		if best < 0 || n < least {
			best, least = at, n
		}
	}
	return best
}

// choose is the child that a connection should be sent to, nil if there is none.
func (b *broker) choose(h *held) *taker {
	if len(b.takers) == 0 {
		return nil
	}
	b.loads = b.loads[:0]
	for _, t := range b.takers {
		l := t.load()
		l.barred = slices.Contains(h.tried, t)
		b.loads = append(b.loads, l)
	}
	at := fewest(b.loads, b.turn%len(b.takers), b.config.Single)
	if at < 0 {
		return nil
	}
	b.turn = at + 1
	return b.takers[at]
}
