package main

import (
	"errors"
	"io/fs"
	"os/exec"

	"github.com/bident/bident/cmd/bident/options"
)

// findProgram sees to it that the external program is there, before anything is
// begun. The error names the place where the program was given.
func findProgram(s *options.Settings) error {
	if len(s.Program) == 0 || s.Chroot != "" { // inside, the server looks for it
		return nil
	}
	_, err := exec.LookPath(s.Program[0])
	if err == nil {
		return nil
	}
	p := options.Problem{Where: s.Origin("program"), What: "program " + s.Program[0] + ": " + reason(err).Error()}
	switch {
	case errors.Is(err, exec.ErrNotFound) && options.IsPHP(s.Program[0]):
		p.Hint = "it belongs to PHP and has to be installed (Debian's php-cgi), or name another after --"
	case errors.Is(err, fs.ErrPermission):
		p.Hint = "it must be an executable file"
	case errors.Is(err, exec.ErrDot):
		p.Hint = "write ./" + s.Program[0]
	}
	return options.Problems{p}
}

// reason is the innermost reason, without the path that the message has anyway.
func reason(err error) error {
	var look *exec.Error
	if errors.As(err, &look) {
		err = look.Err
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return err
}
