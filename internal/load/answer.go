package load

import (
	"bytes"
	"fmt"
)

// maxHead bounds the head of an answer, its trailer, and each line of them.
const maxHead = 64 << 10

type phase uint8

const (
	statusLine phase = iota
	fieldLines
	fixedBody  // left octets
	closedBody // until end of file
	chunkSize
	chunkData // left octets
	chunkEnd  // the CRLF after them
	trailer
)

// answer frames the answers of an HTTP server, in whatever pieces they come. It
// keeps no octet.
type answer struct {
	toHEAD bool // no answer has a body
	verify bool // compare bodies with expect
	expect []byte

	phase   phase
	begun   bool // an octet of this answer was seen
	head    head
	lines   int   // octets of lines since the head or trailer began
	scanned int   // octets of an unfinished line known to hold no LF
	left    int64 // octets to come in fixedBody and chunkData
	size    int64 // octets of the body so far
	differs bool  // from expect
	closes  bool  // this is the last answer of the connection
}

func (a *answer) next() {
	*a = answer{toHEAD: a.toHEAD, verify: a.verify, expect: a.expect}
}

func (a *answer) advance(b []byte) (n int, whole bool, err error) {
	if len(b) > 0 {
		a.begun = true
	}
	for {
		switch a.phase {
		case fixedBody, chunkData:
			take := int64(len(b) - n)
			if take > a.left {
				take = a.left
			}
			a.content(b[n : n+int(take)])
			n += int(take)
			if a.left -= take; a.left > 0 {
				return n, false, nil
			}
			if a.phase == fixedBody {
				a.finish()
				return n, true, nil
			}
			a.phase = chunkEnd
		case closedBody:
			a.content(b[n:])
			return len(b), false, nil
		case chunkEnd:
			end := b[n:min(len(b), n+2)]
			if !bytes.HasPrefix([]byte("\r\n"), end) {
				return n, false, malformed("octets behind a chunk", b[n:])
			}
			if len(end) < 2 {
				return n, false, nil
			}
			n += 2
			a.phase = chunkSize
		default:
			line, found, err := a.line(b[n:])
			if err != nil {
				return n, false, err
			}
			if !found {
				return n, false, nil
			}
			n += len(line) + 2
			if whole, err = a.readLine(line); err != nil || whole {
				return n, whole, err
			}
		}
	}
}

// line finds the next line, without its CRLF. A lone LF, which some readers
// accept and others do not, is an error.
func (a *answer) line(b []byte) (line []byte, found bool, err error) {
	end := bytes.IndexByte(b[a.scanned:], '\n')
	if end < 0 {
		a.scanned = len(b)
		if a.lines+len(b) > maxHead {
			return nil, false, fmt.Errorf("%w: a head, trailer or line longer than %d octets", errFraming, maxHead)
		}
		return nil, false, a.suspect(b)
	}
	end += a.scanned
	a.scanned = 0
	if a.lines += end + 1; a.lines > maxHead {
		return nil, false, fmt.Errorf("%w: a head, trailer or line longer than %d octets", errFraming, maxHead)
	}
	if end == 0 || b[end-1] != '\r' {
		return nil, false, malformed("a line that ends without CR", b[:end])
	}
	return b[:end-1], true, nil
}

// suspect looks at the beginning of a line whose end has not come, so that
// garbage is called so at once and not when the time is up.
func (a *answer) suspect(b []byte) error {
	switch {
	case len(b) == 0:
	case a.phase == statusLine && !bytes.HasPrefix([]byte("HTTP/1."), b[:min(len(b), 7)]):
		return malformed("no status line", b)
	case a.phase == chunkSize && hexDigit(b[0]) < 0:
		return malformed("no chunk size", b)
	}
	return nil
}

// readLine gives a line to the phase that waits for it.
func (a *answer) readLine(line []byte) (whole bool, err error) {
	switch a.phase {
	case statusLine:
		a.phase = fieldLines
		return false, a.head.readStatusLine(line)
	case fieldLines:
		if len(line) > 0 {
			return false, a.head.readField(line)
		}
		return a.endHead()
	case chunkSize:
		a.lines = 0
		if a.left, err = readChunkSize(line); err != nil {
			return false, err
		}
		a.phase = chunkData
		if a.left == 0 {
			a.phase = trailer
		}
	case trailer:
		if len(line) == 0 {
			a.finish()
			return true, nil
		}
		// Framing fields in a trailer mean nothing; only the form is checked.
		var ignored head
		return false, ignored.readField(line)
	}
	return false, nil
}

// endHead chooses how the body is framed (RFC 9112 section 6.3).
func (a *answer) endHead() (whole bool, err error) {
	h := &a.head
	if err := h.check(); err != nil {
		return false, err
	}
	if h.status < 200 { // an interim answer: the final one follows
		a.phase, a.head, a.lines = statusLine, head{}, 0
		return false, nil
	}
	a.lines = 0
	a.closes = h.close || h.old && !h.keepAlive
	switch {
	case a.toHEAD || h.status == 204 || h.status == 304:
		a.finish()
		return true, nil
	case h.coded:
		a.phase = chunkSize
	case h.hasLength:
		a.phase, a.left = fixedBody, h.length
	default:
		a.phase, a.closes = closedBody, true
	}
	return false, nil
}

func (a *answer) eof() (whole bool, err error) {
	switch {
	case a.phase == closedBody:
		a.finish()
		return true, nil
	case !a.begun:
		return false, errLost
	default:
		return false, errEarly
	}
}

func (a *answer) outcome() outcome {
	return outcome{begun: a.begun, closes: a.closes, status: a.head.status, size: a.size, differs: a.differs}
}

func (a *answer) content(octets []byte) {
	if a.verify && !a.differs {
		rest := a.expect[min(a.size, int64(len(a.expect))):]
		a.differs = !bytes.HasPrefix(rest, octets)
	}
	a.size += int64(len(octets))
}

// finish notices a body that stopped short of the expected one.
func (a *answer) finish() {
	if a.verify && !a.toHEAD && a.size != int64(len(a.expect)) {
		a.differs = true
	}
}
