// Command hello is the least that a program needs to serve with workers of either
// kind:
//
//	go run ./examples/hello -mode fork
package main

import (
	"context"
	"flag"
	"fmt"
	"log"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/httpd"
)

func main() {
	srv := &httpd.Server{Handler: httpd.Fast(hello), Signals: true}
	flag.TextVar(&srv.Mode, "mode", httpd.Emulate, "kind of worker: emulate or fork")
	flag.IntVar(&srv.Pool.MaxServers, "workers", 4, "number of workers")
	flag.Parse()
	// In fork mode main runs again in every child, and there this call is the
	// worker.
	if err := srv.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func hello(ctx *fasthttp.RequestCtx) {
	w := httpd.WorkerOf(ctx)
	fmt.Fprintf(ctx, "Worker %d has served %d requests.\n", w.PID, w.Served)
}
