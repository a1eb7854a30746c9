package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/bident/bident/cmd/bident/options"
)

// findDestinations sees to it that the files which the server writes can be
// there, as far as can be told without making them. The error names the places
// where they were given.
func findDestinations(s *options.Settings) error {
	var problems options.Problems
	for _, d := range []struct{ key, path, example string }{
		{"pid_file", s.PIDFile, "bident.pid"},
		{"log_file", s.LogFile, "bident.log"},
		{"access_log", s.AccessLog, "access.log"},
		{"lock_file", s.LockFile, "bident.lock"},
	} {
		if d.path == "" || d.key == "access_log" && d.path == "-" {
			continue
		}
		if what, hint := misplaced(d.path, d.example); what != "" {
			problems = append(problems, s.Problem(d.key, d.path+": "+what, hint))
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return problems
}

// misplaced says why there cannot be a file of that name, and what would be
// right; "" if there can.
func misplaced(path, example string) (what, hint string) {
	if info, err := os.Stat(path); err == nil {
		if info.IsDir() {
			return "is a directory", "the name of a file, such as " + filepath.Join(path, example)
		}
		return "", ""
	}
	const inDirectory = "the name of a file in a directory that exists"
	dir := filepath.Dir(path)
	switch info, err := os.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		return "there is no directory " + dir, inDirectory
	case err != nil:
		return reason(err).Error(), inDirectory
	case !info.IsDir():
		return dir + " is not a directory", inDirectory
	}
	return "", ""
}

// findDirectories sees to it that the directories which workers are put into are there,
// for those who only ask: a server that begins finds out by trying, with the rights
// that its workers have.
func findDirectories(s *options.Settings) error {
	var problems options.Problems
	for _, d := range []struct{ key, path string }{
		{"chroot", s.Chroot},
		{"working_dir", s.WorkingDir},
		{"cgroup", s.Cgroup},
	} {
		if d.path == "" || d.key == "working_dir" && s.Chroot != "" { // links in there lead elsewhere
			continue
		}
		what := "is not a directory"
		info, err := os.Stat(d.path)
		if err != nil {
			what = reason(err).Error()
		} else if info.IsDir() {
			continue
		}
		problems = append(problems, s.Problem(d.key, d.path+": "+what, "a directory that exists"))
	}
	if len(problems) == 0 {
		return nil
	}
	return problems
}

// unwritable is the problem with a file that the server writes, if it is the
// system that refused it, with the place where the file was given; else the error
// as it is.
func unwritable(s *options.Settings, key, path string, err error) error {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return err
	}
	return options.Problems{s.Problem(key, path+": "+errno.Error(), "a file that can be written")}
}
