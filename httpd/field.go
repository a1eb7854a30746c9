package httpd

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/valyala/fasthttp"
)

// keptFields is how many header fields' worth of memory is kept for the next
// request.
const keptFields = 256

// fields are a request's header fields under the names of their variables.
type fields struct {
	all         []field
	names       []byte
	contentType []byte
	folded      fasthttp.RequestHeader
	framed      bool // there was a Content-Length or a Transfer-Encoding
}

// field is one line of the head.
type field struct {
	start, end int // of the name, in fields.names
	value      []byte
}

// read takes all fields of a head as they were sent. The values fasthttp has
// taken apart are not used where the text is there: of cookies it drops those
// that hold a quote or a backslash.
func (s *fields) read(head *fasthttp.RequestHeader) {
	if raw := head.RawHeaders(); bytes.Contains(raw, []byte("\n ")) || bytes.Contains(raw, []byte("\n\t")) {
		// Walking over a folded field unfolds it where it stands, and the next
		// walk would find something else: so this one walks over a copy.
		head.CopyTo(&s.folded)
		head = &s.folded
	}
	for key, value := range head.AllInOrder() {
		s.add(key, value)
	}
	if len(s.all) > 0 || s.framed || s.contentType != nil {
		return
	}
	// A head without fields, or one that was made, not read.
	for key, value := range head.All() {
		if string(key) != fasthttp.HeaderConnection { // fasthttp's own conclusion
			s.add(key, value)
		}
	}
}

// add takes a field under its variable's name (RFC 3875, section 4.1.18):
// "HTTP_", then the field's name in capitals and with "_" for "-".
//
// Left out are names with anything but letters, digits and "-", above all with
// "_", which could pass for another field; Proxy, which many HTTP libraries
// would take for the address of their proxy (CVE-2016-5385); and what is told
// by CONTENT_TYPE and CONTENT_LENGTH, or has been undone, as chunks have.
// Authorization is passed on, as web servers do for FastCGI programs: they must
// authenticate by themselves since the server does not.
func (s *fields) add(key, value []byte) {
	start := len(s.names)
	s.names = append(s.names, "HTTP_"...)
	for _, c := range key {
		switch {
		case 'a' <= c && c <= 'z':
			c -= 'a' - 'A'
		case c == '-':
			c = '_'
		case 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		default:
			s.names = s.names[:start]
			return
		}
		s.names = append(s.names, c)
	}
	switch string(s.names[start+len("HTTP_"):]) {
	case "CONTENT_TYPE":
		s.contentType = value // the last one, which is fasthttp's too
	case "CONTENT_LENGTH", "TRANSFER_ENCODING":
		s.framed = true
	case "", "PROXY":
	default:
		s.all = append(s.all, field{start, len(s.names), value})
		return
	}
	s.names = s.names[:start]
}

func (s *fields) name(f field) []byte { return s.names[f.start:f.end] }

// visit passes on each name once. Fields of the same name are joined in the
// order they came in, as RFC 3875, section 4.1.18, demands.
func (s *fields) visit(noHost bool, f func(name, value []byte)) {
	slices.SortFunc(s.all, func(a, b field) int {
		if c := bytes.Compare(s.name(a), s.name(b)); c != 0 {
			return c
		}
		return cmp.Compare(a.start, b.start)
	})
	for i := 0; i < len(s.all); {
		name, value := s.name(s.all[i]), s.all[i].value
		n := i + 1
		for n < len(s.all) && bytes.Equal(s.name(s.all[n]), name) {
			n++
		}
		if n > i+1 {
			value = s.join(name, s.all[i:n])
		}
		i = n
		if noHost && string(name) == string(nameHost) {
			continue
		}
		pass(f, name, value)
	}
}

// join puts values behind one another: lists with commas (RFC 9110, section
// 5.3), cookies with semicolons (RFC 9113, section 8.2.3, has the reason).
func (s *fields) join(name []byte, all []field) []byte {
	separator := ", "
	if bytes.Equal(name, nameCookie) {
		separator = "; "
	}
	start := len(s.names)
	for i, f := range all {
		if i > 0 {
			s.names = append(s.names, separator...)
		}
		s.names = append(s.names, f.value...)
	}
	return s.names[start:]
}

// reset lets go of the request.
func (s *fields) reset() {
	if cap(s.all) > keptFields {
		*s = fields{}
		return
	}
	clear(s.all)
	s.all, s.names, s.contentType, s.framed = s.all[:0], s.names[:0], nil, false
}
