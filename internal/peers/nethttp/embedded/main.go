// Command embedded is Bident with the peers' net/http handler: a program that
// embeds a Server, with workers of goroutines.
package main

import (
	"context"
	"flag"
	"log"
	"log/slog"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/internal/peers/hello"
	"github.com/bident/bident/pool"
)

func main() {
	var srv httpd.Server
	address := flag.String("listen", "127.0.0.1:0", "TCP address")
	flag.IntVar(&srv.Pool.MaxServers, "workers", 50, "number of workers")
	flag.Parse()
	srv.Listen = []string{"http://" + *address}
	srv.Pool.MaxRequests = pool.NoLimit
	srv.Handler = httpd.HTTP(hello.HTTP())
	srv.Signals = true
	srv.Log = slog.New(slog.DiscardHandler)
	log.Fatal(srv.Run(context.Background()))
}
