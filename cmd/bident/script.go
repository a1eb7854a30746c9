package main

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"github.com/bident/bident/cmd/bident/options"
	"github.com/bident/bident/httpd"
)

// scripted is the handler of a program that has a part of the URLs, or scripts to
// run, be it that a web server in front names them, or parameters of its own, if the
// settings say so.
func scripted(s *options.Settings, program httpd.Handler) httpd.Handler {
	if s.Root == "" && s.Match == "" && s.Script == "" && len(s.Param) == 0 && !s.RunsPHP() {
		return program
	}
	h := &httpd.Scripts{
		Handler: program, Root: s.Root, Match: match(s), Script: s.Script, Fallback: s.Fallback, SendfileRoots: s.SendfileRoot,
		Extensions: s.LimitExtensions, Params: s.Param,
	}
	if s.Root != "" {
		h.Index = s.Index
	}
	return h
}

// findScript sees to it that the files that the settings name are there. The error
// names the place where they were given.
func findScript(s *options.Settings) error {
	var problems options.Problems
	i := isolation(s)
	file := func(key, name, outside string) {
		info, err := os.Stat(outside)
		if err == nil && !info.Mode().IsRegular() {
			err = errors.New("it is no file")
		}
		if err != nil {
			problems = append(problems, s.Problem(key, name+": "+reason(err).Error(), "the name of a file"))
		}
	}
	if s.Script != "" {
		file("script", s.Script, i.Outside(s.Script))
	}
	if s.Fallback != "" && s.Root != "" {
		if root := i.Outside(s.Root); isDirectory(root) {
			file("fallback", s.Fallback, filepath.Join(root, filepath.FromSlash(path.Clean(s.Fallback))))
		}
	}
	for _, dir := range s.SendfileRoot {
		root, err := os.OpenRoot(i.Outside(dir))
		if err == nil {
			err = root.Close()
		}
		if err != nil {
			problems = append(problems, s.Problem("sendfile_root", fmt.Sprintf("%s: %v", dir, reason(err)), "the name of a directory"))
		}
	}
	if len(problems) > 0 {
		return problems
	}
	return nil
}

// isDirectory reports whether name is one; if not, somebody else says so.
func isDirectory(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}
