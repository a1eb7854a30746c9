package ferry

import (
	"fmt"
	"slices"
	"sync/atomic"
)

// hold is what a receiver has of parcels that it has not answered yet.
type hold struct {
	last   uint64       // id of the newest parcel; ids only grow, so none comes twice
	half   uint64       // id of the one that has begun to come, 0 for none
	unread []byte       // what has come of it
	octets atomic.Int64 // of it, and of all that came and were not answered
}

// add takes what is in a datagram of a parcel. It reports whether the parcel is
// complete, and returns its Unread then; nothing in it is part of the datagram. One
// that has begun and does not go on was given up by its sender.
func (h *hold) add(d datagram) (unread []byte, complete bool, err error) {
	if d.id != h.half {
		if d.id <= h.last {
			return nil, false, fmt.Errorf("%w: parcel %d after %d", errDatagram, d.id, h.last)
		}
		h.drop()
		h.last, h.half = d.id, d.id
	}
	if n := h.octets.Add(int64(len(d.unread))); n > MaxUnread {
		return nil, false, fmt.Errorf("%w: %d octets on their way", errDatagram, n)
	}
	h.unread = append(h.unread, d.unread...)
	if d.kind != whole {
		return nil, false, nil
	}
	unread = slices.Clip(h.unread)
	h.unread, h.half = nil, 0
	return unread, true, nil
}

// drop forgets the parcel that has begun to come.
func (h *hold) drop() {
	h.octets.Add(-int64(len(h.unread)))
	h.unread, h.half = nil, 0
}

// answered says that a parcel with so many octets is about to be answered.
func (h *hold) answered(unread int) { h.octets.Add(-int64(unread)) }
