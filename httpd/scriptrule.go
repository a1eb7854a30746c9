package httpd

import (
	"bytes"
	"regexp"

	"github.com/bident/bident/internal/files"
)

// scriptRule tells scripts from files that may be sent.
//
// Source is never sent: a file whose name has the extension of a script is run, or
// it is hidden, and so are copies of it that editors leave behind.
type scriptRule struct {
	match *regexp.Regexp // the paths of the scripts; nil: their extensions tell
	php   bool           // the program runs nothing but PHP
}

// phpExtensions are those of PHP, which hide a file wherever they stand in its name
// (config.php.bak, index.php.1): what they hold is passwords.
var phpExtensions = []string{
	"php", "phtml", "phar", "phps", "pht", "php3", "php4", "php5", "php6", "php7", "php8", "php9", "inc",
}

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
		case isPHP(name):
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
	}
	for _, copied := range copies {
		if original, ok := bytes.CutSuffix(name, copied); ok && isOne(extension(original), scriptExtensions) {
			return files.Hidden
		}
	}
	return files.Plain
}

// copies are the ends of the names of copies.
var copies = [][]byte{[]byte("~"), []byte(".bak"), []byte(".old"), []byte(".orig"), []byte(".save"), []byte(".swp"), []byte(".tmp")}

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

// isPHP reports whether one of the extensions of a name is PHP's.
func isPHP(name []byte) bool {
	_, name, _ = bytes.Cut(name, []byte{'.'})
	for len(name) > 0 {
		part, rest, _ := bytes.Cut(name, []byte{'.'})
		if isOne(bytes.TrimRight(part, "~"), phpExtensions) {
			return true
		}
		name = rest
	}
	return false
}

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
