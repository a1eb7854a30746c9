package nethttp

import (
	"bufio"
	"reflect"
	"strings"
	"unsafe"

	"github.com/valyala/fasthttp"
)

// noDateOffset is where a fasthttp.ResponseHeader keeps that it adds no Date of its
// own. fasthttp lets a server say so, for all answers, and nobody else; but a
// handler may send another Date (a cache, a proxy), or none. fasthttp itself clears
// it before the next request. A test holds the offset to what is sent.
var noDateOffset = func() uintptr {
	f, ok := reflect.TypeFor[fasthttp.ResponseHeader]().FieldByName("noDefaultDate")
	if !ok || f.Type.Kind() != reflect.Bool {
		panic("nethttp: fasthttp.ResponseHeader has no switch for its Date")
	}
	return f.Offset
}()

// setDate makes h say this Date; none if it is "". All setters of fasthttp drop a
// Date, only its parser takes one: h is made anew from a head that has it.
func setDate(h *fasthttp.ResponseHeader, date string) {
	if date != "" {
		var dated fasthttp.ResponseHeader
		dated.DisableNormalizing()
		r := bufio.NewReaderSize(strings.NewReader(
			"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nDate: "+date+"\r\n\r\n"), 64+len(date))
		if dated.Read(r) == nil {
			dated.Del("Content-Length")
			dated.SetNoDefaultContentType(true)
			for name, value := range h.All() { // the front's
				dated.AddBytesKV(name, value)
			}
			dated.CopyTo(h)
		}
	}
	*(*bool)(unsafe.Add(unsafe.Pointer(h), noDateOffset)) = true
}
