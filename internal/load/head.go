package load

import (
	"bytes"
	"fmt"
)

// token marks the octets of a token (RFC 9110 section 5.6.2).
var token = func() (table [256]bool) {
	for c := '0'; c <= '9'; c++ {
		table[c] = true
	}
	for c := 'a'; c <= 'z'; c++ {
		table[c], table[c-'a'+'A'] = true, true
	}
	for _, c := range "!#$%&'*+-.^_`|~" {
		table[c] = true
	}
	return table
}()

func isToken[T string | []byte](s T) bool {
	for i := 0; i < len(s); i++ {
		if !token[s[i]] {
			return false
		}
	}
	return len(s) > 0
}

// isFieldValue accepts visible octets, those above ASCII, spaces and tabs
// (RFC 9110 section 5.5): no CR, LF, NUL or other control.
func isFieldValue(value []byte) bool {
	for _, c := range value {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// malformed is a framing error that shows the beginning of what was wrong.
func malformed(why string, octets []byte) error {
	if len(octets) > 60 {
		octets = octets[:60]
	}
	return fmt.Errorf("%w: %s: %q", errFraming, why, octets)
}

// head is what the head of an answer says about its framing.
type head struct {
	status    int
	old       bool // HTTP/1.0
	hasLength bool
	length    int64
	coded     bool // Transfer-Encoding: chunked
	close     bool // Connection: close
	keepAlive bool // Connection: keep-alive
}

// readStatusLine reads "HTTP/1.x NNN reason" without its CRLF
// (RFC 9112 section 4; the space before an empty reason is required).
func (h *head) readStatusLine(line []byte) error {
	if len(line) < len("HTTP/1.1 200 ") || !bytes.HasPrefix(line, []byte("HTTP/1.")) || line[8] != ' ' || line[12] != ' ' {
		return malformed("no status line", line)
	}
	switch line[7] {
	case '1':
	case '0':
		h.old = true
	default:
		return malformed("neither HTTP/1.1 nor HTTP/1.0", line)
	}
	for _, c := range line[9:12] {
		if c < '0' || c > '9' {
			return malformed("no status line", line)
		}
		h.status = h.status*10 + int(c-'0')
	}
	if h.status < 100 || h.status > 599 {
		return malformed("a status outside 100..599", line)
	}
	if !isFieldValue(line[13:]) {
		return malformed("a control character in the reason", line)
	}
	return nil
}

// readField reads one header field without its CRLF (RFC 9112 section 5) and
// remembers those that frame the message.
func (h *head) readField(line []byte) error {
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 || !isToken(line[:colon]) {
		return malformed("no header field", line)
	}
	name, value := line[:colon], line[colon+1:]
	if !isFieldValue(value) {
		return malformed("a control character in a field", line)
	}
	switch len(name) {
	case len("connection"):
		if equalFold(name, "connection") {
			h.readConnection(value)
		}
	case len("content-length"):
		if equalFold(name, "content-length") {
			return h.readLength(trim(value), line)
		}
	case len("transfer-encoding"):
		if equalFold(name, "transfer-encoding") {
			if h.coded || !equalFold(trim(value), "chunked") {
				return malformed("a transfer coding other than one chunked", line)
			}
			h.coded = true
		}
	}
	return nil
}

func (h *head) readLength(value, line []byte) error {
	if h.hasLength {
		return malformed("a second Content-Length", line)
	}
	if len(value) == 0 || len(value) > 18 {
		return malformed("no length", line)
	}
	for _, c := range value {
		if c < '0' || c > '9' {
			return malformed("no length", line)
		}
		h.length = h.length*10 + int64(c-'0')
	}
	h.hasLength = true
	return nil
}

// readConnection looks through the list of connection options
// (RFC 9110 section 7.6.1).
func (h *head) readConnection(list []byte) {
	for len(list) > 0 {
		option := list
		if comma := bytes.IndexByte(list, ','); comma >= 0 {
			option, list = list[:comma], list[comma+1:]
		} else {
			list = nil
		}
		switch option = trim(option); {
		case equalFold(option, "close"):
			h.close = true
		case equalFold(option, "keep-alive"):
			h.keepAlive = true
		}
	}
}

// check refuses heads whose framing two readers could see differently
// (RFC 9112 section 6), and upgrades, which nobody asked for.
func (h *head) check() error {
	bodiless := h.status < 200 || h.status == 204
	switch {
	case h.status == 101:
		return fmt.Errorf("%w: 101 without a wish to upgrade", errFraming)
	case h.coded && h.hasLength:
		return fmt.Errorf("%w: both Content-Length and Transfer-Encoding", errFraming)
	case h.coded && h.old:
		return fmt.Errorf("%w: Transfer-Encoding in HTTP/1.0", errFraming)
	case bodiless && (h.coded || h.hasLength):
		return fmt.Errorf("%w: a body announced for status %d", errFraming, h.status)
	}
	return nil
}

func trim(value []byte) []byte { return bytes.Trim(value, " \t") }

// equalFold compares with a lower-case ASCII word, without regard to case.
func equalFold(octets []byte, lower string) bool {
	if len(octets) != len(lower) {
		return false
	}
	for i, c := range octets {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
