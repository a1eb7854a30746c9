package main

import (
	"os"
	"regexp"

	"github.com/bident/bident/cmd/bident/options"
	"github.com/bident/bident/httpd"
)

// external is the handler of the program, or the scripts, that the settings name; nil
// for none.
func external(s *options.Settings) httpd.Handler {
	switch {
	case s.CGIBin != "":
		return &httpd.CGIBin{Dir: s.CGIBin, Prefix: s.CGIPrefix}
	case len(s.Program) == 0:
		return nil
	}
	command := s.Command()
	if s.CGI {
		return httpd.CGI(command[0], command[1:]...)
	}
	return httpd.Program(command[0], command[1:]...)
}

// match is the expression for what is not to be looked for among the files.
func match(s *options.Settings) string {
	if s.CGIBin != "" {
		return "^" + regexp.QuoteMeta(s.CGIPrefix)
	}
	return s.Match
}

// findCGIBin sees to it that the directory of scripts can be opened. The error names
// the place where it was given.
func findCGIBin(s *options.Settings) error {
	if s.CGIBin == "" {
		return nil
	}
	i := isolation(s)
	dir, err := os.OpenRoot(i.Outside(s.CGIBin))
	if err == nil {
		return dir.Close()
	}
	return options.Problems{s.Problem("cgi_bin", s.CGIBin+": "+reason(err).Error(), "the name of a directory")}
}
