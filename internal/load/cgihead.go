package load

import (
	"bytes"
	"fmt"
)

// cgiHead is the head of a CGI answer (RFC 3875, section 6.2): fields, of which
// Status gives the status, and an empty line; lines end in CRLF or in LF.
type cgiHead struct {
	head
	fields   int
	scanned  int // octets of whole lines that have been read
	location bool
}

// read reads the lines of b that it has not read before. If the head ends in it,
// done is true and n is where the body begins.
func (h *cgiHead) read(b []byte) (n int, done bool, err error) {
	for {
		end := bytes.IndexByte(b[h.scanned:], '\n')
		if end < 0 {
			return 0, false, nil
		}
		line := b[h.scanned : h.scanned+end]
		h.scanned += end + 1
		if end > 0 && line[end-1] == '\r' {
			line = line[:end-1]
		}
		if len(line) == 0 {
			return h.scanned, true, h.complete()
		}
		if err := h.readCGIField(line); err != nil {
			return 0, false, err
		}
	}
}

func (h *cgiHead) readCGIField(line []byte) error {
	h.fields++
	if err := h.readField(line); err != nil {
		return err
	}
	colon := bytes.IndexByte(line, ':')
	switch name := line[:colon]; len(name) {
	case len("status"):
		if equalFold(name, "status") {
			return h.readStatus(trim(line[colon+1:]), line)
		}
	case len("location"):
		h.location = h.location || equalFold(name, "location")
	}
	return nil
}

// readStatus reads "NNN" or "NNN reason".
func (h *cgiHead) readStatus(value, line []byte) error {
	if h.status != 0 {
		return malformed("a second Status", line)
	}
	if len(value) < 3 || len(value) > 3 && value[3] != ' ' {
		return malformed("no status", line)
	}
	for _, c := range value[:3] {
		if c < '0' || c > '9' {
			return malformed("no status", line)
		}
		h.status = h.status*10 + int(c-'0')
	}
	if h.status < 200 || h.status > 599 {
		return malformed("a status outside 200..599", line)
	}
	return nil
}

// complete looks at the whole head.
func (h *cgiHead) complete() error {
	switch {
	case h.fields == 0:
		return fmt.Errorf("%w: a head without fields", errFraming)
	case h.coded:
		return fmt.Errorf("%w: Transfer-Encoding in a CGI answer", errFraming)
	case h.status != 0:
	case h.location:
		h.status = 302
	default:
		h.status = 200
	}
	return nil
}
