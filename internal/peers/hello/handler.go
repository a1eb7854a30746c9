package hello

import (
	"time"

	"github.com/valyala/fasthttp"
)

// Body is the answer to every request.
const Body = "hello\n"

// Handler answers every request with Body as text/plain, after waiting. Zero
// and negative: at once.
func Handler(wait time.Duration) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		if wait > 0 {
			time.Sleep(wait)
		}
		ctx.SetContentType("text/plain; charset=utf-8")
		ctx.SetBodyString(Body)
	}
}
