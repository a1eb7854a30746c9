package httpd

import (
	"bytes"
	"regexp"

	"github.com/bident/bident/internal/files"
)

// scriptRule tells scripts from files that may be sent.
//
// Source is never sent: a file whose name has the extension of a script is run, or
// it is hidden, and so are copies of it that editors and people leave behind.
type scriptRule struct {
	match *regexp.Regexp // the paths of the scripts; nil: their extensions tell
	php   bool           // the program runs nothing but PHP
}

// phpExtensions are those of PHP, which hide a file wherever they stand in its name,
// whatever but a letter follows (config.php.bak, lib.inc_1): what they hold is passwords.
var phpExtensions = []string{
	"php", "phtml", "phar", "phps", "pht", "php3", "php4", "php5", "php6", "php7", "php8", "php9", "inc",
}

// phpPrefixes begin no word of any other meaning: letters may follow (index.phpbak).
var phpPrefixes = []string{"php", "phtml"}

// phpRuns are those that PHP is given to run.
var phpRuns = []string{"php", "phtml", "phar", "php3", "php4", "php5", "php7", "php8"}

// scriptExtensions are those of other languages.
var scriptExtensions = []string{
	"cgi", "fcgi", "fpl", "pl", "pm", "py", "pyc", "rb", "rhtml", "erb", "lua", "tcl", "sh", "bash", "awk", "asp", "aspx",
	"jsp", "cfm", "wsgi", "psgi", "ru",
}

// Sort implements files.Rule.
func (r *scriptRule) Sort(path []byte, executable bool) files.Sort {
	name := path[bytes.LastIndexByte(path, '/')+1:]
	ext := extension(name)
	if r.match != nil {
		switch {
		case r.match.Match(path):
			return files.Script
		case isPHP(name), r.copied(path, name):
			return files.Hidden
		}
		return files.Plain
	}
	switch {
	case isOne(ext, phpRuns):
		return files.Script
	case isPHP(name):
		return files.Hidden
	case isOne(ext, scriptExtensions), executable && !known(ext):
		if r.php {
			return files.Hidden
		}
		return files.Script
	case r.copied(path, name):
		return files.Hidden
	}
	return files.Plain
}

// own tells whether a file may be sent that is found by way of links: path is its own.
func (r *scriptRule) own(path []byte, executable bool) bool {
	return path[bytes.LastIndexByte(path, '/')+1] != '.' && r.Sort(path, executable) == files.Plain
}

// copied reports whether a file, whose name ends its path, is a copy of a script:
// what it is called without the marks of copies is a script's name.
func (r *scriptRule) copied(path, name []byte) bool {
	if n := len(name); n > 1 && name[0] == '#' && name[n-1] == '#' {
		return true // Emacs saves what is being edited there
	}
	dir := len(path) - len(name)
	for {
		shorter := unmarked(name)
		if len(shorter) == len(name) || len(shorter) == 0 {
			return false
		}
		numbered := r.match != nil && extension(shorter) == nil && isNumber(name[len(shorter):])
		name = shorter
		switch {
		case numbered: // data.001 and page-2 have names of their own, whatever data and page are
		case isPHP(name), r.match != nil && r.match.Match(path[:dir+len(name)]),
			r.match == nil && isOne(extension(name), scriptExtensions):
			return true
		}
	}
}

// marks are words at the ends of the names of copies; "v" is of RCS: run.pl,v.
var marks = []string{"bak", "backup", "old", "orig", "save", "sav", "swp", "swo", "tmp", "temp", "copy", "new", ",v"}

// unmarked is a name without the last mark of a copy: what is no letter at its end
// (run.pl~, run.pl;1, run.pl.~2~), or a word (run.pl.bak, run.pl_old).
func unmarked(name []byte) []byte {
	if short := bytes.TrimRightFunc(name, func(c rune) bool { return c < 0x80 && !isLetter(byte(c)) }); len(short) < len(name) {
		return short
	}
	for _, mark := range marks {
		if n := len(name) - len(mark); n > 0 && equalFold(name[n:], mark) {
			return name[:n]
		}
	}
	return name
}

// isNumber reports whether the end of a name is a number, with what sets it off.
func isNumber(mark []byte) bool {
	return len(bytes.Trim(mark, "0123456789.-_ ()")) == 0 && bytes.ContainsAny(mark, "0123456789")
}

// names reports whether a path has a part that would be a script's name.
func (r *scriptRule) names(path []byte) bool {
	for len(path) > 0 {
		rest := path[1:]
		end := bytes.IndexByte(rest, '/')
		if end < 0 {
			end = len(rest)
		}
		if ext := extension(rest[:end]); isOne(ext, phpExtensions) || r.match == nil && isOne(ext, scriptExtensions) {
			return true
		}
		path = rest[end:]
	}
	return false
}

// isPHP reports whether one of the extensions of a name is PHP's, or begins with one.
func isPHP(name []byte) bool {
	_, name, _ = bytes.Cut(name, []byte{'.'})
	for len(name) > 0 {
		part, rest, _ := bytes.Cut(name, []byte{'.'})
		for _, ext := range phpPrefixes {
			if begins(part, ext) {
				return true
			}
		}
		for _, ext := range phpExtensions {
			if begins(part, ext) && (len(part) == len(ext) || !isLetter(part[len(ext)])) {
				return true
			}
		}
		name = rest
	}
	return false
}

// begins reports whether text begins with a word, whatever its case.
func begins(text []byte, word string) bool {
	return len(text) >= len(word) && equalFold(text[:len(word)], word)
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// extension is what follows the last dot of a name.
func extension(name []byte) []byte {
	if i := bytes.LastIndexByte(name, '.'); i >= 0 {
		return name[i+1:]
	}
	return nil
}

// isOne reports whether ext is one of a list, whatever its case: a file system may
// ignore that.
func isOne(ext []byte, list []string) bool {
	for _, e := range list {
		if equalFold(ext, e) {
			return true
		}
	}
	return false
}

// known reports whether files with an extension are of the web, which have an
// execute bit on some file systems only because all files have one.
func known(ext []byte) bool {
	var b [16]byte
	if len(ext) == 0 || len(ext) >= len(b) {
		return false
	}
	b[0] = '.'
	return files.Known(string(bytes.ToLower(append(b[:1], ext...))))
}
