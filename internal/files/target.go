package files

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"
)

var (
	// errMalformed is a request target that cannot be decoded: 400.
	errMalformed = errors.New("malformed request target")
	// errRefused is a path that names no file that may be served: 404.
	errRefused = errors.New("refused path")
)

// maxPath bounds a decoded path, so that with an index name and a suffix it
// remains below the limit of the systems (PATH_MAX, 4096 with the NUL).
const maxPath = 3584

// target is a request target taken apart. Its buffers are kept for the next one.
type target struct {
	// path is decoded, without slashes at either end; empty for the root.
	path []byte
	// dir: the path ended with a slash.
	dir bool
	// query is the query with its '?', as received; it aliases the target.
	query []byte
}

// parse reads a request target in origin-form or absolute-form (RFC 9112 section
// 3.2) as it was received. It fails with errMalformed or errRefused. With dotfiles
// segments may begin with a dot.
func (t *target) parse(raw []byte, dotfiles bool) error {
	t.path, t.dir, t.query = t.path[:0], false, nil
	raw, err := originForm(raw)
	if err != nil {
		return err
	}
	if i := bytes.IndexByte(raw, '?'); i >= 0 {
		raw, t.query = raw[:i], raw[i:]
	}
	if len(raw) == 0 { // http://host, http://host?query
		t.dir = true
		return nil
	}
	if raw[0] != '/' {
		return errMalformed
	}

	// The whole path is decoded before anything is refused: what is malformed
	// anywhere is malformed.
	refused := false
	start := 0 // of the segment, in t.path
	for i := 1; i < len(raw); i++ {
		c := raw[i]
		switch c {
		case '/':
			refused = refused || !allowed(t.path[start:], start == 0, dotfiles)
			t.path = append(t.path, '/')
			start = len(t.path)
			continue
		case '%':
			if i+2 >= len(raw) {
				return errMalformed
			}
			high, low := unhex(raw[i+1]), unhex(raw[i+2])
			if high > 15 || low > 15 {
				return errMalformed
			}
			c = high<<4 | low
			i += 2
			refused = refused || c == '/'
		}
		refused = refused || c < ' ' || c == 0x7f || c == '\\'
		t.path = append(t.path, c)
	}
	switch {
	case len(t.path) == 0:
		t.dir = true
	case start == len(t.path):
		t.dir = true
		t.path = t.path[:len(t.path)-1]
	default:
		refused = refused || !allowed(t.path[start:], start == 0, dotfiles)
	}
	if refused || len(t.path) > maxPath || !utf8.Valid(t.path) {
		return errRefused
	}
	return nil
}

// originForm returns the path and query of a target. A fragment has no place in
// one (RFC 9112 section 3.2).
func originForm(raw []byte) ([]byte, error) {
	if bytes.IndexByte(raw, '#') >= 0 || len(raw) == 0 {
		return nil, errMalformed
	}
	if raw[0] == '/' {
		return raw, nil
	}
	scheme, rest, found := bytes.Cut(raw, []byte("://"))
	if !found || !bytes.EqualFold(scheme, []byte("http")) && !bytes.EqualFold(scheme, []byte("https")) {
		return nil, errMalformed
	}
	end := bytes.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	if end == 0 { // an empty host is invalid: RFC 9110 section 4.2.1
		return nil, errMalformed
	}
	return rest[end:], nil
}

// allowed tells whether a decoded segment may be part of a path.
func allowed(segment []byte, first, dotfiles bool) bool {
	if len(segment) == 0 || windows && aliased(segment) {
		return false
	}
	if segment[0] != '.' {
		return true
	}
	if len(segment) == 1 || len(segment) == 2 && segment[1] == '.' {
		return false
	}
	return dotfiles || first && string(segment) == ".well-known"
}

// unhex is the value of a hexadecimal digit, or 255.
func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}

// location appends the path of the directory t, ending with a slash, and the query: a
// reference that stays on this host. It cannot begin with two slashes, nor hold
// a backslash or a control character, since parse refuses those paths.
func (t *target) location(dst []byte) []byte {
	dst = append(dst, '/')
	dst = escape(dst, t.path, "!$&'()*+,;=:@/")
	dst = append(dst, '/')
	return escape(dst, t.query, "!$&'()*+,;=:@/?%[]")
}

// escape appends s, with all octets percent-encoded but the unreserved ones (RFC
// 3986 section 2.3) and those of keep.
func escape(dst, s []byte, keep string) []byte {
	const digits = "0123456789ABCDEF"
	for _, c := range s {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9',
			c == '-', c == '.', c == '_', c == '~', strings.IndexByte(keep, c) >= 0:
			dst = append(dst, c)
		default:
			dst = append(dst, '%', digits[c>>4], digits[c&15])
		}
	}
	return dst
}
