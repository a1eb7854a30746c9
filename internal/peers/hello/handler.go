package hello

import (
	"io"
	"net/http"
	"time"

	"github.com/valyala/fasthttp"
)

// Body is the answer to every request.
const Body = "hello\n"

const contentType = "text/plain; charset=utf-8"

// Handler answers every request with Body as text/plain, after waiting. Zero
// and negative: at once.
func Handler(wait time.Duration) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		if wait > 0 {
			time.Sleep(wait)
		}
		ctx.SetContentType(contentType)
		ctx.SetBodyString(Body)
	}
}

// HTTP is Handler without waiting, in the form of net/http.
func HTTP() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(w, Body) // a client that has left gets nothing
	})
}
