package main

import (
	"errors"
	"os"
	"strings"

	"github.com/bident/bident/cmd/bident/options"
)

// findRoot sees to it that the directory of files can be opened. The error names
// the place where it was given.
func findRoot(s *options.Settings) error {
	if s.Root == "" {
		return nil
	}
	dir, err := os.OpenRoot(s.Root)
	if err == nil {
		return dir.Close()
	}
	var path *os.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	// As the problems of the settings begin: --root, BIDENT_ROOT or a line of a file.
	where := strings.TrimPrefix(strings.TrimPrefix(s.Origin("root"), "flag "), "environment ")
	return options.Problems{{Where: where, What: "root " + s.Root + ": " + err.Error()}}
}
