package httpd

import (
	"bytes"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/internal/fcgi"
)

// appendRequestHead composes the head of an HTTP/1.1 request of FCGI_PARAMS, such as
// the client may have sent to the web server. It reports false if a parameter could
// end its line: then what was appended is of no use. What else is wrong with it whoever
// parses it finds out. length is that of the body, -1 if the web server does not say.
//
// The method is REQUEST_METHOD, the target REQUEST_URI, or what SCRIPT_NAME, PATH_INFO
// and QUERY_STRING make (RFC 3875, section 3.3). Of the fields those of the connection
// between client and web server are left out (RFC 9110, section 7.6.1), Expect, which
// that one has answered, and Proxy, which no client has a reason to send. Of two
// parameters with the same name the last one counts.
func appendRequestHead(dst []byte, p *fcgi.Params, role fcgi.Role) (head []byte, length int64, ok bool) {
	method := p.Get("REQUEST_METHOD")
	if !isToken(method) {
		return dst, 0, false
	}
	dst = append(append(dst, method...), ' ')
	if uri := p.Get("REQUEST_URI"); len(uri) > 0 {
		if bytes.IndexByte(uri, ' ') >= 0 || !oneLine(uri) {
			return dst, 0, false
		}
		dst = append(dst, uri...)
	} else {
		from := len(dst)
		dst = appendPath(appendPath(dst, p.Get("SCRIPT_NAME")), p.Get("PATH_INFO"))
		if len(dst) == from || dst[from] != '/' {
			dst = append(dst, '/')
			copy(dst[from+1:], dst[from:])
			dst[from] = '/'
		}
		if query := p.Get("QUERY_STRING"); len(query) > 0 {
			if bytes.IndexByte(query, ' ') >= 0 || !oneLine(query) {
				return dst, 0, false
			}
			dst = append(append(dst, '?'), query...)
		}
	}
	if string(p.Get("SERVER_PROTOCOL")) == "HTTP/1.0" {
		dst = append(dst, " HTTP/1.0\r\n"...)
	} else {
		dst = append(dst, " HTTP/1.1\r\n"...)
	}
	if len(p.Get("HTTP_HOST")) == 0 {
		dst = appendHost(dst, p)
	}
	// Authorizers get no body, whatever length that of the request has (FastCGI 1.0,
	// section 6.3).
	if role == fcgi.RoleResponder {
		length = -1
		if n := p.Get("CONTENT_LENGTH"); len(n) > 0 {
			size, err := fasthttp.ParseUint(n)
			if err != nil {
				return dst, 0, false
			}
			length = int64(size)
			dst = append(append(append(dst, "Content-Length: "...), n...), "\r\n"...)
		}
	}
	kind := p.Get("CONTENT_TYPE")
	if len(kind) > 0 {
		if !oneLine(kind) {
			return dst, 0, false
		}
		dst = append(append(append(dst, "Content-Type: "...), kind...), "\r\n"...)
	}
	for i := range p.Len() {
		name, value := p.At(i)
		if len(name) < len("HTTP_") || string(name[:len("HTTP_")]) != "HTTP_" {
			continue
		}
		name = name[len("HTTP_"):]
		if ofConnection(name) || string(name) == "CONTENT_TYPE" && len(kind) > 0 ||
			string(name) == "HOST" && len(value) == 0 || p.Repeated(i) {
			continue
		}
		if !isToken(name) || !oneLine(value) {
			return dst, 0, false
		}
		dst = append(appendFieldName(dst, name), ": "...)
		dst = append(append(dst, value...), "\r\n"...)
	}
	return append(dst, "\r\n"...), length, true
}

// oneLine reports whether nothing in a value ends its line.
func oneLine(value []byte) bool {
	return bytes.IndexByte(value, '\n') < 0 && bytes.IndexByte(value, '\r') < 0
}

// ofConnection reports whether a field, as the rest of a parameter's name, is not one
// for whoever handles the request.
func ofConnection(name []byte) bool {
	var b [foldedName]byte
	switch string(foldName(&b, name)) {
	case "CONNECTION", "KEEP_ALIVE", "PROXY_CONNECTION", "TE", "TRAILER", "TRANSFER_ENCODING", "UPGRADE",
		"EXPECT", "PROXY", "CONTENT_LENGTH":
		return true
	}
	return false
}

// foldedName is the length from which on names are not folded: longer than all that
// are looked for.
const foldedName = 24

// foldName is the name of a parameter in upper case and with "_" for "-", in which it
// is the same to some: as it is if it is long.
func foldName(b *[foldedName]byte, name []byte) []byte {
	if len(name) > len(b) {
		return name
	}
	for i, c := range name {
		switch {
		case c == '-':
			c = '_'
		case 'a' <= c && c <= 'z':
			c -= 'a' - 'A'
		}
		b[i] = c
	}
	return b[:len(name)]
}

// appendFieldName writes the name of a field as HTTP has it: "User-Agent" for
// "USER_AGENT".
func appendFieldName(dst, name []byte) []byte {
	begins := true
	for _, c := range name {
		switch {
		case c == '_':
			c = '-'
		case begins && 'a' <= c && c <= 'z':
			c -= 'a' - 'A'
		case !begins && 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		begins = c == '-'
		dst = append(dst, c)
	}
	return dst
}

// appendHost writes a Host field of what the web server calls itself.
func appendHost(dst []byte, p *fcgi.Params) []byte {
	name, rest, ok := splitAuthority(p.Get("SERVER_NAME"))
	if !ok || len(rest) > 0 {
		name = valueLocalhost
	}
	dst = append(append(dst, "Host: "...), name...)
	port := p.Get("SERVER_PORT")
	if n, err := fasthttp.ParseUint(port); err == nil && n <= 65535 && n != 80 && n != 443 {
		dst = append(append(dst, ':'), port...)
	}
	return append(dst, "\r\n"...)
}

// appendPath writes a path that was decoded as one of a URI (RFC 3986, section 3.3).
func appendPath(dst, path []byte) []byte {
	const hex = "0123456789ABCDEF"
	for _, c := range path {
		switch {
		case 'a' <= c|0x20 && c|0x20 <= 'z', '0' <= c && c <= '9', bytes.IndexByte(pathOctets, c) >= 0:
			dst = append(dst, c)
		default:
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		}
	}
	return dst
}

// pathOctets are those beside letters and digits that a path may have.
var pathOctets = []byte("/-._~!$&'()*+,;=:@")
