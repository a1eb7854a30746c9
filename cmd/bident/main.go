package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/bident/bident/cmd/bident/options"
	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// The exit statuses beside those of package options.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = options.ExitUsage
	exitOS     = 71 // EX_OSERR: an address cannot be bound
)

const usage = `usage: bident COMMAND

  serve [flags] [-- program args...]   serve HTTP; "bident serve --help" lists the flags
  status [--json]                      show the workers of a running server
  ctl reload|stop|scale N|recycle SLOT|reopen-logs
                                       do it, wait for the outcome
  load [flags] URL                     put load on a server and measure
  config check|print [flags]           validate, or print, the settings of serve
  version                              print version, commit and Go version
`

// command is one sub-command: it gets the arguments behind its name and returns
// the exit status.
type command func(args []string, stdout, stderr io.Writer) int

var commands = map[string]command{
	"serve":   serve,
	"status":  status,
	"ctl":     ctl,
	"load":    loadCommand,
	"config":  config,
	"version": version,
}

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return options.ExitUsage
	}
	switch args[0] {
	case "help", "--help", "-h":
		fmt.Fprint(stdout, usage)
		return exitOK
	case "--version":
		args[0] = "version"
	}
	c, ok := commands[args[0]]
	if !ok {
		fmt.Fprintf(stderr, "bident: there is no command %q (serve, status, ctl, load, config, version)\n", args[0])
		return options.ExitUsage
	}
	return c(args[1:], stdout, stderr)
}

// fail prints an error and finds the exit status for it.
func fail(stderr io.Writer, err error) int {
	fmt.Fprintf(stderr, "bident: %v\n", err)
	var problems options.Problems
	switch {
	case errors.As(err, &problems):
		return problems.ExitStatus()
	case errors.Is(err, httpd.ErrConfig), errors.Is(err, pool.ErrConfig):
		return options.ExitConfig
	case errors.Is(err, httpd.ErrListen):
		return exitOS
	}
	return exitFailed
}

// misuse prints what is wrong with a command line.
func misuse(stderr io.Writer, format string, args ...any) int {
	fmt.Fprintf(stderr, "bident: "+format+"\n", args...)
	return options.ExitUsage
}
