package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/bident/bident/cmd/bident/options"
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

// durationVar is a flag with a duration, as serve has them.
func durationVar(f *flag.FlagSet, d *time.Duration, name, usage string) {
	f.Func(name, usage, func(text string) (err error) {
		*d, err = options.ParseDuration(text)
		return err
	})
}

// flagLine is where package flag begins to describe a flag, which it does with one dash.
var flagLine = regexp.MustCompile(`(?m)^  -`)

// parse reads flags that may stand before and after the other arguments, which
// it returns. ok is false if there is nothing more to do but to exit.
func parse(f *flag.FlagSet, args []string, stdout, stderr io.Writer) (rest []string, status int, ok bool) {
	for {
		err := f.Parse(args)
		if errors.Is(err, flag.ErrHelp) {
			var text bytes.Buffer
			f.SetOutput(&text)
			f.PrintDefaults()
			fmt.Fprintf(stdout, "usage: bident %s\n%s", f.Name(), flagLine.ReplaceAll(text.Bytes(), []byte("  --")))
			return nil, exitOK, false
		}
		if err != nil {
			name, _, _ := strings.Cut(f.Name(), " ")
			what := strings.NewReplacer("flag -", "flag --", "defined: -", "defined: --", "argument: -", "argument: --").Replace(err.Error())
			return nil, misuse(stderr, "%s: %s", name, what), false
		}
		args = f.Args()
		if len(args) == 0 {
			return rest, exitOK, true
		}
		rest = append(rest, args[0])
		args = args[1:]
	}
}
