package main

import (
	"os"

	"github.com/bident/bident/cmd/bident/options"
)

// findRoot sees to it that the directory of files can be opened. The error names
// the place where it was given.
func findRoot(s *options.Settings) error {
	if s.Root == "" {
		return nil
	}
	i := isolation(s)
	dir, err := os.OpenRoot(i.Outside(s.Root))
	if err == nil {
		return dir.Close()
	}
	return options.Problems{s.Problem("root", s.Root+": "+reason(err).Error(), "the name of a directory")}
}
