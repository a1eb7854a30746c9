package httpd

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"net/netip"
	"time"
)

// note is what goes with a connection to another process: what the front knows
// of it and whoever takes it cannot find out. The zero note is that of a
// connection which was accepted a moment ago.
//
// A connection that was admitted stays so under the same rules (Access); under
// others it is judged again. Those of an address are counted wherever they are
// (Limits.MaxConnsPerAddress), but one that was admitted is not refused for their
// number.
type note struct {
	admitted bool // its PROXY header, if it had to have one, was read, and the client may come in
	secure   bool // it is to speak TLS, and has not begun to
	told     bool // the client uses TLS: the PROXY header says so, or another process relays
	last     bool // its next answer is the last one
	fcgi     bool // it speaks FastCGI
	opened   time.Time
	requests uint64        // that it has carried
	age      time.Duration // how long it has waited for what it waits for
	rules    uint64        // the mark of the rules by which it was admitted
	// source and target are what the PROXY header told, invalid if it told nothing.
	source, target netip.AddrPort
	host           string // the client's name, if it was looked up
}

// noteVersion is the first octet of a note; the second one has its flags.
const noteVersion = 1

const (
	noteAdmitted = 1 << iota
	noteSecure
	noteTold
	noteProxied // source and target follow
	noteLast
	noteFCGI
	noteFlags = 1<<iota - 1
)

const (
	noteFixed = 2 + 8 + 8 + 4 + 8 // octets that every note has
	noteHost  = 255               // the longest name
	// noteRequests is more than any connection has carried.
	noteRequests = 1 << 48
)

// errNote says that octets are no note.
var errNote = errors.New("httpd: not a note about a connection")

// encode is the note as octets: version, flags, then opened (nanoseconds since
// 1970), requests, age (milliseconds, 4 octets) and rules, big endian, then source
// and target, each after an octet with its length, then host.
func (n *note) encode() []byte {
	var flags byte
	for i, set := range [...]bool{n.admitted, n.secure, n.told, n.source.IsValid() && n.target.IsValid(), n.last, n.fcgi} {
		if set {
			flags |= 1 << i
		}
	}
	out := make([]byte, 2, noteFixed+64)
	out[0], out[1] = noteVersion, flags
	opened := int64(0)
	if !n.opened.IsZero() {
		opened = n.opened.UnixNano()
	}
	out = binary.BigEndian.AppendUint64(out, uint64(opened))
	out = binary.BigEndian.AppendUint64(out, n.requests)
	out = binary.BigEndian.AppendUint32(out, uint32(min(max(n.age.Milliseconds(), 0), 1<<31)))
	out = binary.BigEndian.AppendUint64(out, n.rules)
	if flags&noteProxied != 0 {
		out = appendAddress(appendAddress(out, n.source), n.target)
	}
	return append(out, n.host[:min(len(n.host), noteHost)]...)
}

func appendAddress(out []byte, a netip.AddrPort) []byte {
	a = netip.AddrPortFrom(a.Addr().WithZone(""), a.Port())
	at := len(out)
	out, _ = a.AppendBinary(append(out, 0)) // it never fails
	out[at] = byte(len(out) - at - 1)
	return out
}

// readNote reads a note, which may be anything. No octets are the zero note. The
// error is errNote; the note is zero then, too.
func readNote(b []byte, now time.Time) (note, error) {
	if len(b) == 0 {
		return note{}, nil
	}
	if len(b) < noteFixed || b[0] != noteVersion || b[1]&^noteFlags != 0 {
		return note{}, fmt.Errorf("%w: %d octets, version %d", errNote, len(b), b[0])
	}
	flags := b[1]
	n := note{
		admitted: flags&noteAdmitted != 0, secure: flags&noteSecure != 0, told: flags&noteTold != 0,
		last: flags&noteLast != 0, fcgi: flags&noteFCGI != 0,
		opened:   time.Unix(0, int64(binary.BigEndian.Uint64(b[2:]))),
		requests: binary.BigEndian.Uint64(b[10:]),
		age:      time.Duration(binary.BigEndian.Uint32(b[18:])) * time.Millisecond,
		rules:    binary.BigEndian.Uint64(b[22:]),
	}
	if n.fcgi && n.secure {
		return note{}, fmt.Errorf("%w: FastCGI in TLS", errNote)
	}
	// Whoever was not let in has not asked for anything.
	if n.requests >= noteRequests || !n.admitted && (n.requests > 0 || n.told || n.last || flags&noteProxied != 0) {
		return note{}, fmt.Errorf("%w: %d requests", errNote, n.requests)
	}
	if n.opened.UnixNano() <= 0 || n.opened.After(now) { // clocks are set
		n.opened = now
	}
	b = b[noteFixed:]
	if flags&noteProxied != 0 {
		var ok bool
		if n.source, b, ok = cutAddress(b); ok {
			n.target, b, ok = cutAddress(b)
		}
		if !ok {
			return note{}, fmt.Errorf("%w: bad address", errNote)
		}
	}
	if len(b) > noteHost || bytes.ContainsFunc(b, noHost) {
		return note{}, fmt.Errorf("%w: bad host", errNote)
	}
	n.host = string(b)
	return n, nil
}

func cutAddress(b []byte) (a netip.AddrPort, rest []byte, ok bool) {
	if len(b) == 0 || len(b)-1 < int(b[0]) {
		return a, nil, false
	}
	n := 1 + int(b[0])
	if a.UnmarshalBinary(b[1:n]) != nil || !a.IsValid() || a.Addr().Zone() != "" {
		return netip.AddrPort{}, nil, false
	}
	return a, b[n:], true
}

// noHost reports whether a character is in no host name.
func noHost(c rune) bool {
	return (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') && c != '-' && c != '.' && c != '_'
}

// rulesMark is the same in processes that admit the same connections.
func rulesMark(c *frontConfig) uint64 {
	h := fnv.New64a()
	a := &c.Access
	// %q shows an absent list as an empty one.
	fmt.Fprintf(h, "%q %q %q %q %t %q %t", a.Allow, a.Deny, a.CIDRAllow, a.CIDRDeny, a.ReverseLookups, c.Trusted, c.ProxyProtocol)
	return h.Sum64()
}
