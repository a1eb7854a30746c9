package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/bident/bident/cmd/bident/options"
)

// config validates or prints the settings that serve would have with the same
// flags, environment and file.
func config(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 || args[0] != "check" && args[0] != "print" {
		return misuse(stderr, "config needs one of check, print, followed by the flags of serve")
	}
	s, err := firstSettings(args[1:])
	if errors.Is(err, options.ErrHelp) {
		fmt.Fprint(stdout, options.Help())
		return exitOK
	}
	if err != nil {
		return fail(stderr, err)
	}
	if args[0] == "check" {
		if err := findDirectories(s); err != nil {
			return fail(stderr, err)
		}
		for _, p := range s.Ignored() {
			fmt.Fprintln(stdout, p)
		}
		fmt.Fprintln(stdout, "ok")
		return exitOK
	}
	if err := s.Print(stdout); err != nil {
		return fail(stderr, err)
	}
	return exitOK
}
