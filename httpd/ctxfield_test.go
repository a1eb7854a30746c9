package httpd

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// TestFields holds the offsets of fasthttp's fields to the methods that read them.
func TestFields(t *testing.T) {
	var ctx fasthttp.RequestCtx
	now := time.Unix(1e9, 7)
	setTime(&ctx, now)
	*connTimeField.of(&ctx) = now.Add(time.Hour)
	*connNumberField.of(&ctx) = 42
	*connIDField.of(&ctx) = 43
	if !ctx.Time().Equal(now) || !ctx.ConnTime().Equal(now.Add(time.Hour)) || ctx.ConnRequestNum() != 42 || ctx.ConnID() != 43 {
		t.Errorf("%v %v %d %d", ctx.Time(), ctx.ConnTime(), ctx.ConnRequestNum(), ctx.ConnID())
	}
	called := false
	ctx.Hijack(func(net.Conn) { called = true })
	ctx.HijackSetNoResponse(true)
	f, silent := takeHijack(&ctx)
	if f == nil || !silent || ctx.Hijacked() {
		t.Errorf("hijack handler %t, silent %t, still there %t", f != nil, silent, ctx.Hijacked())
	}
	if f(nil); !called {
		t.Error("it is another function")
	}
	ctx.TimeoutError("late")
	if late := *timedOutField.of(&ctx); late == nil || late != ctx.LastTimeoutErrorResponse() {
		t.Error("timeout response")
	}
	for _, secure := range []bool{true, false} {
		var r fasthttp.Request
		r.SetRequestURI("/")
		r.Header.SetHost("h")
		*isTLSField.of(&r) = secure
		if scheme := string(r.URI().Scheme()); (scheme == "https") != secure {
			t.Errorf("scheme %s, secure %t", scheme, secure)
		}
	}
	var resp fasthttp.Response
	body := strings.NewReader("x")
	resp.SetBodyStream(body, 1)
	if *bodyStreamField.of(&resp) != body {
		t.Error("body stream")
	}
	if *bodyStreamField.of(&resp) = nil; resp.IsBodyStream() {
		t.Error("the body stream is still there")
	}
	var h fasthttp.ResponseHeader
	h.SetContentType("x")
	h.SetContentLength(3)
	if n := len(*responseFields.of(&h)); n != 0 {
		t.Errorf("%d fields without any of our own", n)
	}
	h.Set("Connection", "a, close")
	h.Set("X-A", "b")
	if n := len(*responseFields.of(&h)); n != 2 {
		t.Errorf("%d fields, there are 2", n)
	}
}
