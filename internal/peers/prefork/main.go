// Command prefork is fasthttp's own preforking: a process for each core, which
// share one inherited listener or, with -reuseport, have one each.
package main

import (
	"flag"
	"log"
	"os"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/prefork"

	"github.com/bident/bident/internal/peers/hello"
)

func main() {
	address := flag.String("listen", "127.0.0.1:8080", "TCP address; its port must not be 0, every process binds it")
	reuseport := flag.Bool("reuseport", false, "a SO_REUSEPORT socket for each process")
	wait := flag.Duration("wait", 0, "how long the handler waits")
	flag.Parse()
	server := prefork.New(&fasthttp.Server{Handler: hello.Handler(*wait)})
	server.Reuseport = *reuseport
	server.OnMasterDeath = func() { os.Exit(1) }
	if !prefork.IsChild() {
		log.Printf("listening on http://%s", *address)
	}
	if err := server.ListenAndServe(*address); err != nil {
		log.Fatal(err)
	}
}
