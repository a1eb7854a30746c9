package main

import (
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/bident/bident/cmd/bident/options"
)

// The exit statuses beside those of package options.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = options.ExitUsage
	exitOS     = 71 // EX_OSERR: an address cannot be bound, a privilege cannot be dropped
)

const usage = `usage: bident COMMAND

  serve [flags] [-- program args...]   serve HTTP and FastCGI; --help lists the flags
  status [--json]                      show the workers of a running server
  top [flags]                          watch them
  ctl reload|upgrade|stop|scale N|recycle SLOT|reopen-logs
                                       do it, wait for the outcome
  load [flags] URL                     put load on a server, or a FastCGI responder
  config check|print [flags]           validate, or print, the settings of serve
  version                              print version, commit and Go version
`

// command is one sub-command: it gets the arguments behind its name and returns
// the exit status.
type command func(args []string, stdout, stderr io.Writer) int

var commands = map[string]command{
	"serve":   serve,
	"status":  status,
	"top":     top,
	"ctl":     ctl,
	"load":    loadCommand,
	"config":  config,
	"version": version,
}

// laterCommands are part of the interface, but not of this version.
var laterCommands = []string{"compare", "handover", "clock"}

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return exitUsage
	}
	name, rest := args[0], args[1:]
	switch name {
	case "help", "--help", "-h":
		if name != "help" || len(rest) == 0 {
			fmt.Fprint(stdout, usage)
			return exitOK
		}
		name, rest = rest[0], []string{"--help"}
	case "--version":
		name = "version"
	}
	if c, ok := commands[name]; ok {
		return c(rest, stdout, stderr)
	}
	if slices.Contains(laterCommands, name) {
		return misuse(stderr, "%s is not available in this version", name)
	}
	return misuse(stderr, "there is no command %q (serve, status, top, ctl, load, config, version)", name)
}
