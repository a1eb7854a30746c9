// Command fcgi is net/http/fcgi and nothing else: a FastCGI responder in one
// process, with a goroutine for each request.
package main

import (
	"flag"
	"log"
	"net"
	"net/http/fcgi"

	"github.com/bident/bident/internal/peers/hello"
)

func main() {
	socket := flag.String("listen", "", "path of a UNIX socket")
	flag.Parse()
	listener, err := net.Listen("unix", *socket)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(fcgi.Serve(listener, hello.HTTP()))
}
