package httpd

import (
	"bytes"
	"iter"
	"net"
	"net/netip"
	"strconv"

	"github.com/valyala/fasthttp"
)

// Variables are the CGI meta-variables of a request, each name once, in no
// particular order: the set of RFC 3875, section 4.1, with those that web
// servers add to it (REQUEST_URI, REMOTE_PORT, SERVER_ADDR, HTTPS,
// REDIRECT_STATUS).
//
// The request counts as one to a program mounted at "/": SCRIPT_NAME is empty
// and PATH_INFO is the whole path. If it came over FastCGI they are the parameters as
// the web server has sent them; of those with the same name the last one.
func Variables(ctx *fasthttp.RequestCtx) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		if j := jobOf(ctx); j != nil && j.params != nil {
			for i := range j.params.Len() {
				name, value := j.params.At(i)
				if !j.params.Repeated(i) && !yield(string(name), string(value)) {
					return
				}
			}
			return
		}
		var v variables
		more := true
		v.visit(ctx, nil, func(name, value []byte) {
			if more {
				more = yield(string(name), string(value))
			}
		})
	}
}

// variables makes the meta-variables of requests, one request at a time, and
// keeps its buffers from one to the next. The zero value is ready.
type variables struct {
	uri    fasthttp.URI // decodes paths
	text   []byte       // values that are no part of the request
	fields fields       // of the head
}

// The names that are not made of header fields.
var (
	nameGatewayInterface = []byte("GATEWAY_INTERFACE")
	nameServerProtocol   = []byte("SERVER_PROTOCOL")
	nameServerSoftware   = []byte("SERVER_SOFTWARE")
	nameServerName       = []byte("SERVER_NAME")
	nameServerPort       = []byte("SERVER_PORT")
	nameServerAddr       = []byte("SERVER_ADDR")
	nameRequestMethod    = []byte("REQUEST_METHOD")
	nameRequestURI       = []byte("REQUEST_URI")
	nameScriptName       = []byte("SCRIPT_NAME")
	namePathInfo         = []byte("PATH_INFO")
	namePathTranslated   = []byte("PATH_TRANSLATED")
	nameScriptFilename   = []byte("SCRIPT_FILENAME")
	nameDocumentRoot     = []byte("DOCUMENT_ROOT")
	nameDocumentURI      = []byte("DOCUMENT_URI")
	nameQueryString      = []byte("QUERY_STRING")
	nameContentType      = []byte("CONTENT_TYPE")
	nameContentLength    = []byte("CONTENT_LENGTH")
	nameRemoteAddr       = []byte("REMOTE_ADDR")
	nameRemotePort       = []byte("REMOTE_PORT")
	nameHTTPS            = []byte("HTTPS")
	nameRedirectStatus   = []byte("REDIRECT_STATUS")
	nameHost             = []byte("HTTP_HOST")
	nameCookie           = []byte("HTTP_COOKIE")

	valueGateway   = []byte("CGI/1.1")
	valueSoftware  = []byte("bident")
	valueOn        = []byte("on")
	valueOK        = []byte("200")
	valueHTTP      = []byte("80")
	valueHTTPSPort = []byte("443")
	valueLocalhost = []byte("localhost")
)

// visit calls f for every variable of the request. Name and value are only
// valid during the call. It allocates nothing once its buffers have grown.
//
// at is where the program's part of the URLs begins, nil for a program mounted at
// "/".
//
// AUTH_TYPE, REMOTE_USER and REMOTE_IDENT are missing because the server
// authenticates nobody (RFC 3875, sections 4.1.1, 4.1.10 and 4.1.11), and
// REMOTE_HOST because it would need a look-up for each request (4.1.9).
// PATH_TRANSLATED is there if PATH_INFO follows a script (4.1.6), but for programs
// that would take it for the script.
func (v *variables) visit(ctx *fasthttp.RequestCtx, at *mount, f func(name, value []byte)) {
	head := &ctx.Request.Header
	target := splitTarget(head.RequestURI())
	v.text = v.text[:0]
	v.fields.read(head)

	pass(f, nameGatewayInterface, valueGateway)  // RFC 3875, 4.1.4
	pass(f, nameServerSoftware, valueSoftware)   // 4.1.17
	pass(f, nameServerProtocol, head.Protocol()) // 4.1.16
	pass(f, nameRequestMethod, head.Method())    // 4.1.12
	pass(f, nameRequestURI, head.RequestURI())   // Apache's: as it was sent
	v.script(at, target.path, f)                 // 4.1.5, 4.1.6, 4.1.13
	pass(f, nameQueryString, target.query)       // 4.1.7: not decoded; always there
	pass(f, nameRedirectStatus, valueOK)         // what PHP wants to see before it runs a script
	v.peers(ctx, target, f)                      // 4.1.8, 4.1.14, 4.1.15
	v.content(ctx, f)                            // 4.1.2, 4.1.3
	v.fields.visit(target.authority != nil, f)   // 4.1.18
	if target.authority != nil {                 // RFC 9112, 3.2.2: it replaces the Host field
		pass(f, nameHost, target.authority)
	}
	v.fields.reset()
}

