package accesslog

import (
	"encoding/binary"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// special tells the octets that cannot stand for themselves, in Apache's lines as
// in JSON strings: controls, DEL, everything above, the quote and the backslash.
var special = func() (t [256]bool) {
	for c := range t {
		t[c] = c < ' ' || c > '~' || c == '"' || c == '\\'
	}
	return t
}()

// plain is the number of octets at the beginning of s that need no escape. Eight
// are looked at in one step, since nearly all text is plain.
func plain(s []byte) int {
	const (
		ones = 0x0101010101010101
		high = 0x8080808080808080
	)
	n := 0
	for ; len(s)-n >= 8; n += 8 {
		x := binary.LittleEndian.Uint64(s[n:])
		quote, slash := x^(ones*'"'), x^(ones*'\\')
		// A lane's high bit is set for an octet above 126 by the first term, below
		// 32 by the second, equal to quote or backslash by the others. Borrows and
		// carries can only disturb lanes above one that is already found.
		found := x | (x + ones) | (x-ones*' ')&^x | (quote-ones)&^quote | (slash-ones)&^slash
		if found&high != 0 {
			break
		}
	}
	for n < len(s) && !special[s[n]] {
		n++
	}
	return n
}

// appendEscaped appends s as Apache does: nothing in it can end a line, or a
// quoted value.
func appendEscaped(dst, s []byte) []byte {
	for {
		n := plain(s)
		dst = append(dst, s[:n]...)
		if n == len(s) {
			return dst
		}
		c := s[n]
		s = s[n+1:]
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, `\b`...)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		case '\v':
			dst = append(dst, `\v`...)
		default:
			dst = append(dst, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
		}
	}
}

// appendQuoted appends s as a JSON string (RFC 8259 section 7) in ASCII and
// printable UTF-8. An octet that is not UTF-8 becomes U+FFFD.
func appendQuoted(dst, s []byte) []byte {
	dst = append(dst, '"')
	for {
		n := plain(s)
		dst = append(dst, s[:n]...)
		if n == len(s) {
			return append(dst, '"')
		}
		s = s[n:]
		r, size := utf8.DecodeRune(s)
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\r':
			dst = append(dst, `\r`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case r == utf8.RuneError && size == 1:
			dst = append(dst, "\uFFFD"...)
		// C0, DEL and C1 steer terminals; U+2028 and U+2029 end lines for some.
		case r < 0xa0 || r == '\u2028' || r == '\u2029':
			dst = append(dst, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15],
				hexDigits[r>>4&15], hexDigits[r&15])
		default:
			dst = append(dst, s[:size]...)
		}
		s = s[size:]
	}
}
