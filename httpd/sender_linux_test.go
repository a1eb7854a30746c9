package httpd

import (
	"net"
	"testing"
	"time"
)

// TestBrokerShares: when there is no room the sender that has the most loses what was
// parked first, and no child has more than its share.
func TestBrokerShares(t *testing.T) {
	s := newRig(t, brokerConfig{Single: true, Most: 8})
	honest, other, hostile := s.child(), s.child(), s.child()
	for _, f := range []*fake{honest, other, hostile} {
		f.row.AddConnections(100)
	}
	var kept, own []net.Conn
	for range 2 {
		kept = append(kept, s.from(honest, ""), s.from(other, ""))
	}
	for range 50 {
		own = append(own, s.from(hostile, ""))
	}
	for _, c := range own[:46] {
		closed(t, c)
	}
	s.settled("all places are taken", func() bool { return s.count == 8 && len(s.parked) == 8 })
	kept = append(kept, s.from(honest, ""))
	closed(t, own[46])
	s.settled("another one has more", func() bool {
		return s.count == 8 && s.senders[honest].count == 3 && s.senders[other].count == 2 && s.senders[hostile].count == 3
	})
	for _, c := range append(kept, own[47:]...) {
		open(t, c)
		c.Close()
	}
	s.empty()
	s.settled("nobody is charged", func() bool { return len(s.senders) == 0 })

	for range 8 {
		own = append(own, s.from(hostile, ""))
	}
	s.settled("its share", func() bool { return s.count == s.share() && len(s.parked) == s.share() })
}

// TestBrokerNoRoom: what cannot be put in anybody's place is refused.
func TestBrokerNoRoom(t *testing.T) {
	s := newRig(t, brokerConfig{Single: true, Most: 4})
	f, hostile := s.child(), s.child()
	f.row.AddConnections(100)
	hostile.row.AddConnections(100)
	kept := s.from(f, "")
	for range 3 {
		s.from(hostile, "x") // its share, and there is a request on each
	}
	refused(t, s.from(hostile, "x"))
	closed(t, s.from(hostile, ""))
	s.settled("four are held", func() bool { return s.count == 4 && len(s.parked) == 1 && len(s.waiting) == 3 })
	open(t, kept)
}

// open checks that nobody has closed the connection.
func open(t *testing.T, c net.Conn) {
	t.Helper()
	if waiting, gone := peek(c); waiting || gone {
		t.Errorf("the connection is closed, or there is an answer: %t", waiting)
	}
}

// TestBrokerSilent: a child that does not answer gets nothing more while others do,
// and is killed when it leaves and still does not answer. What it was sent is others'
// then.
func TestBrokerSilent(t *testing.T) {
	s := newRig(t, brokerConfig{Patience: 300 * time.Millisecond})
	halted, other := s.child(), s.child()
	other.row.AddConnections(50)
	halted.halt(t)
	for range 3 {
		s.from(halted, "")
	}
	s.settled("it is silent", func() bool { return s.takers[0].coming == 3 && s.takers[0].silence() > takerSilence })
	for range 5 {
		s.from(other, "x")
		if p, _ := other.next(t); string(p.Unread) != "x" {
			t.Errorf("unread: %q", p.Unread)
		}
	}
	s.leave(halted)
	for range 3 {
		other.next(t)
	}
	s.empty()
	if halted.mu.Lock(); halted.killed != "acknowledgement" {
		t.Error("it was not killed")
	}
	halted.mu.Unlock()
}

// TestBrokerSilentAtTheEnd: the same when the server stops. What nobody is left for is
// refused.
func TestBrokerSilentAtTheEnd(t *testing.T) {
	s := newRig(t, brokerConfig{Patience: 100 * time.Millisecond})
	f := s.child()
	f.halt(t)
	idle, asking := s.from(f, ""), s.from(f, "x")
	s.settled("two are on their way", func() bool { return s.takers[0].coming == 2 })
	s.stop(t.Context())
	refused(t, asking)
	closed(t, idle)
	s.empty()
}
