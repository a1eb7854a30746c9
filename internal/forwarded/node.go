package forwarded

import (
	"bytes"
	"net/netip"
)

// parseNode reads an address, perhaps with a port: 192.0.2.1, 192.0.2.1:80,
// 2001:db8::1, [2001:db8::1], [2001:db8::1]:80 (RFC 7239 section 6). An obfuscated
// port (_name) is the port 0.
func parseNode(b []byte) (a netip.Addr, port uint16, ok bool) {
	host, after := b, []byte(nil)
	bracketed := len(b) > 0 && b[0] == '['
	if bracketed {
		end := bytes.IndexByte(b, ']')
		if end < 0 {
			return netip.Addr{}, 0, false
		}
		host, after = b[1:end], b[end+1:]
	} else if colon := bytes.IndexByte(b, ':'); colon >= 0 && bytes.IndexByte(b[colon+1:], ':') < 0 {
		host, after = b[:colon], b[colon:]
	}
	if len(after) > 0 {
		if port, ok = parsePort(after); !ok {
			return netip.Addr{}, 0, false
		}
	}
	a, ok = parseAddr(host)
	if !ok || bracketed && !a.Is6() {
		return netip.Addr{}, 0, false
	}
	return a.Unmap(), port, true
}

// parsePort reads a colon with the port behind it: one to five digits, or an
// underscore and a name (RFC 7239 section 6.2).
func parsePort(b []byte) (uint16, bool) {
	if len(b) < 2 || b[0] != ':' {
		return 0, false
	}
	b = b[1:]
	if b[0] == '_' {
		for _, c := range b[1:] {
			if !isAlphanumeric(c) && c != '.' && c != '_' && c != '-' {
				return 0, false
			}
		}
		return 0, len(b) > 1
	}
	if len(b) > 5 {
		return 0, false
	}
	port := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		port = 10*port + int(c-'0')
	}
	return uint16(port), port <= 65535
}

// parseAddr reads what netip.ParseAddr reads, except for zones, which mean
// something on the machine of a proxy only. It exists since that one keeps its
// text, in errors, so that octets would have to be copied for it.
func parseAddr(b []byte) (netip.Addr, bool) {
	if bytes.IndexByte(b, ':') < 0 {
		four, ok := parseIPv4(b)
		return netip.AddrFrom4(four), ok
	}
	sixteen, ok := parseIPv6(b)
	return netip.AddrFrom16(sixteen), ok
}

// parseIPv4 reads four decimal numbers without zeros in front.
func parseIPv4(b []byte) (a [4]byte, ok bool) {
	for i := range a {
		if i > 0 {
			if len(b) == 0 || b[0] != '.' {
				return a, false
			}
			b = b[1:]
		}
		value, digits := 0, 0
		for digits < len(b) && b[digits] >= '0' && b[digits] <= '9' {
			value = 10*value + int(b[digits]-'0')
			if digits++; value > 255 || digits > 1 && b[0] == '0' {
				return a, false
			}
		}
		if digits == 0 {
			return a, false
		}
		a[i], b = byte(value), b[digits:]
	}
	return a, len(b) == 0
}

// parseIPv6 reads the text of RFC 4291 section 2.2, the last four octets perhaps
// in the manner of IPv4.
func parseIPv6(b []byte) (a [16]byte, ok bool) {
	n, gap := 0, -1 // octets read, and how many of them stand before "::"
	if len(b) >= 2 && b[0] == ':' && b[1] == ':' {
		b, gap = b[2:], 0
	}
	for len(b) > 0 {
		group, colon := b, bytes.IndexByte(b, ':')
		if colon >= 0 {
			group = b[:colon]
		} else if bytes.IndexByte(group, '.') >= 0 {
			four, ok := parseIPv4(group)
			if !ok || n > len(a)-len(four) {
				return a, false
			}
			n += copy(a[n:], four[:])
			break
		}
		value, ok := parseGroup(group)
		if !ok || n == len(a) {
			return a, false
		}
		a[n], a[n+1] = byte(value>>8), byte(value)
		n += 2
		if colon < 0 {
			break
		}
		if b = b[colon+1:]; len(b) == 0 {
			return a, false
		}
		if b[0] == ':' {
			if gap >= 0 {
				return a, false
			}
			b, gap = b[1:], n
		}
	}
	if gap < 0 || n == len(a) {
		return a, gap < 0 && n == len(a) // "::" stands for one group at least
	}
	behind := n - gap
	copy(a[len(a)-behind:], a[gap:n])
	clear(a[gap : len(a)-behind])
	return a, true
}

// parseGroup reads one to four hexadecimal digits.
func parseGroup(b []byte) (value uint16, ok bool) {
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		value = value<<4 | uint16(c)
	}
	return value, len(b) >= 1 && len(b) <= 4
}
