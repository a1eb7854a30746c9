package main

import (
	"context"
	"io"
	"log/slog"
	"os"

	"github.com/bident/bident/cmd/bident/demo"
	"github.com/bident/bident/httpd"
)

// faultsVariable tells a child whether the demonstration application has the
// paths that crash.
const faultsVariable = "BIDENT_CHILD_FAULTS"

// work is serve in a child. The child reads no configuration: what its parent
// runs with need not be what is in the file by now, and a file that has become
// invalid must not keep a worker from being replaced.
func work(stderr io.Writer) int {
	faults := os.Getenv(faultsVariable) != ""
	os.Unsetenv(faultsVariable)
	srv := &httpd.Server{Log: slog.New(newPlainHandler(stderr))}
	serveDemo(srv, faults)
	if err := srv.Run(context.Background()); err != nil {
		return fail(stderr, err)
	}
	return exitOK
}

// serveDemo makes a server one of the demonstration application.
func serveDemo(srv *httpd.Server, faults bool) {
	srv.Handler = httpd.Fast(demo.New(demo.Options{Faults: faults}))
	srv.Hooks.WorkerInit = demo.Init
}
