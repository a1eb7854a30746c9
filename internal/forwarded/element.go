package forwarded

import (
	"bytes"
	"strings"
)

// parseElement reads an element of Forwarded (RFC 7239 section 4): pairs
// token=value with semicolons between them, where value is a token or a quoted
// string. It gives the values of for and proto, nil if there is none. A parameter
// must not occur twice; of others than these two that is not checked.
//
// It is more generous than the RFC in one respect: a value without quotation marks
// may have colons and brackets, since many write for=192.0.2.1:80.
func parseElement(b []byte) (node, proto []byte, ok bool) {
	for {
		b = trim(b)
		equals := bytes.IndexByte(b, '=')
		if equals <= 0 {
			return nil, nil, false
		}
		name := b[:equals]
		for _, c := range name {
			if !isToken(c) {
				return nil, nil, false
			}
		}
		var value []byte
		if value, b, ok = cutValue(b[equals+1:]); !ok {
			return nil, nil, false
		}
		switch {
		case equalFold(name, "for"):
			if node != nil {
				return nil, nil, false
			}
			node = value
		case equalFold(name, "proto"):
			if proto != nil {
				return nil, nil, false
			}
			proto = value
		}
		b = trim(b)
		if len(b) == 0 {
			return node, proto, true
		}
		if b[0] != ';' {
			return nil, nil, false
		}
		b = b[1:]
	}
}

// cutValue cuts a value off b: what it is without its quotation marks, never nil
// if ok, and what follows. Backslashes stay: no address has one.
func cutValue(b []byte) (value, rest []byte, ok bool) {
	if len(b) > 0 && b[0] == '"' {
		for i := 1; i < len(b); i++ {
			switch b[i] {
			case '\\':
				i++
			case '"':
				return b[1:i], b[i+1:], true
			}
		}
		return nil, nil, false
	}
	n := 0
	for n < len(b) && (isToken(b[n]) || b[n] == ':' || b[n] == '[' || b[n] == ']') {
		n++
	}
	return b[:n], b[n:], n > 0
}

// unquote takes a pair of quotation marks off b. What has a single one keeps it,
// and is malformed.
func unquote(b []byte) []byte {
	if n := len(b); n >= 2 && b[0] == '"' && b[n-1] == '"' {
		return b[1 : n-1]
	}
	return b
}

// trim takes optional white space (RFC 9110 section 5.6.3) off both ends.
func trim(b []byte) []byte {
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

func isAlphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// isToken reports whether c may be in a token (RFC 9110 section 5.6.2).
func isToken(c byte) bool {
	return isAlphanumeric(c) || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// equalFold compares b with an ASCII string without regard to the case of letters.
func equalFold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i := range b {
		if x, y := b[i], s[i]; x != y && (x|0x20 != y|0x20 || x|0x20 < 'a' || x|0x20 > 'z') {
			return false
		}
	}
	return true
}
