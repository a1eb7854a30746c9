package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"unicode"

	"github.com/bident/bident/internal/load"
)

const loadUsage = `load [flags] URL

  http://host:port/path         a server, and what to ask for
  fcgi://host:port/path         a FastCGI responder, as a web server asks it
  http+unix:///run/app.sock     at a UNIX socket; --target says what to ask for
  fcgi+unix:///run/app.sock
`

// loadCommand puts load on a server, and fails if any request did.
func loadCommand(args []string, stdout, stderr io.Writer) int {
	f := newFlags(loadUsage)
	var c load.Config
	f.IntVar(&c.Connections, "connections", load.DefaultConnections, "`number` of connections that work side by side")
	f.IntVar(&c.Pipeline, "pipeline", 1, "requests that each sends before it reads their answers")
	f.BoolVar(&c.Close, "close", false, "make a new connection for each request")
	durationVar(f, &c.Duration, "duration", "`time` to measure, such as 30s or 5m; a plain number is seconds (default 10s, or until --requests)")
	f.Uint64Var(&c.Requests, "requests", 0, "how many requests to measure (default: no limit)")
	durationVar(f, &c.Warmup, "warmup", "`time` to send requests before they count")
	durationVar(f, &c.Timeout, "timeout", "`time` that one answer may take (default 10s)")
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
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	r, err := load.Run(ctx, c)
	if err != nil {
		return failLoad(stderr, err)
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

// loadFlags are the flags for fields of the configuration that are named differently.
var loadFlags = map[string]string{"URL": "URL", "Headers": "--header", "Params": "--param", "ServerPIDs": "--server-pid"}

// failLoad prints why no load was put on the server, a line for each reason, with the
// flags where the package names its fields.
func failLoad(stderr io.Writer, err error) int {
	for _, line := range lines(err) {
		line = strings.TrimPrefix(strings.TrimPrefix(line, "load: "), "configuration: ")
		if field, what, ok := strings.Cut(line, ": "); ok && field != "" && unicode.IsUpper(rune(field[0])) && !strings.Contains(field, " ") {
			name := loadFlags[field]
			if name == "" {
				name = "--" + strings.ReplaceAll(keyOf(field), "_", "-")
			}
			line = name + ": " + what
		}
		fmt.Fprintf(stderr, "bident: load: %s\n", line)
	}
	if errors.Is(err, load.ErrConfig) {
		return exitUsage
	}
	return exitFailed
}
