package options

import (
	"errors"
	"strings"
)

// ErrHelp is returned by Load if the arguments ask for help; the caller prints
// Help and exits with status 0.
var ErrHelp = errors.New("help requested")

// The exit statuses of a command with problems, as in sysexits.h.
const (
	ExitUsage  = 64 // EX_USAGE: unknown flag, malformed value of a flag, missing argument
	ExitConfig = 78 // EX_CONFIG: wrong file or environment, contradictory settings
)

// Problem is one thing that is wrong with the settings.
type Problem struct {
	Where string // --max-servers, BIDENT_MAX_SERVERS, bident.toml:12
	What  string // what is wrong
	Hint  string // what would be right; may be empty
	Usage bool   // wrong usage of the command line rather than wrong configuration
}

// String returns the problem in one line.
func (p Problem) String() string {
	line := p.Where + ": " + p.What
	if p.Hint != "" {
		line += " (" + p.Hint + ")"
	}
	return line
}

// Problems is everything found wrong by one Load; it is never empty there.
type Problems []Problem

// Error returns all problems, one in a line, without a final newline.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// ExitStatus returns ExitUsage if any problem is one of usage, else ExitConfig.
func (p Problems) ExitStatus() int {
	for _, problem := range p {
		if problem.Usage {
			return ExitUsage
		}
	}
	return ExitConfig
}

// fault is a problem whose place is not known yet; the zero value means none.
type fault struct{ what, hint string }

const notAvailable = "not available in this version"
