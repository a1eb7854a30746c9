package hello

import (
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
