package fork

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/bident/bident/pool"
)

// maxAddresses is how many listening sockets a seat may have: as many as one
// datagram can carry, with room to spare.
const maxAddresses = 128

// maxText is how much of a text goes into one message; the rest is cut off.
const maxText = 16 << 10

// maxMessage is the size of the longest message.
const maxMessage = 2*(maxText+2) + 16

// errMessage says that a datagram is no message.
var errMessage = errors.New("fork: not a control message")

// kind is the first byte of a message.
type kind byte

// The messages. hello is the same in every version of the protocol.
const (
	_             kind = iota
	messageHello       // child: version (4 bytes, big endian)
	messageReady       // child: -
	messageFailed      // child: text; the init hook failed
	messageEvent       // child: event (1 byte), cause (text)
	messageCrash       // child: request (text), text
	messageRetire      // parent: 1 if the server stops, else 0
	messageAdopt       // parent: an address (1 byte) for each descriptor that comes with it
	messageGive        // parent: text, what the descriptor is that comes with it
)

// message is one datagram between parent and child. A text is sent as its
// length, 2 bytes, big endian, and its octets.
type message struct {
	kind      kind
	version   uint32
	event     pool.EventKind
	cause     pool.Cause
	request   string
	text      string
	last      bool
	addresses []byte
}

// encode is the datagram. Texts that are too long are cut.
func (m message) encode() []byte {
	out := []byte{byte(m.kind)}
	switch m.kind {
	case messageHello:
		out = binary.BigEndian.AppendUint32(out, m.version)
	case messageFailed, messageGive:
		out = appendText(out, m.text)
	case messageEvent:
		out = append(out, byte(m.event))
		out = appendText(out, string(m.cause))
	case messageCrash:
		out = appendText(out, m.request)
		out = appendText(out, m.text)
	case messageRetire:
		last := byte(0)
		if m.last {
			last = 1
		}
		out = append(out, last)
	case messageAdopt:
		out = append(out, m.addresses...)
	}
	return out
}

func appendText(out []byte, text string) []byte {
	if len(text) > maxText {
		text = text[:maxText]
	}
	out = binary.BigEndian.AppendUint16(out, uint16(len(text)))
	return append(out, text...)
}

// decode reads a datagram, which may hold anything. The error is errMessage.
func decode(data []byte) (message, error) {
	if len(data) == 0 {
		return message{}, fmt.Errorf("%w: it is empty", errMessage)
	}
	m := message{kind: kind(data[0])}
	r := reader{rest: data[1:]}
	switch m.kind {
	case messageHello:
		m.version = r.uint32()
	case messageReady:
	case messageRetire:
		flag := r.byte()
		m.last = flag == 1
		r.bad = r.bad || flag > 1
	case messageFailed, messageGive:
		m.text = r.text()
	case messageEvent:
		m.event = pool.EventKind(r.byte())
		m.cause = pool.Cause(r.text())
		if !reportable(m.event, m.cause) {
			r.bad = true
		}
	case messageCrash:
		m.request = r.text()
		m.text = r.text()
	case messageAdopt:
		m.addresses, r.rest = r.rest, nil
		if len(m.addresses) > maxAddresses {
			r.bad = true
		}
	default:
		r.bad = true
	}
	if r.bad || len(r.rest) > 0 {
		return message{}, fmt.Errorf("%w: kind %d, %d bytes", errMessage, data[0], len(data))
	}
	return m, nil
}

// reportable reports whether a child may report such an event: what it can know
// of itself, in the words that everybody knows.
func reportable(event pool.EventKind, cause pool.Cause) bool {
	switch event {
	case pool.Expiring, pool.Spent, pool.Wedged:
	default:
		return false
	}
	switch cause {
	case pool.CauseMaxRequests, pool.CauseMaxLifetime, pool.CauseMaxMemory,
		pool.CauseDone, pool.CauseTimeout:
		return true
	}
	return false
}

// reader takes a datagram apart. After a failure it yields zeros.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) take(n int) []byte {
	if r.bad || len(r.rest) < n {
		r.bad = true
		return make([]byte, n)
	}
	out := r.rest[:n]
	r.rest = r.rest[n:]
	return out
}

func (r *reader) byte() byte     { return r.take(1)[0] }
func (r *reader) uint32() uint32 { return binary.BigEndian.Uint32(r.take(4)) }

func (r *reader) text() string {
	n := int(binary.BigEndian.Uint16(r.take(2)))
	if n > maxText {
		r.bad = true
		return ""
	}
	return printable(string(r.take(n)))
}

// printable is what a child says without anything that could play tricks on a
// terminal, a log or a page.
func printable(text string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' && c != '\n' && c != '\t' || c == 0x7f || c >= 0x80 && c < 0xa0 || c == '\uFFFD' {
			return '?'
		}
		return c
	}, text)
}
