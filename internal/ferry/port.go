package ferry

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/bident/bident/internal/fdpass"
)

var (
	// ErrClosed says that the port was closed, or that the other side is gone.
	ErrClosed = errors.New("ferry: port closed")
	// ErrRefused says that the other side could not take a parcel, for example
	// because it may not open any more files, or that the kernel has had no room for
	// it for too long. The port goes on.
	ErrRefused = errors.New("ferry: parcel refused")
	// ErrParcel says that a parcel cannot be sent by any port: it has no
	// connection, or is too long.
	ErrParcel = errors.New("ferry: parcel cannot be sent")
)

// Terms are what a port can rely on beyond its socket. The zero value is for a port
// that knows nothing.
type Terms struct {
	// Dead is closed when the process at the other end is dead for certain. What
	// it has sent and can no longer be told about is kept until then, and
	// arrives. nil, or if the port is closed before: it is closed, because whoever
	// sent it has it.
	Dead <-chan struct{}
	// Open is closed when this side can take parcels; before, none is taken, and
	// they stay with their sender. nil: from the beginning.
	Open <-chan struct{}
	// Ended is called when the port has ended, before what is being sent fails.
	// The error is ErrClosed, with the reason if it is a bad one. It must not wait
	// for the port, nor close it. nil: nothing is called.
	Ended func(error)
}

// Port is this process's end of a socket over which connections are passed.
type Port struct {
	conn   *net.UnixConn
	terms  Terms
	arrive func(Parcel)

	holding   hold
	arrivals  chan arrival
	ended     chan struct{} // closed when the socket was read to its end
	final     chan struct{} // closed when nothing is inherited any more
	finish    sync.Once
	delivered chan struct{} // closed when the last parcel was given to arrive

	delivering sync.Mutex // held while a parcel is answered and given to arrive
	refusing   bool       // none is taken any more

	loading sync.Mutex // held for all datagrams of a parcel
	nextID  uint64
	crowded time.Time // since when there are too many descriptors in flight; zero: not

	mu      sync.Mutex
	place   *sync.Cond // the window has become wider, or the port has ended
	waiting map[uint64]chan error
	aboard  int // parcels on their way
	octets  int // of them
	closed  error
}

// arrival is a parcel that is to be answered: taken, or refused if it has no
// connection.
type arrival struct {
	id     uint64
	parcel Parcel
}

// NewPort takes over a socket that keeps datagrams apart (see fdpass.Pair). Every
// parcel that comes is given to arrive, one after the other, and belongs to it; by
// then the sender has been told so. Its files are close-on-exec, and its Conn is
// non-blocking. arrive must not wait for the same port; nil refuses all parcels.
func NewPort(c *net.UnixConn, arrive func(Parcel)) *Port { return NewPortOn(c, Terms{}, arrive) }

// NewPortOn is NewPort on terms.
func NewPortOn(c *net.UnixConn, t Terms, arrive func(Parcel)) *Port {
	p := &Port{
		conn: c, terms: t, arrive: arrive,
		arrivals: make(chan arrival, Window), waiting: make(map[uint64]chan error),
		ended: make(chan struct{}), final: make(chan struct{}), delivered: make(chan struct{}),
	}
	p.place = sync.NewCond(&p.mu)
	go p.read()
	go p.deliver()
	return p
}

// Close closes the port; what is being sent fails with ErrClosed, but for what was
// acknowledged before. It does not wait for arrive.
func (p *Port) Close() error {
	p.finish.Do(func() { close(p.final) })
	p.shut()
	<-p.ended
	if err := p.conn.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("ferry: %w", err)
	}
	return nil
}

// Wait returns when the port has ended and arrive has returned for the last time.
func (p *Port) Wait() { <-p.delivered }

// shut ends what is said, in both directions: nothing more gets into the socket, and
// what is in it can be read.
func (p *Port) shut() {
	p.conn.CloseRead()
	p.conn.CloseWrite()
}

