package pool

import (
	"slices"
	"time"
)

// record is what the supervisor keeps of one worker, for itself: nothing in it
// can be changed by a child.
type record struct {
	id         int64
	slot       int
	generation int
	phase      Phase
	worker     Worker
	born       time.Time
	told       time.Time
	lifetime   time.Duration
	limit      uint64 // of requests, 0 if there is none
	cause      Cause  // why it was told to leave, or to die
	retired    Cause  // why it was told to leave, whatever has become of it since
	expiring   Cause  // why it is to be replaced
	spent      bool
	lingering  bool
	ready      bool // has ever been ready
	idleSince  time.Time
	idleBegun  uint64 // requests that it had begun then
}

// rest notes since when the worker has had nothing to do, as far as the looks that
// are taken at it tell: a request that came and went between two of them shows in
// the number of those begun.
func (w *record) rest(now time.Time, busy bool, begun uint64) time.Time {
	switch {
	case busy || w.phase != PhaseLive:
		w.idleSince = time.Time{}
	case w.idleSince.IsZero() || w.idleBegun != begun:
		w.idleSince, w.idleBegun = now, begun
	}
	return w.idleSince
}

// begun is how many requests the worker has begun, as far as what a child may
// have written into its row can be believed.
func (w *record) begun(row *Row) uint64 {
	n := row.Begun()
	if w.limit > 0 {
		return min(n, w.limit)
	}
	return min(n, 1<<48) // more than any worker begins; sums do not overflow
}

// hold is a slot whose worker is gone, but not its abandoned handlers.
type hold struct {
	id   int64
	slot int
}

// roster is the set of workers, in the order of their birth.
type roster struct {
	board   *Scoreboard
	records []*record
	held    []hold
	born    int64
}

func (r *roster) add(slot, generation int, now time.Time) *record {
	r.born++
	w := &record{id: r.born, slot: slot, generation: generation, born: now, phase: PhaseStarting}
	r.records = append(r.records, w)
	return w
}

func (r *roster) find(id int64) *record {
	for _, w := range r.records {
		if w.id == id {
			return w
		}
	}
	return nil
}

// remove frees the worker's slot, unless handlers that were abandoned still hold
// it.
func (r *roster) remove(w *record, lost bool) {
	r.records = slices.DeleteFunc(r.records, func(other *record) bool { return other == w })
	if lost {
		r.board.Row(w.slot).setState(Lost)
		r.held = append(r.held, hold{w.id, w.slot})
	} else {
		r.board.Row(w.slot).setState(Free)
	}
}

// lost counts the slots that abandoned handlers hold, and frees those whose
// handlers have come back.
func (r *roster) lost() int {
	r.held = slices.DeleteFunc(r.held, func(h hold) bool {
		row := r.board.Row(h.slot)
		if row.LostLanes() > 0 {
			return false
		}
		row.setState(Free)
		return true
	})
	return len(r.held)
}

// release frees the slot of a worker whose last abandoned handler has come back.
func (r *roster) release(id int64) {
	r.held = slices.DeleteFunc(r.held, func(h hold) bool {
		if h.id == id {
			r.board.Row(h.slot).setState(Free)
		}
		return h.id == id
	})
}

// freeSlot is the lowest slot that nobody has.
func (r *roster) freeSlot() (int, bool) {
	taken := make(map[int]bool, len(r.records)+len(r.held))
	for _, w := range r.records {
		taken[w.slot] = true
	}
	for _, h := range r.held {
		taken[h.slot] = true
	}
	for i := range r.board.Slots() {
		if !taken[i] {
			return i, true
		}
	}
	return 0, false
}

// members are the workers as Plan sees them. Whether they are busy is only
// looked at where it matters, since it means reading every lane.
func (r *roster) members(now time.Time, busy bool) []Member {
	members := make([]Member, len(r.records))
	for i, w := range r.records {
		members[i] = Member{
			ID: w.id, Phase: w.phase, Generation: w.generation, Born: w.born, Told: w.told,
			Expiring: w.expiring, Spent: w.spent, Lingering: w.lingering, Lifetime: w.lifetime, Unready: !w.ready,
		}
		if busy {
			m := &members[i]
			m.Busy = r.board.Busy(w.slot) > 0
			m.IdleSince = w.rest(now, m.Busy, r.board.Row(w.slot).Begun())
		}
	}
	return members
}
