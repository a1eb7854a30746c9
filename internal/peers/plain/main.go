// Command plain is fasthttp and nothing else: one process, a goroutine for
// each connection.
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
	flag.Parse()
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("listening on http://%s", listener.Addr())
	server := &fasthttp.Server{Handler: hello.Handler(*wait)}
	log.Fatal(server.Serve(listener))
}
