// Command embedded is Bident with the peers' handler: a program that embeds a
// Server, with workers of either kind.
package main

import (
	"context"
	"flag"
	"log"
	"log/slog"
	"strings"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/internal/peers/hello"
	"github.com/bident/bident/pool"
)

func main() {
	var srv httpd.Server
	address := flag.String("listen", "127.0.0.1:0", "TCP address, or URL of a listener")
	wait := flag.Duration("wait", 0, "how long the handler waits")
	certificate := flag.String("cert", "", "certificate, for HTTPS")
	key := flag.String("key", "", "its key")
	flag.TextVar(&srv.Mode, "mode", httpd.Emulate, "kind of worker")
	flag.TextVar(&srv.Accept, "accept", httpd.AcceptAuto, "who accepts in fork mode")
	flag.IntVar(&srv.Pool.MaxServers, "workers", 50, "number of workers")
	flag.IntVar(&srv.Pool.Concurrency, "concurrency", 1, "lanes of each")
	flag.IntVar(&srv.GOMAXPROCS, "gomaxprocs", 0, "of each child")
	flag.StringVar(&srv.AccessLog, "access-log", "", "file for a line of each request")
	flag.StringVar(&srv.Admin, "admin", "", "URL of the admin listener")
	flag.Parse()
	scheme := "http"
	if *certificate != "" {
		scheme = "https"
		srv.TLS = httpd.TLS{CertFiles: []string{*certificate}, KeyFiles: []string{*key}}
	}
	if !strings.Contains(*address, "://") {
		*address = scheme + "://" + *address
	}
	srv.Listen = []string{*address}
	srv.Pool.MaxRequests = pool.NoLimit
	srv.Handler = httpd.Fast(hello.Handler(*wait))
	srv.Signals = true
	srv.Log = slog.New(slog.DiscardHandler)
	log.Fatal(srv.Run(context.Background()))
}
