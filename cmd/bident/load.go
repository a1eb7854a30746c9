package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"

	"github.com/bident/bident/internal/load"
)

// loadCommand puts load on a server, and fails if any request did.
func loadCommand(args []string, stdout, stderr io.Writer) int {
	f := newFlags("load [flags] URL")
	var c load.Config
	f.IntVar(&c.Connections, "connections", load.DefaultConnections, "`number` of connections that work side by side")
	f.IntVar(&c.Pipeline, "pipeline", 1, "requests that each sends before it reads their answers")
	f.BoolVar(&c.Close, "close", false, "make a new connection for each request")
	f.DurationVar(&c.Duration, "duration", 0, "how long to measure (default 10s, or until --requests)")
	f.Uint64Var(&c.Requests, "requests", 0, "how many requests to measure (default: no limit)")
	f.DurationVar(&c.Warmup, "warmup", 0, "how long to send requests before they count")
	f.DurationVar(&c.Timeout, "timeout", load.DefaultTimeout, "how long one answer may take")
	f.StringVar(&c.Method, "method", "", "request method (default GET)")
	f.StringVar(&c.Target, "target", "", "request target, for URLs of UNIX sockets (default /)")
	f.IntVar(&c.ExpectStatus, "expect-status", 0, "count any other status as a failure")
	f.Func("header", "further header field, `Name: value` (repeatable)", func(v string) error {
		c.Headers = append(c.Headers, v)
		return nil
	})
	f.Func("param", "further FastCGI parameter, `NAME=value` (repeatable)", func(v string) error {
		c.Params = append(c.Params, v)
		return nil
	})
	f.Func("body", "request body, or @FILE", func(v string) error {
		c.Body = []byte(v)
		if name, ok := strings.CutPrefix(v, "@"); ok {
			b, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			c.Body = b
		}
		return nil
	})
	f.Func("server-pid", "`process` whose CPU time is measured with that of its descendants (repeatable)", func(v string) error {
		pid, err := strconv.Atoi(v)
		if err != nil || pid < 1 {
			return fmt.Errorf("%q is no process number", v)
		}
		c.ServerPIDs = append(c.ServerPIDs, pid)
		return nil
	})
	asJSON := f.Bool("json", false, "print the report as JSON")
	rest, code, ok := parse(f, args, stdout, stderr)
	if !ok {
		return code
	}
	if len(rest) != 1 {
		return misuse(stderr, "load needs one URL, such as http://127.0.0.1:8080/hello or fcgi://127.0.0.1:9005/hello")
	}
	c.URL = rest[0]
	if err := c.Validate(); err != nil {
		return misuse(stderr, "load: %v", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	r, err := load.Run(ctx, c)
	if err != nil {
		return fail(stderr, err)
	}
	if *asJSON {
		err = json.NewEncoder(stdout).Encode(r)
	} else {
		err = r.WriteText(stdout)
	}
	if err != nil {
		return fail(stderr, err)
	}
	if r.Failures() > 0 {
		return exitFailed
	}
	return exitOK
}
