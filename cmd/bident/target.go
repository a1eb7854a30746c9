package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
)

// target is the running server that a command is for.
type target struct{ admin, pidFile string }

// flags declares the flags that name a server.
func (t *target) flags(f *flag.FlagSet) {
	f.StringVar(&t.admin, "admin", "", "admin `URL` of the server: http+unix:///path or http://host:port")
	f.StringVar(&t.pidFile, "pid-file", "", "`file` with the process number of the server")
}

// client is a client for the server.
func (t *target) client() (*adminClient, error) {
	address, err := findAdmin(t.admin, t.pidFile)
	if err != nil {
		return nil, err
	}
	return newAdminClient(address)
}

// usageError says what is wrong with the values of flags.
type usageError string

func (e usageError) Error() string { return string(e) }

// newFlags makes the flag set of a sub-command, given its line of usage.
func newFlags(usage string) *flag.FlagSet {
	f := flag.NewFlagSet(usage, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	return f
}

// parse reads flags that may stand before and after the other arguments, which
// it returns. ok is false if there is nothing more to do but to exit.
func parse(f *flag.FlagSet, args []string, stdout, stderr io.Writer) (rest []string, status int, ok bool) {
	for {
		err := f.Parse(args)
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprintf(stdout, "usage: bident %s\n", f.Name())
			f.SetOutput(stdout)
			f.PrintDefaults()
			return nil, exitOK, false
		}
		if err != nil {
			name, _, _ := strings.Cut(f.Name(), " ")
			return nil, misuse(stderr, "%s: %v", name, err), false
		}
		args = f.Args()
		if len(args) == 0 {
			return rest, exitOK, true
		}
		rest = append(rest, args[0])
		args = args[1:]
	}
}
