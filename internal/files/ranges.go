package files

import (
	"bytes"
	"strconv"
)

// maxRanges is how many ranges a request may ask for; with more it gets the whole
// (RFC 9110 section 14.2 and 17.15).
const maxRanges = 16

// span is a part of a representation.
type span struct{ start, length int64 }

// outcome is what becomes of a Range field.
type outcome uint8

const (
	whole         outcome = iota // there is none to heed
	partial                      // send the spans
	unsatisfiable                // 416
)

// parseRanges reads a Range field for a representation of size octets (RFC 9110
// section 14.1). A unit other than bytes, and what is malformed, are ignored; so
// are many ranges, and ranges that overlap or are larger than the whole together.
// So is every range of an empty representation: no part of it could be named in
// Content-Range. Ranges that begin beyond the end are left out; if no other is
// there it is unsatisfiable. Spans are appended to dst.
func parseRanges(dst []span, field []byte, size int64) ([]span, outcome) {
	unit, set, found := bytes.Cut(field, []byte{'='})
	if !found || !equalFold(trim(unit), "bytes") {
		return dst, whole
	}
	first := len(dst)
	specs := 0
	for more := true; more; {
		var spec []byte
		spec, set, more = bytes.Cut(set, []byte{','})
		if spec = trim(spec); len(spec) == 0 { // an empty element: section 5.6.1.2
			continue
		}
		if specs++; specs > maxRanges {
			return dst[:first], whole
		}
		s, ok := parseSpec(spec, size)
		if !ok {
			return dst[:first], whole
		}
		if s.length > 0 {
			dst = append(dst, s)
		}
	}
	switch {
	case specs == 0 || size == 0:
		return dst[:first], whole
	case len(dst) == first:
		return dst, unsatisfiable
	}
	for i, a := range dst[first:] {
		for _, b := range dst[first+i+1:] {
			if a.start < b.start+b.length && b.start < a.start+a.length {
				return dst[:first], whole
			}
		}
	}
	return dst, partial
}

// parseSpec reads `first-last`, `first-` or `-suffix`. The length of a span that
// cannot be satisfied is 0. ok is false for what is malformed.
func parseSpec(spec []byte, size int64) (s span, ok bool) {
	from, to, found := bytes.Cut(spec, []byte{'-'})
	if !found {
		return span{}, false
	}
	last, lastOK := position(to)
	if len(from) == 0 { // the last octets
		n := min(last, size)
		return span{size - n, n}, lastOK
	}
	start, ok := position(from)
	if !ok {
		return span{}, false
	}
	if len(to) == 0 {
		last, lastOK = size-1, true
	} else if lastOK && last < start {
		return span{}, false // section 14.1.2
	}
	if !lastOK {
		return span{}, false
	}
	if start >= size {
		return span{}, true
	}
	return span{start, min(last, size-1) - start + 1}, true
}

// position reads digits. What is too large for an int64 is as large as that can be.
func position(s []byte) (int64, bool) {
	if len(s) == 0 {
		return 0, false
	}
	var n int64
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, false
		}
		if n > (1<<63-1-9)/10 {
			n = 1<<63 - 1
		} else {
			n = n*10 + int64(c-'0')
		}
	}
	return n, true
}

// appendContentRange appends the value of Content-Range for s (RFC 9110 section
// 14.4).
func appendContentRange(dst []byte, s span, size int64) []byte {
	dst = append(dst, "bytes "...)
	dst = strconv.AppendInt(dst, s.start, 10)
	dst = append(dst, '-')
	dst = strconv.AppendInt(dst, s.start+s.length-1, 10)
	dst = append(dst, '/')
	return strconv.AppendInt(dst, size, 10)
}
