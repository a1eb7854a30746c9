package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"

	"github.com/bident/bident/cmd/bident/demo"
	"github.com/bident/bident/httpd"
)

// application is what a server without a program answers with: the files below
// Root, or the demonstration application.
type application struct {
	Faults bool     // the demonstration application has the paths that crash
	Root   string   // as given; relative to the working directory, which children share
	Index  []string // names that stand for a directory
}

// applicationVariable tells a child what it serves.
const applicationVariable = "BIDENT_CHILD_APPLICATION"

// variable is the application as a child reads it from its environment. Names
// of files need not be UTF-8, so it is written as a query.
func (a application) variable() string {
	v := url.Values{"root": {a.Root}, "index": a.Index, "faults": {strconv.FormatBool(a.Faults)}}
	return applicationVariable + "=" + v.Encode()
}

// readApplication is the inverse of variable.
func readApplication(text string) (application, error) {
	v, err := url.ParseQuery(text)
	if err == nil && !v.Has("faults") {
		err = errors.New("it says nothing")
	}
	if err != nil {
		return application{}, fmt.Errorf("variable %s: %w", applicationVariable, err)
	}
	return application{Root: v.Get("root"), Index: v["index"], Faults: v.Get("faults") == "true"}, nil
}

// serveBy makes a server one of the application.
func (a application) serveBy(srv *httpd.Server) {
	if a.Root != "" {
		srv.Handler = &httpd.Files{Root: a.Root, Index: a.Index}
		return
	}
	srv.Handler = httpd.Fast(demo.New(demo.Options{Faults: a.Faults}))
	srv.Hooks.WorkerInit = demo.Init
}

// work is serve in a child. The child reads no configuration: what its parent
// runs with need not be what is in the file by now, and a file that has become
// invalid must not keep a worker from being replaced.
func work(stderr io.Writer) int {
	a, err := readApplication(os.Getenv(applicationVariable))
	if err != nil {
		return fail(stderr, err)
	}
	os.Unsetenv(applicationVariable)
	srv := new(httpd.Server)
	a.serveBy(srv)
	if err := srv.Run(context.Background()); err != nil {
		return fail(stderr, err)
	}
	return exitOK
}
