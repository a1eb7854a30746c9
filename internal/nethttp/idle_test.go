package nethttp

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// fakeConn is a connection that has addresses, and nothing else.
type fakeConn struct{ net.Conn }

func (fakeConn) RemoteAddr() net.Addr { return fakeAddr }
func (fakeConn) LocalAddr() net.Addr  { return fakeAddr }

var fakeAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}

// idle is an Exchange of a request that needs nothing of it.
type idle struct{ remote string }

func (*idle) Context() context.Context          { return context.Background() }
func (*idle) Base() context.Context             { return nil }
func (e *idle) RemoteAddr() string              { return e.remote }
func (*idle) Body() io.Reader                   { return nil }
func (*idle) Trailer() []byte                   { return nil }
func (*idle) Interim(int, http.Header) error    { return nil }
func (*idle) Start(int64) (Stream, error)       { return nil, http.ErrNotSupported }
func (*idle) Hijack() (net.Conn, []byte, error) { return nil, nil, http.ErrNotSupported }
func (*idle) SetReadDeadline(time.Time) error   { return nil }
func (*idle) SetWriteDeadline(time.Time) error  { return nil }
func (*idle) EnableFullDuplex() error           { return nil }
func (*idle) Misuse(string)                     {}

// simple is a request as clients send them: six fields.
const simple = "GET /hello?name=x HTTP/1.1\r\nHost: example.test\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n" +
	"Accept-Encoding: gzip, deflate, br\r\nAccept-Language: en\r\nCookie: a=1\r\n\r\n"

// parsed is a context that has read raw, with its body in memory.
func parsed(t testing.TB, raw string) *fasthttp.RequestCtx {
	t.Helper()
	ctx := new(fasthttp.RequestCtx)
	ctx.Init2(fakeConn{}, nil, false)
	if err := ctx.Request.Read(bufio.NewReader(strings.NewReader(raw))); err != nil {
		t.Fatal(err)
	}
	return ctx
}
