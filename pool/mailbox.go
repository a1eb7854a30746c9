package pool

import "sync"

// mailbox holds the reports that the supervisor has not read yet, in order. It
// has no limit, so that nobody who reports ever waits for the supervisor: a
// backend may report from within a call that the supervisor makes to it, and a
// lane in the middle of a request. Each worker sends a handful in all its life.
type mailbox struct {
	// rings gets a token when there may be something to read.
	rings chan struct{}

	mu      sync.Mutex
	reports []report
	shut    bool
}

type report struct {
	id    int64
	event Event
}

func newMailbox() *mailbox { return &mailbox{rings: make(chan struct{}, 1)} }

// put adds a report, unless the mailbox is shut.
func (m *mailbox) put(r report) {
	m.mu.Lock()
	if !m.shut {
		m.reports = append(m.reports, r)
	}
	m.mu.Unlock()
	m.ring()
}

// ring makes the supervisor look around even if there is nothing to read.
func (m *mailbox) ring() {
	select {
	case m.rings <- struct{}{}:
	default:
	}
}

// take is the oldest report. It rings again if there are more.
func (m *mailbox) take() (r report, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.reports) == 0 {
		return report{}, false
	}
	r = m.reports[0]
	m.reports[0] = report{}
	if m.reports = m.reports[1:]; len(m.reports) > 0 {
		m.ring()
	}
	return r, true
}

// close forgets what is in the mailbox and all that comes later.
func (m *mailbox) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.shut, m.reports = true, nil
}
