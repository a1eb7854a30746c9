package files

import (
	"bytes"
	"time"

	"github.com/valyala/fasthttp"
)

// verdict is what the preconditions of a request ask for.
type verdict uint8

const (
	proceed verdict = iota
	notModified
	failed
)

var (
	fieldIfMatch           = []byte(fasthttp.HeaderIfMatch)
	fieldIfNoneMatch       = []byte(fasthttp.HeaderIfNoneMatch)
	fieldIfModifiedSince   = []byte(fasthttp.HeaderIfModifiedSince)
	fieldIfUnmodifiedSince = []byte(fasthttp.HeaderIfUnmodifiedSince)
	fieldIfRange           = []byte(fasthttp.HeaderIfRange)
	fieldRange             = []byte(fasthttp.HeaderRange)
)

// evaluate applies the preconditions of a GET or HEAD in the order of RFC 9110
// section 13.2.2 to a representation.
func evaluate(h *fasthttp.RequestHeader, r *representation) verdict {
	if h.PeekCanonical(fieldIfMatch) != nil {
		if !matches(h.PeekAll(fasthttp.HeaderIfMatch), r.etag, false) {
			return failed
		}
	} else if t, ok := single(h, fieldIfUnmodifiedSince, fasthttp.HeaderIfUnmodifiedSince); ok && r.seconds > t {
		return failed
	}
	if h.PeekCanonical(fieldIfNoneMatch) != nil {
		if matches(h.PeekAll(fasthttp.HeaderIfNoneMatch), r.etag, true) {
			return notModified
		}
	} else if t, ok := single(h, fieldIfModifiedSince, fasthttp.HeaderIfModifiedSince); ok && r.seconds <= t {
		return notModified
	}
	return proceed
}

// ifRange tells whether a Range is to be heeded (RFC 9110 section 13.1.5): there is
// no If-Range, or its validator is that of r. A tag has to be strong on both
// sides, a date to be exactly Last-Modified.
func ifRange(h *fasthttp.RequestHeader, r *representation) bool {
	v := h.PeekCanonical(fieldIfRange)
	if v == nil {
		return true
	}
	if len(h.PeekAll(fasthttp.HeaderIfRange)) != 1 {
		return false
	}
	if v = trim(v); len(v) > 0 && v[0] == '"' {
		return bytes.Equal(v, r.etag)
	}
	t, ok := parseDate(v)
	return ok && t == r.seconds
}

// single is the date in a field that may stand in a request once only; else it
// is ignored, as is a value that is none (RFC 9110 sections 13.1.3 and 13.1.4).
func single(h *fasthttp.RequestHeader, canonical []byte, name string) (int64, bool) {
	v := h.PeekCanonical(canonical)
	if v == nil || len(h.PeekAll(name)) != 1 {
		return 0, false
	}
	return parseDate(trim(v))
}

// parseDate reads an HTTP-date in any of its three forms (RFC 9110 section
// 5.6.7), as seconds since 1970.
func parseDate(v []byte) (int64, bool) {
	if len(v) < 24 || len(v) > 33 {
		return 0, false
	}
	if v[3] == ',' {
		if t, err := fasthttp.ParseHTTPDate(v); err == nil && bytes.HasSuffix(v, []byte("GMT")) {
			return t.Unix(), true
		}
		return 0, false
	}
	s := string(v)
	if t, err := time.Parse(time.ANSIC, s); err == nil {
		return t.Unix(), true
	}
	t, err := time.Parse("Monday, 02-Jan-06 15:04:05 GMT", s)
	if err != nil {
		return 0, false
	}
	// A year that appears to be more than 50 years in the future is in the past.
	if t.After(time.Now().AddDate(50, 0, 0)) {
		t = t.AddDate(-100, 0, 0)
	}
	return t.Unix(), true
}

// matches tells whether one of the entity tags in lines is tag, or "*" stands for
// all (RFC 9110 sections 13.1.1 and 13.1.2). Comparison is weak or strong
// (section 8.8.3.2). Reading ends at the first element that is malformed.
func matches(lines [][]byte, tag []byte, weak bool) bool {
	for _, line := range lines {
		line = trim(line)
		if len(line) == 1 && line[0] == '*' {
			return true
		}
		for {
			for len(line) > 0 && (line[0] == ',' || line[0] == ' ' || line[0] == '\t') {
				line = line[1:]
			}
			n := tagLen(line)
			if n == 0 {
				break
			}
			if sameTag(line[:n], tag, weak) {
				return true
			}
			line = trim(line[n:])
			if len(line) > 0 && line[0] != ',' {
				break
			}
		}
	}
	return false
}

// tagLen is the length of the entity tag that s begins with, or 0 (RFC 9110
// section 8.8.3).
func tagLen(s []byte) int {
	n := 0
	if bytes.HasPrefix(s, []byte("W/")) {
		n = 2
	}
	if n >= len(s) || s[n] != '"' {
		return 0
	}
	for n++; n < len(s); n++ {
		switch c := s[n]; {
		case c == '"':
			return n + 1
		case c <= ' ' || c == 0x7f:
			return 0
		}
	}
	return 0
}

func sameTag(a, b []byte, weak bool) bool {
	weakA, weakB := bytes.HasPrefix(a, []byte("W/")), bytes.HasPrefix(b, []byte("W/"))
	if !weak && (weakA || weakB) {
		return false
	}
	if weakA {
		a = a[2:]
	}
	if weakB {
		b = b[2:]
	}
	return bytes.Equal(a, b)
}
