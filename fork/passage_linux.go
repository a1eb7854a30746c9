package fork

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/bident/bident/internal/fdpass"
	"github.com/bident/bident/internal/ferry"
)

// place is where a child stands with whoever sends connections to children.
type place int

const (
	outside place = iota
	joining       // Config.Join is being called
	joined
	leftEarly // while it was joining: whoever calls Join calls Leave after it
	left
)

// openFerry opens the parent's end of the ferry, and returns the child's.
func (p *process) openFerry() (int, error) {
	conn, fd, err := fdpass.Pair()
	if err != nil {
		return -1, err
	}
	var arrive func(ferry.Parcel)
	if a := p.backend.config.Arrive; a != nil {
		arrive = func(parcel ferry.Parcel) { a(p.child, parcel) }
	}
	p.ferry = ferry.NewPortOn(conn, ferry.Terms{Dead: p.exited, Ended: func(err error) {
		// The end of a child that is gone, or goes in this moment, is ErrClosed as
		// it is. What else there is to say makes it useless.
		if err != ferry.ErrClosed {
			p.fail(err)
		}
	}}, arrive)
	return fd, nil
}

// join tells that connections can be sent to the child. begin has made it joining.
func (p *process) join() {
	c := &p.backend.config
	if !c.Accept.Owning() {
		return
	}
	if c.Join != nil {
		c.Join(p.child)
	}
	p.mu.Lock()
	early := p.place == leftEarly
	p.place = joined
	p.mu.Unlock()
	if early {
		p.leave()
	}
}

// leave tells, once, that no more connections are to be sent to the child, if
// anybody has been told that they can.
func (p *process) leave() {
	p.mu.Lock()
	was := p.place
	switch was {
	case joining:
		p.place = leftEarly
	case joined:
		p.place = left
	}
	p.mu.Unlock()
	if leave := p.backend.config.Leave; was == joined && leave != nil {
		leave(p.child)
	}
}

// passage is what a child waits for before connections can arrive.
type passage struct {
	open sync.Once
	take func(ferry.Parcel)
	can  chan struct{}
}

// openFerry opens the child's end of the ferry. Its end is the parent's, or a parent's
// that does not want this child any more: nobody is left to serve for. The process
// ends before what it was sending fails, because the parent takes that over.
func (s *Self) openFerry() error {
	conn, err := fdpass.Conn(onFerry)
	if err != nil {
		return fmt.Errorf("ferry: %w", err)
	}
	s.passage.can = make(chan struct{})
	s.ferry = ferry.NewPortOn(conn, ferry.Terms{
		Open:  s.passage.can,
		Ended: func(error) { os.Exit(exitOrphan) },
	}, func(p ferry.Parcel) { s.passage.take(p) })
	return nil
}

// Send gives a client's connection to the parent and returns when the parent has it.
// After an error it still belongs to the caller: it is ferry.ErrRefused if the parent
// cannot take it, and errors.ErrUnsupported in a child that owns no connections. It
// waits while too many are on their way. A child must not exit before it has returned.
func (s *Self) Send(p ferry.Parcel) error {
	if s.ferry == nil {
		return fmt.Errorf("fork: this child owns no connections: %w", errors.ErrUnsupported)
	}
	if err := s.ferry.Send(p); err != nil {
		return fmt.Errorf("fork: %w", err)
	}
	return nil
}

// Arrivals gives every connection that the parent sends to take, one after the other;
// they belong to it. Before it is called, the first time, which should be before Ready,
// they stay with the parent. take must not wait for Send.
func (s *Self) Arrivals(take func(ferry.Parcel)) {
	if s.ferry == nil {
		return
	}
	s.passage.open.Do(func() {
		s.passage.take = take
		close(s.passage.can)
	})
}
