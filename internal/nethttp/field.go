package nethttp

import (
	"net/http"
	"strings"
)

// token are the octets of field names (RFC 9110, section 5.6.2).
var token = func() (t [256]bool) {
	for c := range t {
		t[c] = 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
			strings.IndexByte("!#$%&'*+-.^_`|~", byte(c)) >= 0
	}
	return t
}()

// validName reports whether a field can have this name.
func validName(name string) bool {
	for i := range len(name) {
		if !token[name[i]] {
			return false
		}
	}
	return name != ""
}

// canonical puts a field name into the form that http.Header uses, in place. Names
// that are none are left as they are.
func canonical(name []byte) {
	for _, c := range name {
		if !token[c] {
			return
		}
	}
	upper := true
	for i, c := range name {
		switch {
		case upper && 'a' <= c && c <= 'z':
			name[i] = c - 'a' + 'A'
		case !upper && 'A' <= c && c <= 'Z':
			name[i] = c - 'A' + 'a'
		}
		upper = c == '-'
	}
}

// blank reports whether c surrounds a field's value without belonging to it
// (RFC 9110, section 5.5).
func blank(c byte) bool { return c == ' ' || c == '\t' }

// trim cuts white space off both ends.
func trim(s string) string {
	for s != "" && blank(s[0]) {
		s = s[1:]
	}
	for s != "" && blank(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// control reports whether c cannot be part of a field's value: CR, LF and NUL would
// end it, or the message, before its end; the others are no better (RFC 9110,
// section 5.5).
func control(c byte) bool { return c < ' ' && c != '\t' || c == 0x7f }

// clean makes a value of a handler's fit for a field line: control characters
// become spaces.
func clean(v string) string {
	for i := range len(v) {
		if !control(v[i]) {
			continue
		}
		b := []byte(v)
		for i := range b {
			if control(b[i]) {
				b[i] = ' '
			}
		}
		v = string(b)
		break
	}
	return trim(v)
}

// cleanFields is fields without what cannot be sent in a trailer section or an
// interim answer, where nothing says how a body is framed.
func cleanFields(fields http.Header, admit func(name string) bool) http.Header {
	out := make(http.Header, len(fields))
	for name, values := range fields {
		if !validName(name) || !admit(http.CanonicalHeaderKey(name)) {
			continue
		}
		for _, v := range values {
			out[name] = append(out[name], clean(v))
		}
	}
	return out
}

// notFraming admits all but the fields that frame a message (RFC 9112, section 6).
func notFraming(name string) bool {
	return name != "Content-Length" && name != "Transfer-Encoding" && name != "Trailer"
}

// inTrailer admits what a trailer section may hold: nothing that frames, routes,
// authenticates, or says how the content is to be read, since the recipient has
// acted on that already (RFC 9110, section 6.5.1).
func inTrailer(name string) bool {
	switch name {
	case "Authorization", "Cache-Control", "Connection", "Content-Encoding",
		"Content-Length", "Content-Range", "Content-Type", "Expect", "Host",
		"Keep-Alive", "Max-Forwards", "Pragma", "Proxy-Authenticate",
		"Proxy-Authorization", "Proxy-Connection", "Range", "Realm", "Te", "Trailer",
		"Transfer-Encoding", "Www-Authenticate", "Set-Cookie", "Location":
		return false
	}
	return !strings.HasPrefix(name, "If-")
}
