package certs

import (
	"bytes"
	"net/netip"
	"strconv"
)

// defaultPort is the port that an https URL does not mention (RFC 9110 section
// 4.2.2).
const defaultPort = 443

// RedirectTarget appends the https URL of a plain HTTP request to dst: host is
// its Host field, target its request target, port where TLS is served (0 and
// 443 are not mentioned). It is false, with dst as it was, if there is no such
// URL: answer 400. The status is the caller's: 308 keeps the method, 301 is
// for GET and HEAD.
//
// The URL leads to the host that the client named and nowhere else, whatever
// the target looks like: the host must be a name (RFC 1123), an IPv4 address or
// an IPv6 address in brackets, with or without a port, which is replaced; user
// information, zones and empty hosts are refused. The target is in origin-form
// or in absolute-form with http, whose authority then takes the place of host
// (RFC 9112 section 3.2.2). Characters that a URL may not hold (RFC 3986) are
// percent-encoded; spaces, control characters and fragments are refused.
func RedirectTarget(dst []byte, host, target []byte, port int) ([]byte, bool) {
	if port < 0 || port > 65535 {
		return dst, false
	}
	if len(target) > 0 && target[0] != '/' {
		const scheme = "http://"
		if len(target) < len(scheme) || !bytes.EqualFold(target[:len(scheme)], []byte(scheme)) {
			return dst, false // asterisk-form, authority-form
		}
		target = target[len(scheme):]
		end := bytes.IndexAny(target, "/?")
		if end < 0 {
			end = len(target)
		}
		host, target = target[:end], target[end:]
	}
	host, ok := splitHost(host)
	if !ok {
		return dst, false
	}
	out := append(dst, "https://"...)
	out = append(out, host...)
	if port != 0 && port != defaultPort {
		out = append(out, ':')
		out = strconv.AppendInt(out, int64(port), 10)
	}
	if len(target) == 0 || target[0] == '?' {
		out = append(out, '/')
	}
	out, ok = appendTarget(out, target)
	if !ok {
		return dst, false
	}
	return out, true
}

// splitHost takes the port off and checks both.
func splitHost(host []byte) ([]byte, bool) {
	if len(host) > 0 && host[0] == '[' {
		end := bytes.IndexByte(host, ']')
		if end < 0 || !validPort(host[end+1:]) {
			return nil, false
		}
		addr, err := netip.ParseAddr(string(host[1:end]))
		return host[:end+1], err == nil && addr.Is6() && addr.Zone() == ""
	}
	if colon := bytes.IndexByte(host, ':'); colon >= 0 {
		if !validPort(host[colon:]) {
			return nil, false
		}
		host = host[:colon]
	}
	name := bytes.TrimSuffix(host, []byte("."))
	if !validName(name) {
		return nil, false
	}
	// Browsers read a name that ends in a number as an address, in forms that
	// others read otherwise: only the usual form is let through.
	last := name[bytes.LastIndexByte(name, '.')+1:]
	if isNumber(last) && !validIPv4(name) {
		return nil, false
	}
	return host, true
}

// validPort checks "" or a colon and a number of up to 65535, which RFC 3986
// section 3.2.3 allows to be empty.
func validPort(text []byte) bool {
	if len(text) == 0 {
		return true
	}
	if text[0] != ':' || len(text) > 6 {
		return false
	}
	n := 0
	for _, c := range text[1:] {
		if !isDigit(c) {
			return false
		}
		n = n*10 + int(c-'0')
	}
	return n <= 65535
}

// isNumber says whether a label is digits, or 0x and hexadecimal digits.
func isNumber(label []byte) bool {
	hex := len(label) >= 2 && label[0] == '0' && label[1]|0x20 == 'x'
	if hex {
		label = label[2:]
	}
	for _, c := range label {
		if !isDigit(c) && !(hex && isHex(c)) {
			return false
		}
	}
	return true
}

// validIPv4 checks four numbers of up to 255 without leading zeros (RFC 3986
// section 3.2.2). The labels have been checked not to be empty.
func validIPv4(name []byte) bool {
	parts, n, digits := 1, 0, 0
	for _, c := range name {
		switch {
		case c == '.':
			parts, n, digits = parts+1, 0, 0
		case !isDigit(c) || digits > 0 && n == 0:
			return false
		default:
			digits++
			if n = n*10 + int(c-'0'); n > 255 {
				return false
			}
		}
	}
	return parts == 4
}

// appendTarget appends path and query. A percent sign in the path must begin an
// encoded octet; in queries it is often alone, and nobody minds.
func appendTarget(dst, target []byte) ([]byte, bool) {
	const digits = "0123456789ABCDEF"
	query := false
	for i, c := range target {
		switch {
		case c <= ' ' || c == 0x7f || c == '#':
			return dst, false
		case c == '%' && !query &&
			(i+2 >= len(target) || !isHex(target[i+1]) || !isHex(target[i+2])):
			return dst, false
		case c >= 0x80 || bytes.IndexByte([]byte("\"<>\\^`{|}"), c) >= 0:
			dst = append(dst, '%', digits[c>>4], digits[c&15])
			continue
		case c == '?':
			query = true
		}
		dst = append(dst, c)
	}
	return dst, true
}

func isHex(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }
