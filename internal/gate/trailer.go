package gate

import "bytes"

// forbidden are the fields that may not be trailers, because they frame, route,
// authorise, or say how to process the message (RFC 9110 6.5.1), by length. It
// has all that fasthttp refuses.
var forbidden = [...][]string{
	2:  {"te"},
	4:  {"host"},
	5:  {"range"},
	6:  {"cookie", "expect"},
	7:  {"trailer", "upgrade"},
	8:  {"location"},
	10: {"connection", "keep-alive", "set-cookie"},
	12: {"content-type", "max-forwards"},
	13: {"authorization", "content-range", "cache-control"},
	14: {"content-length"},
	16: {"content-encoding", "proxy-connection", "www-authenticate"},
	17: {"transfer-encoding"},
	18: {"proxy-authenticate"},
	19: {"proxy-authorization"},
}

// forbiddenStems are the same for all names that begin with them.
var forbiddenStems = [...]string{"x-forwarded", "x-real-ip"}

// isForbidden tells whether the field name, a token, may not be a trailer.
func isForbidden(name []byte) bool {
	if len(name) < len(forbidden) {
		for _, word := range forbidden[len(name)] {
			if isWord(name, word) {
				return true
			}
		}
	}
	for _, stem := range forbiddenStems {
		if len(name) >= len(stem) && isWord(name[:len(stem)], stem) {
			return true
		}
	}
	return false
}

// trailerLine judges a field line of a trailer section, RFC 9112 7.1.2. line
// includes the LF that ends it.
func trailerLine(line []byte) *Error {
	if line[0] == ' ' || line[0] == '\t' {
		return errFold
	}
	if len(line) < 2 || line[len(line)-2] != '\r' {
		return errBareLF
	}
	line = line[:len(line)-2]
	n := span(line, 0, inToken)
	if n == len(line) {
		return errNoColon
	}
	if line[n] != ':' || n == 0 {
		return badName(line[n], n == 0)
	}
	if isForbidden(line[:n]) {
		return errTrailerName
	}
	for i := n + 1; ; i++ {
		if i = nextControl(line, i); i == len(line) {
			return nil
		}
		if line[i] != '\t' {
			return badValue(line[i])
		}
	}
}

// trailers takes what src has of the trailer section, and tells how many octets
// that were. c.state is stateDone when the section is complete.
func (c *Chunks) trailers(src []byte) (int, *Error) {
	i := 0
	for i < len(src) {
		if c.state == stateEnd {
			if src[i] != '\n' {
				return i, errBareCR
			}
			c.state = stateDone
			return i + 1, nil
		}
		if c.line == len(c.trailer) && src[i] == '\r' {
			c.state = stateEnd
			i++
			continue
		}
		part := src[i:]
		end := bytes.IndexByte(part, '\n') + 1
		if end > 0 {
			part = part[:end]
		}
		if len(part) > c.maxTrailer-len(c.trailer) {
			return i, errTrailerLarge
		}
		c.trailer = append(c.trailer, part...)
		i += len(part)
		if end > 0 {
			if err := trailerLine(c.trailer[c.line:]); err != nil {
				return i, err
			}
			c.line = len(c.trailer)
		}
	}
	return i, nil
}