// read reads the socket to its end.
func (p *Port) read() {
	buf := make([]byte, maxDatagram+1)
	var bad error
	for {
		n, files, err := fdpass.Receive(p.conn, buf)
		cut := errors.Is(err, fdpass.ErrTruncated)
		if err != nil && !cut {
			if bad == nil && err != io.EOF {
				bad = err
			}
			break
		}
		d, err := decode(buf[:n])
		if err == nil && (bad == nil || d.kind == taken || d.kind == refused) {
			parcel := Parcel{}
			if len(files) == d.descriptors() && d.kind == whole {
				parcel.Conn = files[0]
				if d.file {
					parcel.File = files[1]
				}
				files = nil
			} else if len(files) > 0 || d.descriptors() > 0 && !cut || cut && d.kind != whole {
				err = fmt.Errorf("%w: %d descriptors", errDatagram, len(files))
			}
			if err == nil {
				err = p.hear(d, parcel)
			}
			if err != nil {
				parcel.Discard()
			}
		}
		fdpass.Discard(files...)
		if err != nil && bad == nil {
			bad = err
			p.finish.Do(func() { close(p.final) })
			p.shut()
		}
	}
	p.end(bad)
}

// hear takes note of what a datagram says. The parcel is its own unless there is an
// error.
func (p *Port) hear(d datagram, parcel Parcel) error {
	if d.kind == taken || d.kind == refused {
		answer := p.waiter(d.id)
		if answer == nil {
			return fmt.Errorf("%w: an answer to parcel %d", errDatagram, d.id)
		}
		if d.kind == refused {
			answer <- ErrRefused
		}
		close(answer)
		return nil
	}
	unread, complete, err := p.holding.add(d)
	if err != nil || !complete {
		return err
	}
	parcel.Unread = unread
	if len(d.note) > 0 {
		parcel.Note = append([]byte(nil), d.note...)
	}
	select {
	case p.arrivals <- arrival{d.id, parcel}:
		return nil
	default:
		return fmt.Errorf("%w: more than %d parcels on their way", errDatagram, Window)
	}
}

// end fails what is still being sent.
func (p *Port) end(bad error) {
	closed := ErrClosed
	if bad != nil {
		closed = fmt.Errorf("%w: %w", ErrClosed, bad)
	}
	if p.terms.Ended != nil {
		p.terms.Ended(closed)
	}
	p.mu.Lock()
	p.closed = closed
	for id, answer := range p.waiting {
		answer <- closed
		close(answer)
		delete(p.waiting, id)
	}
	p.place.Broadcast()
	p.mu.Unlock()
	close(p.ended)
	close(p.arrivals)
}

// deliver answers what arrives, and gives it away.
func (p *Port) deliver() {
	defer close(p.delivered)
	open := p.arrive != nil
	if open && p.terms.Open != nil {
		select {
		case <-p.terms.Open:
		case <-p.ended:
			open = false
		}
	}
	var out []byte
	for a := range p.arrivals {
		p.holding.answered(len(a.parcel.Unread))
		out = p.answer(a, open, out)
	}
}

// answer answers one parcel, and gives it away if it is taken; out is memory for the
// answer.
func (p *Port) answer(a arrival, open bool, out []byte) []byte {
	p.delivering.Lock()
	defer p.delivering.Unlock()
	answer := datagram{kind: taken, id: a.id}
	if a.parcel.Conn == nil || !open || p.refusing {
		answer.kind = refused
	}
	out = answer.append(out[:0])
	err := fdpass.Send(p.conn, out)
	if answer.kind == refused || err != nil && !p.inherits() || nonBlocking(a.parcel.Conn) != nil {
		a.parcel.Discard()
	} else {
		p.arrive(a.parcel)
	}
	return out
}

// Refuse takes nothing more: what comes stays with its sender. When it returns,
// arrive has been given the last parcel that was taken; it must not be called from
// there.
func (p *Port) Refuse() {
	p.delivering.Lock()
	defer p.delivering.Unlock()
	p.refusing = true
}

// inherits reports whether a parcel whose sender cannot be told belongs to this side
// all the same.
func (p *Port) inherits() bool {
	if p.terms.Dead == nil {
		return false
	}
	select {
	case <-p.terms.Dead:
		return true
	default:
	}
	select {
	case <-p.terms.Dead:
		return true
	case <-p.final:
		return false
	}
}
