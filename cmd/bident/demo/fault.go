package demo

import (
	"os"

	"github.com/valyala/fasthttp"
)

// fault answers, or does not, the paths that break things. What each does to
// other requests is where goroutines and processes differ.
func fault(ctx *fasthttp.RequestCtx) bool {
	switch string(ctx.Path()) {
	case "/panic":
		panic("demo: a panic was asked for")
	case "/exit":
		if c, ok := number(ctx, "c", 3, 0, 255); ok {
			os.Exit(c)
		}
	case "/crash":
		if how := ctx.QueryArgs().Peek("how"); how != nil && string(how) != "goroutine" {
			refuse(ctx, "how: %.40q is not goroutine", how)
			return true
		}
		// Nothing can recover this one: it ends the process.
		go func() { panic("demo: a panic in a goroutine was asked for") }()
		select {}
	case "/hang":
		select {}
	default:
		return false
	}
	return true
}
