package ferry

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// What may go through a port.
const (
	// Window is how many parcels may be on their way, sent and not answered.
	Window = 64
	// MaxUnread is how many octets of Unread the parcels that are on their way
	// may have, all together.
	MaxUnread = 8 << 20
	// MaxNote is the length of the longest note.
	MaxNote = 16 << 10

	maxPiece    = 32 << 10 // of Unread in one datagram
	headLength  = 1 + 8
	maxDatagram = headLength + 1 + 2 + MaxNote + maxPiece
)

// errDatagram says that the other side does not keep to the protocol.
var errDatagram = errors.New("ferry: not what a port says")

// kind is the first octet of a datagram.
type kind byte

// The datagrams. All begin with the kind and the parcel's id, 8 octets, big endian,
// so that also one that was cut off says which parcel it was.
const (
	_         kind = iota
	piece          // octets of Unread, more of which follow
	whole          // 1 if a File comes with it, else 0; note, after its length, 2 octets; the last of Unread
	taken          // the receiver owns the parcel now
	refused        // the receiver does not have it
	afterLast      // no kind
)

// datagram is what is said at a time, without the descriptors.
type datagram struct {
	kind   kind
	id     uint64
	file   bool
	note   []byte
	unread []byte
}

func (d datagram) append(out []byte) []byte {
	out = append(out, byte(d.kind))
	out = binary.BigEndian.AppendUint64(out, d.id)
	if d.kind == whole {
		flag := byte(0)
		if d.file {
			flag = 1
		}
		out = append(out, flag)
		out = binary.BigEndian.AppendUint16(out, uint16(len(d.note)))
		out = append(out, d.note...)
	}
	return append(out, d.unread...)
}

// descriptors is how many of them come with it.
func (d datagram) descriptors() int {
	switch {
	case d.kind != whole:
		return 0
	case d.file:
		return 2
	}
	return 1
}

// decode reads a datagram, which may hold anything. What it returns is part of data.
// The error is errDatagram.
func decode(data []byte) (d datagram, err error) {
	bad := func(what string) (datagram, error) {
		return datagram{}, fmt.Errorf("%w: %d octets: %s", errDatagram, len(data), what)
	}
	if len(data) < headLength || len(data) > maxDatagram {
		return bad("length")
	}
	d.kind, d.id = kind(data[0]), binary.BigEndian.Uint64(data[1:])
	rest := data[headLength:]
	if d.kind == 0 || d.kind >= afterLast || d.id == 0 {
		return bad("head")
	}
	if d.kind == whole {
		if len(rest) < 3 || rest[0] > 1 {
			return bad("flags")
		}
		d.file = rest[0] == 1
		n := int(binary.BigEndian.Uint16(rest[1:]))
		if rest = rest[3:]; n > MaxNote || n > len(rest) {
			return bad("note")
		}
		d.note, rest = rest[:n:n], rest[n:]
	}
	answer := d.kind == taken || d.kind == refused
	if answer && len(rest) > 0 || d.kind == piece && len(rest) == 0 || len(rest) > maxPiece {
		return bad("unread")
	}
	d.unread = rest
	return d, nil
}
