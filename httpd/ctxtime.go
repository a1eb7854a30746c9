package httpd

import (
	"reflect"
	"time"
	"unsafe"

	"github.com/valyala/fasthttp"
)

// timeOffset is where a RequestCtx keeps what its Time method returns. fasthttp
// sets it for requests that it has read itself and gives nobody else a way to;
// handlers in children rely on it just as others do. A test holds the offset to
// the method.
var timeOffset = func() uintptr {
	f, ok := reflect.TypeFor[fasthttp.RequestCtx]().FieldByName("time")
	if !ok || f.Type != reflect.TypeFor[time.Time]() {
		panic("httpd: fasthttp.RequestCtx has no time of a request")
	}
	return f.Offset
}()

// setTime sets the time that ctx.Time returns.
func setTime(ctx *fasthttp.RequestCtx, t time.Time) {
	*(*time.Time)(unsafe.Add(unsafe.Pointer(ctx), timeOffset)) = t
}