// pass calls f with a value as far as its first NUL: a program gets variables
// as strings that end there, so that what comes behind could only be seen by
// whoever checks the request before the program does. Only a path can hold one.
func pass(f func(name, value []byte), name, value []byte) {
	if i := bytes.IndexByte(value, 0); i >= 0 {
		value = value[:i]
	}
	f(name, value)
}

// script passes on what says where the program's part of the URL begins, and which
// file it is to run.
func (v *variables) script(at *mount, path []byte, f func(name, value []byte)) {
	if at == nil || !at.found {
		info := v.decode(path)
		pass(f, nameScriptName, nil)
		pass(f, namePathInfo, info)
		if at == nil {
			return
		}
		if len(at.root) > 0 {
			pass(f, nameDocumentURI, info)
		}
	} else {
		pass(f, nameScriptName, at.script)
		if len(at.info) > 0 {
			pass(f, namePathInfo, at.info)
		}
		start := len(v.text)
		if v.text = at.translate(v.text); len(v.text) > start {
			pass(f, namePathTranslated, v.text[start:])
		}
		start = len(v.text)
		v.text = append(append(v.text, at.script...), at.info...)
		pass(f, nameDocumentURI, v.text[start:])
	}
	if len(at.root) > 0 {
		pass(f, nameDocumentRoot, at.root)
	}
	if len(at.file) > 0 {
		pass(f, nameScriptFilename, at.file)
	}
}

// decode is the path as a program mounted at "/" gets it.
func (v *variables) decode(path []byte) []byte { return decodePath(&v.uri, path) }

// decodePath is the path with percent-encoding, "//", "/./" and "/../" resolved, as
// Go handlers see it in RequestCtx.Path. "%" without two hexadecimal digits
// stays. RequestCtx.Path itself would be "/" after a Host field that cannot be
// parsed.
func decodePath(uri *fasthttp.URI, path []byte) []byte {
	if len(path) == 0 {
		return nil // "*": PATH_INFO is empty or begins with "/"
	}
	uri.SetPathBytes(path)
	return uri.Path()
}

// peers passes on what says who talks to whom.
func (v *variables) peers(ctx *fasthttp.RequestCtx, target target, f func(name, value []byte)) {
	// REMOTE_ADDR must be there (4.1.8), also if the client has no address
	// because it came over a UNIX socket.
	address, port := v.address(ctx.RemoteAddr())
	pass(f, nameRemoteAddr, address)
	if port != nil {
		pass(f, nameRemotePort, port)
	}
	// Not ctx.IsTLS: the connection may be a proxy's, or the parent's.
	secure := *isTLSField.of(&ctx.Request)
	if secure {
		pass(f, nameHTTPS, valueOn)
	}

	authority := target.authority
	if authority == nil {
		authority = ctx.Request.Header.Host()
	}
	name, named, ok := splitAuthority(authority)
	address, port = v.address(ctx.LocalAddr())
	if address != nil {
		pass(f, nameServerAddr, address)
	}
	switch {
	case ok:
	case address == nil:
		name = valueLocalhost
	case bytes.IndexByte(address, ':') >= 0: // 4.1.14: IPv6 in brackets
		start := len(v.text)
		v.text = append(append(append(v.text, '['), address...), ']')
		name = v.text[start:]
	default:
		name = address
	}
	pass(f, nameServerName, name)

	// 4.1.15: the port the request came in by. A UNIX socket has none; there it
	// is the port the client believes to talk to.
	switch {
	case port != nil:
	case len(named) > 0:
		port = named
	case secure:
		port = valueHTTPSPort
	default:
		port = valueHTTP
	}
	pass(f, nameServerPort, port)
}

