package hello

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

func TestHandler(t *testing.T) {
	for _, wait := range []time.Duration{-1, 0, time.Microsecond} {
		var ctx fasthttp.RequestCtx
		Handler(wait)(&ctx)
		if got := string(ctx.Response.Body()); got != Body || ctx.Response.StatusCode() != 200 {
			t.Errorf("wait %v: status %d, body %q", wait, ctx.Response.StatusCode(), got)
		}
	}
}

// TestHTTP holds the two forms to the same answer, without which comparing them
// would say nothing.
func TestHTTP(t *testing.T) {
	var ctx fasthttp.RequestCtx
	Handler(0)(&ctx)
	w := httptest.NewRecorder()
	HTTP().ServeHTTP(w, httptest.NewRequest("GET", "/hello", nil))
	if w.Code != ctx.Response.StatusCode() || w.Body.String() != Body {
		t.Errorf("status %d, body %q", w.Code, w.Body.String())
	}
	if got, want := w.Header().Get("Content-Type"), string(ctx.Response.Header.ContentType()); got != want {
		t.Errorf("Content-Type %q, fasthttp's handler has %q", got, want)
	}
}
