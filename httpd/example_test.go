package httpd_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"os"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// A server whose worker is replaced after every third request.
func Example() {
	srv := &httpd.Server{
		Mode:   httpd.Emulate, // or httpd.Fork: the same workers, as processes
		Listen: []string{"http://127.0.0.1:0"},
		Handler: httpd.Fast(func(ctx *fasthttp.RequestCtx) {
			w := httpd.WorkerOf(ctx)
			fmt.Fprintf(ctx, "Worker %d has served %d requests.\n", w.PID, w.Served)
		}),
		Pool: pool.Config{MaxServers: 1, MaxRequests: 3},
		Log:  slog.New(slog.DiscardHandler),
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Run(context.Background()) }()
	select {
	case <-srv.Ready():
	case err := <-ended:
		log.Fatal(err)
	}
	for range 4 {
		resp, err := http.Get(srv.Addrs()[0])
		if err != nil {
			log.Fatal(err)
		}
		io.Copy(os.Stdout, resp.Body)
		resp.Body.Close()
	}
	if err := srv.Shutdown(context.Background()); err != nil {
		log.Fatal(err)
	}
	// Output:
	// Worker 1 has served 1 requests.
	// Worker 1 has served 2 requests.
	// Worker 1 has served 3 requests.
	// Worker 2 has served 1 requests.
}