// address writes an internet address and its port; both are nil if it is none. The port
// is nil if it is 0, which says that whoever told the address did not tell it.
func (v *variables) address(a net.Addr) (address, port []byte) {
	var ip netip.Addr
	var number int
	switch a := a.(type) {
	case nil, *net.UnixAddr:
	case *net.TCPAddr:
		ip, _ = netip.AddrFromSlice(a.IP)
		number = a.Port
	default:
		if both, err := netip.ParseAddrPort(a.String()); err == nil {
			ip, number = both.Addr().WithZone(""), int(both.Port())
		}
	}
	ip = ip.Unmap()
	// fasthttp says 0.0.0.0:0 for a connection without addresses.
	if !ip.IsValid() || ip.IsUnspecified() && number == 0 {
		return nil, nil
	}
	start := len(v.text)
	v.text = ip.AppendTo(v.text)
	end := len(v.text)
	if number == 0 {
		return v.text[start:end:end], nil
	}
	v.text = strconv.AppendInt(v.text, int64(number), 10)
	return v.text[start:end:end], v.text[end:]
}

// content passes on what says that there is a body. CONTENT_LENGTH is that of
// the body as the program gets it (4.1.2), without the framing of chunks; it is
// missing if there is neither a body nor a field that announces one, or if the
// length is not known yet. CONTENT_TYPE is missing if the client sent none
// (4.1.3 leaves it to the program then).
func (v *variables) content(ctx *fasthttp.RequestCtx, f func(name, value []byte)) {
	if v.fields.contentType != nil {
		pass(f, nameContentType, v.fields.contentType)
	}
	length := 0
	if ctx.Request.IsBodyStream() {
		length = ctx.Request.Header.ContentLength()
	} else {
		length = len(ctx.Request.Body())
	}
	if length > 0 || length == 0 && v.fields.framed {
		start := len(v.text)
		v.text = strconv.AppendInt(v.text, int64(length), 10)
		pass(f, nameContentLength, v.text[start:])
	}
}

// target is what a request asks for, taken apart (RFC 9112, section 3.2). All of
// it is as it was sent.
type target struct {
	authority []byte // nil unless the form is absolute
	path      []byte // empty for "*"
	query     []byte
}

func splitTarget(uri []byte) target {
	var t target
	if i := bytes.IndexByte(uri, '#'); i >= 0 { // not allowed, but not refused by fasthttp
		uri = uri[:i]
	}
	if i := bytes.IndexByte(uri, '?'); i >= 0 {
		uri, t.query = uri[:i], uri[i+1:]
	}
	if len(uri) > 0 && uri[0] == '/' {
		t.path = uri
		return t
	}
	_, rest, absolute := bytes.Cut(uri, []byte("://"))
	if !absolute {
		return t
	}
	t.authority, t.path = rest, []byte("/") // RFC 9110, 4.2.3: an empty path is "/"
	if i := bytes.IndexByte(rest, '/'); i >= 0 {
		t.authority, t.path = rest[:i], rest[i:]
	}
	if i := bytes.LastIndexByte(t.authority, '@'); i >= 0 {
		t.authority = t.authority[i+1:]
	}
	return t
}

// splitAuthority is the host, an IPv6 address in its brackets, and the port,
// which may be empty, of "host:port". It reports false for what can be no host
// name: programs print SERVER_NAME into pages and addresses.
func splitAuthority(authority []byte) (host, port []byte, ok bool) {
	host = authority
	literal := len(host) > 0 && host[0] == '['
	end := bytes.IndexByte(host, ':')
	if literal {
		end = bytes.IndexByte(host, ']') + 1
		if end == 0 || end < len(host) && host[end] != ':' {
			return nil, nil, false
		}
	}
	if end >= 0 && end < len(host) {
		host, port = host[:end], host[end+1:]
	}
	if len(port) > len("65535") {
		return nil, nil, false
	}
	for _, c := range port {
		if c < '0' || '9' < c {
			return nil, nil, false
		}
	}
	name := host
	if literal {
		name = host[1 : len(host)-1]
	}
	for _, c := range name {
		switch {
		case 'a' <= c|0x20 && c|0x20 <= 'z', '0' <= c && c <= '9', c == '.', c == '-', c == '_' && !literal, c == ':' && literal:
		default:
			return nil, nil, false
		}
	}
	return host, port, len(name) > 0
}
