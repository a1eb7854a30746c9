package pool

import (
	"errors"
	"fmt"
	"unsafe"
)

// ErrScoreboard says that a piece of memory does not hold the scoreboard that
// was expected in it.
var ErrScoreboard = errors.New("pool: not a scoreboard of this shape")

// Scoreboard is the table of all workers and of the requests they have in
// hand: a header row and a Timing for each slot and a line for each lane.
//
// Its shape is not written in it, where a child that runs wild could spoil it for
// those that come after: whoever opens it knows the shape from elsewhere.
//
// It lies over a byte slice and holds no pointers, so that the same structure
// serves as plain memory of one process and as memory shared with children.
// Every field is read and written atomically, the text of a request under a
// sequence counter. A reader therefore never sees torn values, but a child can
// write nonsense: what a decision rests on (pids, intentions, limits) is kept
// by the supervisor, and what is only shown is validated when it is read.
type Scoreboard struct {
	rows    []Row
	timings []Timing
	lines   []Line
	lanes   int
}

// ScoreboardSize is the number of bytes that a scoreboard of that many slots,
// with that many lanes each, needs.
func ScoreboardSize(slots, lanes int) int {
	return slots*int(unsafe.Sizeof(Row{})+unsafe.Sizeof(Timing{})) +
		slots*lanes*int(unsafe.Sizeof(Line{}))
}

// NewScoreboard lays a scoreboard over mem, which must start at a multiple of 8 and
// be ScoreboardSize long. An empty one is all zero; one that another process has laid
// there is found as it is, if it has that many slots and lanes. The error is
// ErrScoreboard if there is no room for one of that shape, or for more.
func NewScoreboard(mem []byte, slots, lanes int) (*Scoreboard, error) {
	if slots < 1 || lanes < 1 || slots > MaxSlots || lanes > MaxLanes {
		return nil, fmt.Errorf("%w: %d slots with %d lanes", ErrScoreboard, slots, lanes)
	}
	if need := ScoreboardSize(slots, lanes); len(mem) != need {
		return nil, fmt.Errorf("%w: %d bytes, %d slots with %d lanes need %d", ErrScoreboard, len(mem), slots, lanes, need)
	}
	base := unsafe.Pointer(unsafe.SliceData(mem))
	if uintptr(base)%8 != 0 {
		return nil, fmt.Errorf("%w: memory is not aligned to 8 bytes", ErrScoreboard)
	}
	timings := unsafe.Add(base, uintptr(slots)*unsafe.Sizeof(Row{}))
	lines := unsafe.Add(timings, uintptr(slots)*unsafe.Sizeof(Timing{}))
	return &Scoreboard{
		rows:    unsafe.Slice((*Row)(base), slots),
		timings: unsafe.Slice((*Timing)(timings), slots),
		lines:   unsafe.Slice((*Line)(lines), slots*lanes),
		lanes:   lanes,
	}, nil
}

// Slots is the number of rows.
func (s *Scoreboard) Slots() int { return len(s.rows) }

// Lanes is the number of lines that each slot has.
func (s *Scoreboard) Lanes() int { return s.lanes }

// Row is the header row of a slot.
func (s *Scoreboard) Row(slot int) *Row { return &s.rows[slot] }

// Timings are what a front that runs in the worker of a slot writes to. They are
// part of the totals as long as the worker lives and after.
func (s *Scoreboard) Timings(slot int) *Timings {
	return &Timings{list: s.timings[slot : slot+1 : slot+1]}
}

// addTo adds what the worker of a slot has counted itself to the totals.
func (s *Scoreboard) addTo(slot int, t *Totals) {
	s.Row(slot).addTo(t)
	s.timings[slot].addTo(t)
}

// reset makes a slot ready for a worker that is about to start. Nobody else may
// hold it.
func (s *Scoreboard) reset(slot int, id int64, generation int, limit uint64, now int64) {
	s.Row(slot).reset(id, generation, limit, now)
	s.timings[slot].reset()
	lines := s.Lines(slot)
	for i := range lines {
		lines[i].reset()
	}
}

// Line is the line of one lane of a slot.
func (s *Scoreboard) Line(slot, lane int) *Line { return &s.lines[slot*s.lanes+lane] }

// Lines are the lines of a slot, by lane.
func (s *Scoreboard) Lines(slot int) []Line {
	return s.lines[slot*s.lanes : (slot+1)*s.lanes]
}

// Busy counts the lanes of a slot that have a request in hand.
func (s *Scoreboard) Busy(slot int) int {
	n := 0
	lines := s.Lines(slot)
	for i := range lines {
		if lines[i].State() == Working {
			n++
		}
	}
	return n
}

// InHand is the first request that a lane of the slot has in hand, or was given up with, as "GET /x",
// or "" if it has none: after a crash it tells which request was lost.
func (s *Scoreboard) InHand(slot int) string {
	lines := s.Lines(slot)
	for i := range lines {
		if s := lines[i].State(); s == Working || s == Lost {
			if v, ok := lines[i].View(); ok && v.Request != "" {
				return v.Request
			}
		}
	}
	return ""
}
