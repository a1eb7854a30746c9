package pool

import (
	"math/bits"
	"sync/atomic"
)

// stations is the set of idle lanes.
//
// It is a ring of bits, one for each lane, that are given to workers in the
// order of their birth. take starts looking at the oldest worker, so the oldest
// idle worker always gets the next request: workers reach max_requests one
// after another and not all at once, a lane that is warm stays warm, and the
// youngest are the ones that are idle and can be let go.
//
// A set bit is an offer. Whoever clears it has the lane: the front, to give it a
// request, or the lane itself, to withdraw. No lock is taken.
type stations struct {
	words  []atomic.Uint64
	lanes  []atomic.Pointer[Lane]
	oldest atomic.Uint32 // the word at which take begins
}

func newStations(lanes int) *stations {
	words := (lanes + 63) / 64
	return &stations{
		words: make([]atomic.Uint64, words),
		lanes: make([]atomic.Pointer[Lane], words*64),
	}
}

func (s *stations) size() int { return len(s.lanes) }

// offer says that the lane is idle.
func (s *stations) offer(station int) {
	s.words[station/64].Or(1 << (station % 64))
}

// some reports whether a lane is idle.
func (s *stations) some() bool {
	for i := range s.words {
		if s.words[i].Load() != 0 {
			return true
		}
	}
	return false
}

// withdraw takes back a lane's offer. It reports false if somebody has taken
// the lane already.
func (s *stations) withdraw(station int) bool {
	bit := uint64(1) << (station % 64)
	return s.words[station/64].And(^bit)&bit != 0
}

// take takes the oldest idle lane, or nil if none is idle.
func (s *stations) take() *Lane {
	start := s.oldest.Load()
	word, low := int(start/64), int(start%64)
	// The first word is visited twice: from the oldest lane's bit up, and at
	// the end of the round the bits below it.
	mask := ^uint64(0) << low
	for i := 0; i <= len(s.words); i++ {
		w := &s.words[word]
		for {
			set := w.Load() & mask
			if set == 0 {
				break
			}
			bit := set & -set
			if w.And(^bit)&bit != 0 {
				return s.lanes[word*64+bits.TrailingZeros64(bit)].Load()
			}
		}
		if word++; word == len(s.words) {
			word = 0
		}
		mask = ^uint64(0)
		if i == len(s.words)-1 {
			mask = 1<<low - 1
		}
	}
	return nil
}
