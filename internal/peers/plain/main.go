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
	certificate := flag.String("cert", "", "certificate, for HTTPS")
	key := flag.String("key", "", "its key")
	flag.Parse()
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	server := &fasthttp.Server{Handler: hello.Handler(*wait)}
	if *certificate != "" {
		log.Printf("listening on https://%s", listener.Addr())
		log.Fatal(server.ServeTLS(listener, *certificate, *key))
	}
	log.Printf("listening on http://%s", listener.Addr())
	log.Fatal(server.Serve(listener))
}
