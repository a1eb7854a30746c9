package httpd

import (
	"bytes"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/internal/accesslog"
)

// requestIDField carries the id of a request, in requests and answers.
const requestIDField = "X-Request-ID"

// withID finds the id of a request whose head the gate has accepted: the one that
// it came with, if that is valid and the only one, else a new one. It returns the
// head as handlers and programs are to see it, with exactly one field for the id.
// The field is put into the octets that are parsed, so that everybody who looks
// at the request, in whatever way and process, finds the same.
func (d *desk) withID(head []byte, ids *accesslog.IDs) []byte {
	r := &d.record
	found := 0
	for at := nextLine(head, 0); at < len(head); at = nextLine(head, at) {
		if value, ok := idLine(head[at:nextLine(head, at)]); ok {
			if found++; found == 1 && accesslog.ValidID(value) {
				r.id = append(r.id[:0], value...)
			}
		}
	}
	if found == 1 && len(r.id) > 0 {
		return head
	}
	r.id = ids.Append(r.id[:0])
	out := r.head[:0]
	for at := 0; at < len(head); {
		next := nextLine(head, at)
		line := head[at:next]
		switch _, ok := idLine(line); {
		case at > 0 && ok:
		case next == len(head): // the empty line
			out = append(append(append(out, requestIDField...), ": "...), r.id...)
			out = append(append(out, "\r\n"...), line...)
		default:
			out = append(out, line...)
		}
		at = next
	}
	r.head = out
	return out
}

// nextLine is where the line behind the one at i begins.
func nextLine(head []byte, i int) int {
	if n := bytes.IndexByte(head[i:], '\n'); n >= 0 {
		return i + n + 1
	}
	return len(head)
}

// idLine reports whether a field line carries a request's id, and its value.
func idLine(line []byte) (value []byte, ok bool) {
	const n = len(requestIDField)
	if len(line) <= n || line[n] != ':' || !equalFold(line[:n], "x-request-id") {
		return nil, false
	}
	return bytes.Trim(line[n+1:], " \t\r\n"), true
}

// label puts the id of the request into the answer.
func (c *conn) label(resp *fasthttp.Response) {
	r := &c.desk.record
	if len(r.id) == 0 { // its head could not be read
		r.id = c.front.ids.Append(r.id)
	}
	resp.Header.SetBytesV(requestIDField, r.id)
}
