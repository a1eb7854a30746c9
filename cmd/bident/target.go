package main

import (
	"errors"
	"flag"
	"io"
)

// target is the running server that a command is for.
type target struct{ admin, pidFile string }

// flags declares the flags that name a server.
func (t *target) flags(f *flag.FlagSet) {
	f.StringVar(&t.admin, "admin", "", "admin `URL` of the server: http+unix:///path or http://host:port")
	f.StringVar(&t.pidFile, "pid-file", "", "`file` with the process number of the server")
}

// dial connects to the server.
func (t *target) dial() (*adminClient, error) {
	address, err := findAdmin(t.admin, t.pidFile)
	if err != nil {
		return nil, err
	}
	return dialAdmin(address)
}

// newFlags makes the flag set of a sub-command.
func newFlags(name string, stderr io.Writer) *flag.FlagSet {
	f := flag.NewFlagSet("bident "+name, flag.ContinueOnError)
	f.SetOutput(stderr)
	return f
}

// parse reads flags that may stand before and after the other arguments, which
// it returns. ok is false if there is nothing more to do but to exit.
func parse(f *flag.FlagSet, args []string) (rest []string, status int, ok bool) {
	for {
		if err := f.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return nil, exitOK, false
			}
			return nil, exitUsage, false
		}
		args = f.Args()
		if len(args) == 0 {
			return rest, exitOK, true
		}
		rest = append(rest, args[0])
		args = args[1:]
	}
}
