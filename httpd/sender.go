package httpd

// sender is who has given the broker connections: a child, or this process, which
// accepts some itself and inherits others. The broker's lock guards it.
//
// Each sender is charged for what is held of it, and when there is no room it is the
// one with the most that loses something. A child that is broken, or does harm, could
// send any number of sockets; it pushes out its own.
type sender struct {
	child          recipient // nil for this process
	count          int       // connections of it that are held
	oldest, newest *held     // of those that are parked, by the time they were
}

// share is how many connections of one child may be held: there is always room for
// others.
func (b *broker) share() int { return max(b.most-b.most/4, 1) }

// charge counts a connection that is held from now on, for whom it comes from.
func (b *broker) charge(h *held, c recipient) {
	s := b.senders[c]
	if s == nil {
		s = &sender{child: c}
		b.senders[c] = s
	}
	h.from = s
	s.count++
	b.count++
}

// discharge counts one that is held no more.
func (b *broker) discharge(h *held) {
	s := h.from
	if s.count--; s.count == 0 {
		delete(b.senders, s.child)
	}
	b.count--
}

// makeRoom closes an idle connection if too many are held, now that h is: the one that
// was parked first, of who has the most. false: there is none, and h itself is too many.
func (b *broker) makeRoom(h *held) bool {
	s := h.from
	if b.count <= b.most && (s.child == nil || s.count <= b.share()) {
		return true
	}
	greatest := s
	if b.count > b.most {
		for _, o := range b.senders {
			if o.count > greatest.count {
				greatest = o
			}
		}
	}
	victim := greatest.oldest
	if victim == nil {
		victim = s.oldest
	}
	if victim == nil {
		return false
	}
	b.unpark(victim)
	b.drop(victim)
	return true
}

// park notes that a connection is parked, as the newest.
func (s *sender) park(h *held) {
	h.older, h.newer = s.newest, nil
	if s.newest != nil {
		s.newest.newer = h
	} else {
		s.oldest = h
	}
	s.newest = h
}

// unpark notes that one is parked no more.
func (s *sender) unpark(h *held) {
	if h.older != nil {
		h.older.newer = h.newer
	} else {
		s.oldest = h.newer
	}
	if h.newer != nil {
		h.newer.older = h.older
	} else {
		s.newest = h.older
	}
	h.older, h.newer = nil, nil
}
