package nethttp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"sync"

	"github.com/valyala/fasthttp"
)

// errHead is why a request's head is not one.
var errHead = errors.New("nethttp: malformed head")

// scratch is where heads are put together before they become strings.
var scratch = sync.Pool{New: func() any { return new([]byte) }}

// scratchSize is what a scratch may have grown to and still be kept.
const scratchSize = 64 << 10

// span is where a field line has its name and its value.
type span struct{ name, colon, value, end int }

// head is a request's head, as net/http has it.
type head struct {
	method, target, proto string
	major, minor          int
	host                  string
	fields, trailer       http.Header
	length                int64 // of the body, -1 in chunks
	chunked, expect       bool
}

// parse reads a head that fasthttp has accepted. All strings are parts of one.
func (h *head) parse(from *fasthttp.RequestHeader) error {
	buf := scratch.Get().(*[]byte)
	b := (*buf)[:0]
	defer func() {
		if cap(b) <= scratchSize {
			*buf = b
			scratch.Put(buf)
		}
	}()
	h.method = methodName(from.Method())
	if h.method == "" {
		b = append(b, from.Method()...)
	}
	m := len(b)
	b = append(b, from.RequestURI()...)
	start := len(b)
	if raw := from.RawHeaders(); len(raw) > 0 {
		b = append(b, raw...)
	} else {
		// Not read from a connection, but made; or there are none. fasthttp then
		// has one of its own, which says what HTTP/1.0 means anyway.
		for name, value := range from.All() {
			if !from.IsHTTP11() && string(name) == "Connection" && string(value) == "close" {
				continue
			}
			b = append(append(append(append(b, name...), ": "...), value...), "\r\n"...)
		}
	}
	var room [32]span
	lines, ok := split(b, start, room[:0])
	s := string(b)
	if h.method == "" {
		h.method = s[:m]
	}
	h.target = s[m:start]
	if err := h.version(from.Protocol()); err != nil {
		return err
	}
	if !ok {
		if err := h.unfold(s[start:]); err != nil {
			return err
		}
	} else {
		h.collect(s, lines)
	}
	return h.frame()
}

// split finds the field lines in b from start on and makes their names canonical.
// It reports false if lines are folded (RFC 9112, section 5.2), or if one is none.
func split(b []byte, start int, lines []span) ([]span, bool) {
	for start < len(b) {
		end, next := len(b), len(b)
		if n := bytes.IndexByte(b[start:], '\n'); n >= 0 {
			end, next = start+n, start+n+1
		}
		if end > start && b[end-1] == '\r' {
			end--
		}
		if end == start {
			break // the empty line
		}
		n := bytes.IndexByte(b[start:end], ':')
		if n <= 0 || blank(b[start]) {
			return lines, false
		}
		l := span{name: start, colon: start + n, value: start + n + 1, end: end}
		for l.value < l.end && blank(b[l.value]) {
			l.value++
		}
		for l.value < l.end && blank(b[l.end-1]) {
			l.end--
		}
		canonical(b[l.name:l.colon])
		lines = append(lines, l)
		start = next
	}
	return lines, true
}

// collect makes the fields of the lines in s. All values are in one array, each
// with no room behind it, so that adding to one field cannot overwrite another.
func (h *head) collect(s string, lines []span) {
	h.fields = make(http.Header, len(lines))
	values := make([]string, len(lines))
	for i, l := range lines {
		name, value := s[l.name:l.colon], s[l.value:l.end]
		if name == "Host" && h.host == "" {
			h.host = value
			continue
		}
		if have := h.fields[name]; have != nil {
			h.fields[name] = append(have, value)
			continue
		}
		values[i] = value
		h.fields[name] = values[i : i+1 : i+1]
	}
	delete(h.fields, "Host")
}

// unfold reads fields in the way of net/http itself.
func (h *head) unfold(section string) error {
	r := textproto.NewReader(bufio.NewReader(strings.NewReader(section + "\r\n\r\n")))
	fields, err := r.ReadMIMEHeader()
	if err != nil {
		return fmt.Errorf("%w: %w", errHead, err)
	}
	h.fields = http.Header(fields)
	if hosts := h.fields["Host"]; len(hosts) > 0 {
		h.host = hosts[0]
		delete(h.fields, "Host")
	}
	return nil
}

// version reads the protocol's version (RFC 9112, section 2.3).
func (h *head) version(proto []byte) error {
	switch string(proto) {
	case "HTTP/1.1":
		h.proto, h.major, h.minor = "HTTP/1.1", 1, 1
		return nil
	case "HTTP/1.0":
		h.proto, h.major, h.minor = "HTTP/1.0", 1, 0
		return nil
	}
	h.proto = string(proto)
	var ok bool
	if h.major, h.minor, ok = http.ParseHTTPVersion(h.proto); !ok || h.major != 1 {
		return fmt.Errorf("%w: version %q", errHead, h.proto)
	}
	return nil
}

// frame reads the fields that say how the body is framed (RFC 9112, section 6),
// and takes those away that net/http does not show to handlers.
func (h *head) frame() error {
	if coding := h.fields["Transfer-Encoding"]; coding != nil {
		delete(h.fields, "Transfer-Encoding")
		if len(coding) > 1 || !strings.EqualFold(coding[0], "chunked") {
			return fmt.Errorf("%w: Transfer-Encoding %q", errHead, coding)
		}
		h.chunked = h.major > 1 || h.minor >= 1
	}
	lengths := h.fields["Content-Length"]
	for i, v := range lengths {
		n, err := strconv.ParseUint(v, 10, 63)
		if err != nil || i > 0 && int64(n) != h.length {
			return fmt.Errorf("%w: Content-Length %q", errHead, lengths)
		}
		h.length = int64(n)
	}
	if len(lengths) > 1 {
		h.fields["Content-Length"] = lengths[:1:1]
	}
	if h.chunked {
		h.length = -1
		delete(h.fields, "Content-Length")
		if err := h.announced(); err != nil {
			return err
		}
	}
	// In HTTP/1.0 it means nothing (RFC 9110, section 10.1.1).
	if values := h.fields["Expect"]; values != nil && h.minor >= 1 {
		h.expect = hasToken(values, "100-continue")
	}
	if p := h.fields["Pragma"]; len(p) > 0 && p[0] == "no-cache" && h.fields["Cache-Control"] == nil {
		h.fields["Cache-Control"] = []string{"no-cache"} // RFC 9111, section 5.4
	}
	return nil
}

// announced makes the trailer from the names that the client has announced.
func (h *head) announced() error {
	values := h.fields["Trailer"]
	if values == nil {
		return nil
	}
	delete(h.fields, "Trailer")
	for _, v := range values {
		for name := range strings.SplitSeq(v, ",") {
			if name = http.CanonicalHeaderKey(trim(name)); name == "" {
				continue
			}
			if !notFraming(name) {
				return fmt.Errorf("%w: trailer %q", errHead, name)
			}
			if h.trailer == nil {
				h.trailer = make(http.Header)
			}
			h.trailer[name] = nil
		}
	}
	return nil
}

// methodName is the name of a method that is known, or "".
func methodName(m []byte) string {
	switch string(m) {
	case http.MethodGet:
		return http.MethodGet
	case http.MethodHead:
		return http.MethodHead
	case http.MethodPost:
		return http.MethodPost
	case http.MethodPut:
		return http.MethodPut
	case http.MethodDelete:
		return http.MethodDelete
	case http.MethodOptions:
		return http.MethodOptions
	case http.MethodPatch:
		return http.MethodPatch
	}
	return ""
}
