// Command plain is net/http's own server and nothing else: one process, a
// goroutine for each connection.
package main

import (
	"flag"
	"log"
	"net"
	"net/http"

	"github.com/bident/bident/internal/peers/hello"
)

func main() {
	address := flag.String("listen", "127.0.0.1:0", "TCP address")
	flag.Parse()
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("listening on http://%s", listener.Addr())
	server := &http.Server{Handler: hello.HTTP()}
	log.Fatal(server.Serve(listener))
}
