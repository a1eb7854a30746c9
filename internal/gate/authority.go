package gate

import "bytes"

// isAuthority tells whether b is uri-host [ ":" port ] with a host that is not
// empty (RFC 9110 4.2.1 and 7.2, RFC 3986 3.2.2) and a port up to 65535. With
// port there must be one (RFC 9110 9.3.6).
func isAuthority(b []byte, port bool) bool {
	n := 0
	if len(b) > 0 && b[0] == '[' {
		n = bytes.IndexByte(b, ']')
		if n < 0 || !isIPv6(b[1:n]) {
			return false
		}
		n++
	} else {
		n = span(b, 0, inRegName)
	}
	if n == 0 {
		return false
	}
	b = b[n:]
	if len(b) == 0 {
		return !port
	}
	if b[0] != ':' || port && len(b) == 1 {
		return false
	}
	value := 0
	for _, c := range b[1:] {
		if class[c]&inDigit == 0 {
			return false
		}
		if value = 10*value + int(c-'0'); value > 65535 {
			return false
		}
	}
	return true
}

// isIPv6 tells whether b is an IPv6address, RFC 3986 3.2.2.
func isIPv6(b []byte) bool {
	groups, gap := 0, false
	if bytes.HasPrefix(b, []byte("::")) {
		gap = true
		b = b[2:]
	} else if len(b) == 0 {
		return false
	}
	for len(b) > 0 {
		n := 0
		for n < len(b) && n < 4 && class[b[n]]&inHex != 0 {
			n++
		}
		if n == 0 {
			return false
		}
		if n < len(b) && b[n] == '.' {
			if !isIPv4(b) {
				return false
			}
			groups += 2
			break
		}
		groups++
		b = b[n:]
		if len(b) == 0 {
			break
		}
		if b[0] != ':' || len(b) == 1 {
			return false
		}
		b = b[1:]
		if b[0] == ':' {
			if gap {
				return false
			}
			gap = true
			b = b[1:]
		}
	}
	return groups == 8 && !gap || groups < 8 && gap
}

// isIPv4 tells whether b is an IPv4address, RFC 3986 3.2.2.
func isIPv4(b []byte) bool {
	for part := range 4 {
		if part > 0 {
			if len(b) == 0 || b[0] != '.' {
				return false
			}
			b = b[1:]
		}
		n, value := 0, 0
		for n < len(b) && n < 3 && class[b[n]]&inDigit != 0 {
			value = 10*value + int(b[n]-'0')
			n++
		}
		if n == 0 || value > 255 || n > 1 && b[0] == '0' {
			return false
		}
		b = b[n:]
	}
	return len(b) == 0
}
