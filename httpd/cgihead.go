package httpd

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/valyala/fasthttp"
)

// maxAnswerHead bounds the head of a program's answer, in octets.
const maxAnswerHead = 256 << 10

// maxAnswerFields bounds the fields in it.
const maxAnswerFields = 4096

// errAnswerHead says that a program's answer has no head that could be passed on.
var errAnswerHead = errors.New("httpd: malformed head of a program's answer")

// headEnd finds the end of the head of a CGI answer (RFC 3875, section 6): the
// octets of the head without its empty line, and where the body begins. end is
// -1 if the empty line has not come yet; then next is where to go on when more has
// come, from being where to begin. Programs end lines in CRLF or in LF.
func headEnd(b []byte, from int) (end, body, next int) {
	for i := from; ; {
		n := bytes.IndexByte(b[i:], '\n')
		if n < 0 {
			return -1, 0, i
		}
		line := bytes.TrimSuffix(b[i:i+n], []byte{'\r'})
		if len(line) == 0 {
			return i, i + n + 1, i
		}
		i += n + 1
	}
}

// parseAnswerHead sets the status and the header fields of a CGI answer (RFC
// 3875, section 6.3). It returns the Content-Length that the program gave, -1 if
// it gave none. least is the lowest status that it may give. Fields that belong
// to one connection only are not passed on.
func parseAnswerHead(head []byte, resp *fasthttp.Response, least int) (length int, err error) {
	resp.Header.SetNoDefaultContentType(true)
	length = -1
	status, location, fields := 0, false, 0
	for len(head) > 0 {
		line, rest, _ := bytes.Cut(head, []byte{'\n'})
		head = rest
		line = bytes.TrimSuffix(line, []byte{'\r'})
		name, value, ok := bytes.Cut(line, []byte{':'})
		if !ok || !isToken(name) {
			return 0, fmt.Errorf("%w: %.80q is no header field", errAnswerHead, line)
		}
		value = bytes.Trim(value, " \t")
		if bytes.IndexByte(value, '\r') >= 0 || bytes.IndexByte(value, 0) >= 0 {
			return 0, fmt.Errorf("%w: %.80q holds a control character", errAnswerHead, line)
		}
		if fields++; fields > maxAnswerFields {
			return 0, fmt.Errorf("%w: more than %d fields", errAnswerHead, maxAnswerFields)
		}
		switch {
		case equalFold(name, "Status"):
			if len(value) < 3 || len(value) > 3 && value[3] != ' ' {
				return 0, fmt.Errorf("%w: status %.80q", errAnswerHead, value)
			}
			n, err := fasthttp.ParseUint(value[:3])
			if err != nil || n < least || n > 599 {
				return 0, fmt.Errorf("%w: status %.80q", errAnswerHead, value)
			}
			status = n
		case equalFold(name, "Content-Length"):
			n, err := fasthttp.ParseUint(value)
			if err != nil || length >= 0 && length != n {
				return 0, fmt.Errorf("%w: Content-Length %.80q", errAnswerHead, value)
			}
			length = n
		case least < fasthttp.StatusOK && (equalFold(name, "Connection") || equalFold(name, "Upgrade")):
			resp.Header.SetBytesKV(name, value) // they belong to what it changes to
		case equalFold(name, "Connection"):
			if listsClose(value) {
				resp.SetConnectionClose()
			}
		case equalFold(name, "Transfer-Encoding"), equalFold(name, "Keep-Alive"), equalFold(name, "Trailer"),
			equalFold(name, "Proxy-Connection"), equalFold(name, "Upgrade"):
		case equalFold(name, "Content-Type"):
			resp.Header.SetContentTypeBytes(value)
		default:
			location = location || equalFold(name, "Location")
			if n := len("Variable-"); len(name) > n && equalFold(name[:n], "Variable-") {
				// An authorizer's, with a name that is to stay as it is.
				resp.Header.DisableNormalizing()
				resp.Header.AddBytesKV(name, value)
				resp.Header.EnableNormalizing()
				break
			}
			resp.Header.AddBytesKV(name, value)
		}
	}
	if fields == 0 {
		return 0, fmt.Errorf("%w: it is empty", errAnswerHead)
	}
	if status == 0 {
		if status = fasthttp.StatusOK; location {
			status = fasthttp.StatusFound
		}
	}
	resp.SetStatusCode(status)
	return length, nil
}

// isToken reports whether b is a token (RFC 9110, section 5.6.2).
func isToken(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	for _, c := range b {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case bytes.IndexByte([]byte("!#$%&'*+-.^_`|~"), c) >= 0:
		default:
			return false
		}
	}
	return true
}

// equalFold compares b with an ASCII word, whatever its case.
func equalFold(b []byte, word string) bool {
	if len(b) != len(word) {
		return false
	}
	for i, c := range b {
		w := word[i]
		if c|0x20 != w|0x20 || c != w && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return true
}

// appendAnswerHead writes the head of an answer for the parent, which hears of the
// end of the connection by it, too.
func appendAnswerHead(dst []byte, resp *fasthttp.Response, length int) []byte {
	if resp.ConnectionClose() || listsClose(resp.Header.Peek(fasthttp.HeaderConnection)) {
		dst = append(dst, "Connection: close\r\n"...)
	}
	return appendCGIHead(dst, resp, length)
}

// appendCGIHead writes the head of an answer as a CGI program would (RFC 3875, section
// 6.3). A negative length is left out: the body ends where FCGI_STDOUT does.
func appendCGIHead(dst []byte, resp *fasthttp.Response, length int) []byte {
	dst = append(dst, "Status: "...)
	dst = append(fasthttp.AppendUint(dst, resp.StatusCode()), ' ')
	// nginx repeats it to the client as it is.
	if phrase := resp.Header.StatusMessage(); len(phrase) > 0 {
		dst = append(dst, phrase...)
	} else {
		dst = append(dst, fasthttp.StatusMessage(resp.StatusCode())...)
	}
	dst = append(dst, "\r\n"...)
	for name, value := range resp.Header.All() {
		if equalFold(name, "Content-Length") || equalFold(name, "Transfer-Encoding") ||
			equalFold(name, "Connection") && resp.StatusCode() != fasthttp.StatusSwitchingProtocols {
			continue
		}
		dst = append(dst, name...)
		dst = append(dst, ": "...)
		dst = append(dst, value...)
		dst = append(dst, "\r\n"...)
	}
	if length >= 0 {
		dst = append(dst, "Content-Length: "...)
		dst = fasthttp.AppendUint(dst, length)
		dst = append(dst, "\r\n"...)
	}
	return append(dst, "\r\n"...)
}
