package ferry

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/bident/bident/internal/fdpass"
)

// pause is how long a port waits before it tries again to send descriptors while too
// many are in flight, perhaps those of other processes: nobody tells when it is over.
const pause = time.Millisecond

// mostCrowded is for how long a port tries. The kernel counts the descriptors of all
// processes of the user, so another one can hold all places for ever.
const mostCrowded = time.Second

// Send passes a connection on and returns when the other side has it; the parcel is
// closed then. After an error it still belongs to the caller, and the other side
// does not have it. Send waits while too many parcels are on their way through this
// port, and for about a second while the user's processes have too many descriptors in
// flight; the error is ErrRefused then.
func (p *Port) Send(parcel Parcel) error {
	switch {
	case parcel.Conn == nil:
		return fmt.Errorf("%w: it has no connection", ErrParcel)
	case len(parcel.Unread) > MaxUnread:
		return fmt.Errorf("%w: %d octets unread, at most %d are possible", ErrParcel, len(parcel.Unread), MaxUnread)
	case len(parcel.Note) > MaxNote:
		return fmt.Errorf("%w: a note of %d octets, at most %d are possible", ErrParcel, len(parcel.Note), MaxNote)
	}
	if err := p.enter(len(parcel.Unread)); err != nil {
		return err
	}
	err := p.load(parcel)
	p.leave(len(parcel.Unread))
	if err == nil {
		parcel.Close()
	}
	return err
}

// enter waits for a place for a parcel with so many octets.
func (p *Port) enter(octets int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.closed == nil && (p.aboard == Window || p.octets+octets > MaxUnread) {
		p.place.Wait()
	}
	if p.closed == nil {
		p.aboard++
		p.octets += octets
	}
	return p.closed
}

func (p *Port) leave(octets int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.aboard--
	p.octets -= octets
	p.place.Broadcast()
}

// expect returns where the answer to a parcel will be: nothing if it was taken, and
// an error otherwise. There is one in any case, at the latest when the port ends.
func (p *Port) expect(id uint64) (<-chan error, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed != nil {
		return nil, p.closed
	}
	answer := make(chan error, 1)
	p.waiting[id] = answer
	return answer, nil
}

// waiter is who waits for the answer to a parcel, and will not do so again; nil if
// there is nobody.
func (p *Port) waiter(id uint64) chan error {
	p.mu.Lock()
	defer p.mu.Unlock()
	answer := p.waiting[id]
	delete(p.waiting, id)
	return answer
}

// load sends a parcel and waits for the answer.
func (p *Port) load(parcel Parcel) error {
	answer, err := p.write(parcel)
	if err != nil {
		return err
	}
	return <-answer
}

// write sends the datagrams of a parcel.
func (p *Port) write(parcel Parcel) (<-chan error, error) {
	p.loading.Lock()
	defer p.loading.Unlock()
	p.nextID++
	d := datagram{id: p.nextID}
	answer, err := p.expect(d.id)
	if err != nil {
		return nil, err
	}
	rest := parcel.Unread
	out := make([]byte, 0, headLength+3+len(parcel.Note)+min(len(rest), maxPiece))
	for err == nil && len(rest) > maxPiece {
		d.kind, d.unread, rest = piece, rest[:maxPiece], rest[maxPiece:]
		out = d.append(out[:0])
		err = fdpass.Send(p.conn, out)
	}
	if err == nil {
		d.kind, d.unread, d.note, d.file = whole, rest, parcel.Note, parcel.File != nil
		files := []*os.File{parcel.Conn}
		if d.file {
			files = append(files, parcel.File)
		}
		out = d.append(out[:0])
		err = p.sendFiles(out, files, nil)
	}
	switch {
	case err == nil:
	case errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, syscall.ENOTCONN), errors.Is(err, net.ErrClosed):
		// The other side is gone. What it has said before is still to be read,
		// and then the port ends.
		p.shut()
	case p.waiter(d.id) != nil:
		return nil, fmt.Errorf("ferry: %w", err)
	}
	return answer, nil
}

// sendFiles sends a datagram with the descriptors of files, none of which changes its
// ways: File.Fd would make a socket blocking, for all who have it.
func (p *Port) sendFiles(data []byte, files []*os.File, fds []int) error {
	if len(files) == 0 {
		return p.sendDescriptors(data, fds)
	}
	raw, err := files[0].SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = p.sendFiles(data, files[1:], append(fds, int(fd)))
	})
	if err != nil {
		return os.ErrClosed // the only reason, which has no name of its own
	}
	return failed
}

// sendDescriptors sends a datagram with descriptors. The second that it may have to wait
// for places begins with the first parcel that finds none: those behind it do not wait
// for one more each.
func (p *Port) sendDescriptors(data []byte, fds []int) error {
	for {
		err := fdpass.Send(p.conn, data, fds...)
		if !errors.Is(err, syscall.ETOOMANYREFS) && !errors.Is(err, syscall.ENOBUFS) {
			p.crowded = time.Time{}
			return err
		}
		if p.crowded.IsZero() {
			p.crowded = time.Now()
		}
		if time.Since(p.crowded) >= mostCrowded {
			return fmt.Errorf("%w: %w", ErrRefused, err)
		}
		select {
		case <-time.After(pause):
		case <-p.ended:
			return net.ErrClosed
		}
	}
}
