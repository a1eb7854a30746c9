package httpd

import (
	"io"
	"reflect"
	"time"
	"unsafe"

	"github.com/valyala/fasthttp"
)

// A front that does not run fasthttp's own loop over a connection has to fill in
// what that loop fills in, and to see what a handler has left there for it.
// fasthttp gives nobody else a way to these fields of a RequestCtx; its version
// is pinned, and tests hold every offset to the method that reads the field.
var (
	timeField       = ctxField[time.Time]("time")
	connTimeField   = ctxField[time.Time]("connTime")
	connNumberField = ctxField[uint64]("connRequestNum")
	connIDField     = ctxField[uint64]("connID")
	hijackField     = ctxField[fasthttp.HijackHandler]("hijackHandler")
	noAnswerField   = ctxField[bool]("hijackNoResponse")
	timedOutField   = ctxField[*fasthttp.Response]("timeoutResponse")
)

// isTLSField is where a request keeps whether it came over TLS, from which it
// makes the scheme of its URI.
var isTLSField = fieldOf[fasthttp.Request, bool]("isTLS")

// bodyStreamField is where an answer keeps the body that is to be read, which
// fasthttp closes whenever it is replaced.
var bodyStreamField = fieldOf[fasthttp.Response, io.Reader]("bodyStream")

// offset is where a field of type T is in an S.
type offset[S, T any] uintptr

func ctxField[T any](name string) offset[fasthttp.RequestCtx, T] {
	return fieldOf[fasthttp.RequestCtx, T](name)
}

func fieldOf[S, T any](name string) offset[S, T] {
	s := reflect.TypeFor[S]()
	f, ok := s.FieldByName(name)
	if !ok || f.Type != reflect.TypeFor[T]() {
		panic("httpd: " + s.String() + " has no field " + name + " as this version of httpd needs it")
	}
	return offset[S, T](f.Offset)
}

// of is the field of s.
func (o offset[S, T]) of(s *S) *T { return (*T)(unsafe.Add(unsafe.Pointer(s), uintptr(o))) }

// setTime sets the time that ctx.Time returns.
func setTime(ctx *fasthttp.RequestCtx, t time.Time) { *timeField.of(ctx) = t }

// responseFields is the list of an answer's header fields, but for those that have
// a place of their own. Its elements are of a type that fasthttp keeps to itself:
// only their number means something here.
var responseFields = func() offset[fasthttp.ResponseHeader, []struct{}] {
	f, ok := reflect.TypeFor[fasthttp.ResponseHeader]().FieldByName("h")
	embedded, _ := reflect.TypeFor[fasthttp.ResponseHeader]().FieldByName("header")
	if !ok || f.Type.Kind() != reflect.Slice || embedded.Offset != 0 {
		panic("httpd: fasthttp.ResponseHeader has no list h as this version of httpd needs it")
	}
	return offset[fasthttp.ResponseHeader, []struct{}](f.Offset)
}()
