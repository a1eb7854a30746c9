// Command semaphore is fasthttp with a semaphore around the handler: the usual
// way to let no more than so many requests work at a time.
package main

import (
	"flag"
	"log"
	"net"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/internal/peers/hello"
)

func main() {
	address := flag.String("listen", "127.0.0.1:0", "TCP address")
	wait := flag.Duration("wait", 0, "how long the handler waits")
	limit := flag.Int("limit", 16, "requests at work at a time")
	flag.Parse()
	if *limit < 1 {
		log.Fatalf("-limit %d: at least 1", *limit)
	}
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("listening on http://%s", listener.Addr())
	work := hello.Handler(*wait)
	seats := make(chan struct{}, *limit)
	server := &fasthttp.Server{Handler: func(ctx *fasthttp.RequestCtx) {
		seats <- struct{}{}
		defer func() { <-seats }()
		work(ctx)
	}}
	log.Fatal(server.Serve(listener))
}
