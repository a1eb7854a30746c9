package gate

import "bytes"

// Form is one of the forms of a request target, RFC 9112 3.2.
type Form uint8

// The forms. An Origin target begins with a slash, an Absolute one with http://
// or https://, Authority is host and port of a CONNECT, Asterisk the target of
// an OPTIONS for the whole server.
const (
	Origin Form = iota
	Absolute
	Authority
	Asterisk
)

// String is the form's name in RFC 9112, without "-form".
func (f Form) String() string {
	switch f {
	case Origin:
		return "origin"
	case Absolute:
		return "absolute"
	case Authority:
		return "authority"
	case Asterisk:
		return "asterisk"
	}
	return "unknown"
}

// form judges the target when the request-line is complete.
func (h *Head) form(b []byte) *Error {
	method := b[h.Skip:h.methodEnd]
	target := b[h.targetFrom:h.targetEnd]
	if string(method) == "CONNECT" {
		if !isAuthority(target, true) {
			return errTargetForm
		}
		h.Form = Authority
		h.authFrom, h.authTo = h.targetFrom, h.targetEnd
		return nil
	}
	switch {
	case target[0] == '/':
		h.Form = Origin
		return nil
	case target[0] == '*' && len(target) == 1:
		if string(method) != "OPTIONS" {
			return errTargetForm
		}
		h.Form = Asterisk
		return nil
	}
	scheme, rest, _ := bytes.Cut(target, []byte("://"))
	if !isWord(scheme, "http") && !isWord(scheme, "https") {
		return errTargetForm
	}
	from := h.targetEnd - len(rest)
	if end := bytes.IndexAny(rest, "/?"); end >= 0 {
		rest = rest[:end]
	}
	if !isAuthority(rest, false) {
		return errTargetHost
	}
	h.Form = Absolute
	h.authFrom, h.authTo = from, from+len(rest)
	return nil
}
