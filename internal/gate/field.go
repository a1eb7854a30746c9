package gate

import (
	"bytes"
	"math"
)

// framingLengths has a bit for the length of each field name that field knows:
// most other fields are passed over without a call.
const framingLengths = 1<<len("host") | 1<<len("expect") | 1<<len("upgrade") |
	1<<len("connection") | 1<<len("content-length") | 1<<len("transfer-encoding")

// field judges the field with the given name (a token) and the value between
// from and to (without controls but HTAB).
func (h *Head) field(b, name []byte, from, to int) *Error {
	for from < to && (b[from] == ' ' || b[from] == '\t') {
		from++
	}
	for from < to && (b[to-1] == ' ' || b[to-1] == '\t') {
		to--
	}
	value := b[from:to]
	switch len(name) {
	case len("host"):
		if isWord(name, "host") {
			return h.host(value, from, to)
		}
	case len("expect"):
		if isWord(name, "expect") && h.Minor > 0 {
			return h.expect(value)
		}
	case len("upgrade"):
		if isWord(name, "upgrade") {
			if len(value) > 0 {
				h.saw |= sawUpgrade
			}
		} else if isWord(name, "trailer") {
			return promise(value)
		}
	case len("connection"):
		if isWord(name, "connection") {
			h.connection(value)
		}
	case len("content-length"):
		if isWord(name, "content-length") {
			return h.length(value)
		}
	case len("transfer-encoding"):
		if isWord(name, "transfer-encoding") {
			return h.coding(value)
		}
	}
	return nil
}

// host judges a Host field, RFC 9110 7.2, RFC 9112 3.2.
func (h *Head) host(value []byte, from, to int) *Error {
	if h.saw&sawHost != 0 {
		return errHostTwice
	}
	h.saw |= sawHost
	if len(value) > 0 && !isAuthority(value, false) {
		return errHost
	}
	h.hostFrom, h.hostTo = from, to
	return nil
}

// length judges a Content-Length field, RFC 9110 8.6, RFC 9112 6.2.
func (h *Head) length(value []byte) *Error {
	if h.saw&sawLength != 0 {
		return errLengthTwice
	}
	if h.saw&sawCoding != 0 {
		return errBothFramings
	}
	h.saw |= sawLength
	if len(value) == 0 {
		return errLength
	}
	var n int64
	huge := false
	for _, c := range value {
		digit := int64(c - '0')
		if digit > 9 {
			return errLength
		}
		if n > (math.MaxInt64-digit)/10 {
			huge = true
		}
		if !huge {
			n = 10*n + digit
		}
	}
	if huge {
		return errLengthHuge
	}
	h.Length = n
	return nil
}

// coding judges a Transfer-Encoding field, RFC 9112 6.1 and 6.3.
func (h *Head) coding(value []byte) *Error {
	if h.Minor == 0 {
		return errCodingVersion
	}
	if h.saw&sawCoding != 0 {
		return errCodingTwice
	}
	if h.saw&sawLength != 0 {
		return errBothFramings
	}
	h.saw |= sawCoding
	if !isWord(value, "chunked") {
		return badCoding(value)
	}
	h.Length = -1
	return nil
}

// badCoding is why a list of transfer codings other than chunked alone is
// refused: only one that ends in chunked, and has it once, has a length, and
// then the others are what is not implemented.
func badCoding(value []byte) *Error {
	for {
		coding, rest, more := bytes.Cut(value, []byte{','})
		coding = trim(coding)
		if !more {
			if isWord(coding, "chunked") {
				return errCodingUnknown
			}
			return errCoding
		}
		name, _, _ := bytes.Cut(coding, []byte{';'})
		name = trim(name)
		if !isToken(name) || isWord(name, "chunked") {
			return errCoding
		}
		value = rest
	}
}

// connection notes the options of a Connection field, RFC 9110 7.6.1.
func (h *Head) connection(value []byte) {
	if isWord(value, "keep-alive") {
		h.saw |= sawKeepAlive
		return
	}
	for more := true; more; {
		var option []byte
		option, value, more = bytes.Cut(value, []byte{','})
		option = trim(option)
		switch len(option) {
		case len("close"):
			if isWord(option, "close") {
				h.saw |= sawClose
			}
		case len("upgrade"):
			if isWord(option, "upgrade") {
				h.saw |= sawUpgradeOption
			}
		case len("keep-alive"):
			if isWord(option, "keep-alive") {
				h.saw |= sawKeepAlive
			}
		}
	}
}

// expect judges an Expect field of an HTTP/1.1 request, RFC 9110 10.1.1. It is
// a list; places in it may be empty (RFC 9110 5.6.1).
func (h *Head) expect(value []byte) *Error {
	for more := true; more; {
		var expectation []byte
		expectation, value, more = bytes.Cut(value, []byte{','})
		expectation = trim(expectation)
		switch {
		case isWord(expectation, "100-continue"):
			h.saw |= sawExpect
		case len(expectation) > 0:
			return errExpect
		}
	}
	return nil
}

// promise judges a Trailer field, RFC 9110 6.6.2. A comma may stand at the end
// of the list, as nothing behind it is read by anyone.
func promise(value []byte) *Error {
	for len(value) > 0 {
		var name []byte
		name, value, _ = bytes.Cut(value, []byte{','})
		if name = trim(name); !isToken(name) || isForbidden(name) {
			return errTrailerPromise
		}
	}
	return nil
}
