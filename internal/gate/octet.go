package gate

import (
	"encoding/binary"
	"math/bits"
)

// Classes of octets.
const (
	inToken   = 1 << iota // RFC 9110 5.6.2
	inPath                // of a target before its query: visible ASCII without # % ?
	inQuery               // visible ASCII without #
	inRegName             // RFC 3986 3.2.2 without percent-encoding
	inHex                 // HEXDIG, either case
	inDigit               // DIGIT
	inQuoted              // qdtext, RFC 9110 5.6.4
	inValue               // field-value: everything but controls, HTAB is one of them
)

var class = classify()

func classify() (t [256]uint8) {
	for c := range 256 {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		digit := '0' <= c && c <= '9'
		if digit {
			t[c] |= inDigit | inHex | inToken | inRegName
		}
		if letter {
			t[c] |= inToken | inRegName
			if c|0x20 <= 'f' {
				t[c] |= inHex
			}
		}
		if 0x21 <= c && c <= 0x7e && c != '#' {
			t[c] |= inQuery
			if c != '%' && c != '?' {
				t[c] |= inPath
			}
		}
		if c >= 0x20 && c != 0x7f {
			t[c] |= inValue
			if c != '"' && c != '\\' {
				t[c] |= inQuoted
			}
		}
	}
	t['\t'] |= inQuoted
	for _, c := range []byte("!#$%&'*+-.^_`|~") {
		t[c] |= inToken
	}
	for _, c := range []byte("-._~" + "!$&'()*+,;=") {
		t[c] |= inRegName
	}
	return t
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// nextControl is the place of the first control character in b at or after i,
// len(b) if there is none.
func nextControl(b []byte, i int) int {
	for len(b)-i >= 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		// In both terms the lowest octet that is marked is marked rightly;
		// only above it a borrow can mark one in error.
		del := x ^ (0x7f * ones)
		hit := ((x - 0x20*ones) &^ x) | ((del - ones) &^ del)
		if hit &= highs; hit != 0 {
			return i + bits.TrailingZeros64(hit)>>3
		}
		i += 8
	}
	return span(b, i, inValue)
}

// span is the place of the first octet in b at or after i that is outside the
// class, len(b) if there is none.
func span(b []byte, i int, in uint8) int {
	for _, c := range b[i:] {
		if class[c]&in == 0 {
			break
		}
		i++
	}
	return i
}

// isWord tells whether b is the word lower, which has lower case letters,
// digits and hyphens, in any case. b has no controls: with them, setting the
// bit for lower case would be ambiguous.
func isWord(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for len(b) >= 8 {
		s := lower[:8]
		word := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		if binary.LittleEndian.Uint64(b)|0x20*ones != word {
			return false
		}
		b, lower = b[8:], lower[8:]
	}
	for i := range b {
		if b[i]|0x20 != lower[i] {
			return false
		}
	}
	return true
}

// isToken tells whether b is a token, RFC 9110 5.6.2.
func isToken(b []byte) bool {
	return len(b) > 0 && span(b, 0, inToken) == len(b)
}

// trim cuts optional whitespace off both ends, RFC 9110 5.6.3.
func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}
