package httpd

import (
	"errors"
	"fmt"
	"os"
	slashed "path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/internal/files"
)

// Scripts is a Handler that serves a directory of scripts, which a program runs, and
// of files, which are sent by the front, without a worker: what a web server does
// with a PHP application.
//
// A path that leads to a script below Root, or goes on behind one, is the program's:
// of /app.php/a/b SCRIPT_NAME is /app.php, PATH_INFO /a/b and SCRIPT_FILENAME the
// script's absolute name. A directory stands for the first file of Index that it
// holds; without the slash at its end it is redirected. Any other file is sent, as
// Files does, with ranges and conditions; those whose path has a part that begins
// with a dot are 404. Source is never sent: see Match. Where there is nothing, Fallback
// answers; if there is none the program, as if it was mounted at "/": SCRIPT_NAME is
// empty, PATH_INFO the whole path, and there is no SCRIPT_FILENAME. A program that runs
// nothing but scripts (its name begins with php) is not asked then: the answer is
// 404. It is 404, too, if the path has the name of a script that is not there, or
// goes on behind a file that is none (/upload/a.jpg/x.php).
//
// php-cgi gets an argument more, -d cgi.discard_path=1: without it, it would run the
// file that PATH_TRANSLATED names if php.ini has cgi.fix_pathinfo=0. What else may be PHP
// gets no PATH_TRANSLATED: a program whose name begins with php and is not php-cgi's,
// PHP as a CGI program, and an Upstream.
//
// If the Server's Isolation names a User, only files are sent whose mode lets that user
// read them.
//
// Of programs' answers, X-Sendfile with an absolute name below Root or one of
// SendfileRoots, and X-Accel-Redirect with a path below Root, are answered with
// that file. The fields of the program's answer are kept, its Content-Type above the
// file's. Scripts and what is hidden are not sent this way either; what cannot be is 502.
// Without a Root both fields are passed on.
type Scripts struct {
	// Handler runs the scripts: a Program. Required.
	Handler Handler
	// Root is the directory. It is opened at the start and at each reload, so that a
	// link can lead to another release then; its files may change at any time. Links
	// below it are followed that stay inside. Default: there is none; the program is mounted at "/".
	Root string
	// Match is a regular expression: what paths of scripts match, or without a Root of
	// requests, are the program's, all others are files. Decoded paths are looked at,
	// with their slash. Where there is nothing, only what matches is the program's.
	// Files with an extension of PHP that do not match are hidden: 404; so are copies of
	// scripts (run.pl~, index.php_bak, #c.pl#), and links below Root that lead to a
	// script or to what is hidden.
	//
	// Default: those are scripts that have an extension of PHP, Perl, Python, Ruby or
	// another such language, of CGI programs, or an execute bit and no extension of the
	// web. A program whose name begins with php gets those of PHP only, the others are
	// hidden.
	Match string
	// Extensions are what the name of a file must end with that a web server in front
	// has PHP run, such as .php: php-fpm's security.limit_extensions. It is looked at
	// the file that PHP would run, which may be one in the middle of SCRIPT_FILENAME.
	// Anything else is 403, and a line in the log. It is for FastCGI, a program whose name
	// begins with php, and neither Root nor Script. Default: .php and .phar, as php-fpm has
	// it; "*" alone permits every name.
	Extensions []string
	// Script is a file that is run for every path that is no file to be sent:
	// SCRIPT_FILENAME is this file, SCRIPT_NAME empty, PATH_INFO the whole path.
	Script string
	// Index are the files that stand for their directory, with a Root. Default
	// index.php, index.html.
	Index []string
	// Fallback is the path below Root of what answers where there is nothing, as
	// /index.php: the front controller of an application. SCRIPT_NAME is this path,
	// PATH_INFO empty; REQUEST_URI says what was asked for. Default: none.
	Fallback string
	// SendfileRoots are more directories with files for X-Sendfile.
	SendfileRoots []string
	// Params are parameters, as NAME=VALUE, that the program gets with each request,
	// instead of what the request or a web server in front says of that name; of
	// several with a name the last one. Values are taken as they are. What the server
	// itself does with a request they do not change, so that SCRIPT_FILENAME is not what
	// is looked for. A name is letters, digits and "_", and does not begin with a digit; it
	// may not be CONTENT_LENGTH.
	Params []string
}

func (h *Scripts) fast() fasthttp.RequestHandler { return nil }

func (h *Scripts) program() []string {
	if h.Handler == nil {
		return nil
	}
	if discards(h.Handler) {
		return discarding(h.Handler.program())
	}
	return h.Handler.program()
}

// executor is who runs what a Handler stands for.
func executor(h Handler) Handler {
	if s, ok := h.(*Scripts); ok && s != nil {
		return s.Handler
	}
	return h
}

// scripts are Scripts in use.
type scripts struct {
	rule scriptRule
	php  bool
	// translated says that the program gets PATH_TRANSLATED.
	translated bool
	extensions []string   // of what a web server has PHP run; none: namedExtensions
	isolation  *Isolation // of the program
	params     ownParams
	tree       *files.Files // nil without a Root
	root       string       // as the program has it
	script     string
	index      []string
	fallback   []byte
	sources    []source // of X-Sendfile
}

// source is a directory with files that programs may have sent.
type source struct {
	path  string // with a slash at its end
	tree  *files.Files
	plain bool // all files are
}

// open opens the directories. The program runs as i says.
func (h *Scripts) open(i *Isolation) (_ *scripts, err error) {
	s := &scripts{index: h.Index, php: runsPHP(h.program()), extensions: h.Extensions, isolation: i}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	var problems []error
	bad := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("%w: Scripts: "+format, append([]any{ErrConfig}, args...)...))
	}
	s.rule.php = s.php
	if h.Match != "" {
		if s.rule.match, err = regexp.Compile(h.Match); err != nil {
			bad("Match: %w", err)
		}
	}
	if len(s.index) == 0 {
		s.index = []string{"index.php", "index.html"}
	}
	switch {
	case executor(h) == nil:
		bad("Handler is missing")
	case executor(h).fast() != nil:
		bad("Handler runs no scripts: it needs a program")
	default:
		s.translated = takesTranslated(executor(h))
	}
	if h.Root != "" {
		if s.root, s.tree, err = openSource(h.Root, i, s.staticIndex(), s.rule.own); err != nil {
			bad("Root: %w", err)
		}
		s.sources = append(s.sources, source{path: withSlash(s.root), tree: s.tree})
	} else {
		if h.Fallback != "" {
			bad("Fallback makes no sense without Root")
		}
		if len(h.Index) > 0 {
			bad("Index makes no sense without Root")
		}
	}
	for _, dir := range h.SendfileRoots {
		if h.Root == "" {
			bad("SendfileRoots make no sense without Root")
			break
		}
		name, tree, err := openSource(dir, i, nil, nil)
		if err != nil {
			bad("SendfileRoots: %w", err)
			continue
		}
		s.sources = append(s.sources, source{path: withSlash(name), tree: tree, plain: true})
	}
	if s.params, err = parseParams(h.Params); err != nil {
		bad("Params: %w", err)
	}
	if len(h.Extensions) > 0 && (h.Root != "" || h.Script != "" || !s.php) {
		bad("Extensions are for PHP, without Root and Script: they make no sense here")
	}
	if slices.Contains(h.Extensions, "") {
		bad("Extensions: there is an empty one, which all names end with: use * for that")
	}
	if slices.Contains(h.Extensions, everyExtension) && len(h.Extensions) > 1 {
		bad("Extensions: * permits every name, and stands alone")
	}
	if h.Fallback != "" {
		switch {
		case h.Fallback[0] != '/' || slashed.Clean(h.Fallback) != h.Fallback || h.Fallback == "/":
			bad("Fallback: %q is no path of a file below Root, with a slash at its beginning", h.Fallback)
		case h.Script != "":
			bad("Fallback makes no sense with Script: that answers where there is nothing")
		}
		s.fallback = files.AppendURI(nil, []byte(h.Fallback))
	}
	if h.Script != "" {
		if s.script, err = absolute(h.Script, i); err != nil {
			bad("Script: %w", err)
		} else if info, err := os.Stat(i.Outside(s.script)); err != nil {
			bad("Script: %w", err)
		} else if !info.Mode().IsRegular() {
			bad("Script: %s is no file", h.Script)
		}
	}
	return s, errors.Join(problems...)
}

// openSource opens a directory. name is its own for the program: absolute, and
// without links, so that what is looked at here is what is run there; where the
// program has another root directory they are left. linked is as for files.Config.
func openSource(dir string, i *Isolation, index []string, linked func([]byte, bool) bool) (name string, tree *files.Files, err error) {
	if name, err = absolute(dir, i); err != nil {
		return "", nil, err
	}
	if i.Chroot == "" {
		if name, err = filepath.EvalSymlinks(name); err != nil {
			return "", nil, err
		}
	}
	c := files.Config{Root: i.Outside(name), Index: index, Linked: linked}
	uid, gids, other, err := i.Credentials()
	if err != nil {
		return "", nil, err
	}
	if other {
		// What the program may not read is not for clients, whatever this process may.
		c.For = &files.User{UID: uint32(uid)}
		for _, gid := range gids {
			c.For.GIDs = append(c.For.GIDs, uint32(gid))
		}
	}
	tree, err = files.New(c)
	return name, tree, err
}

// absolute is the absolute name that a file has for the program.
func absolute(name string, i *Isolation) (string, error) {
	if !filepath.IsAbs(name) && (i.Chroot != "" || i.Dir != "") {
		return slashed.Join("/", i.Dir, name), nil
	}
	return filepath.Abs(name)
}

// withSlash is a directory's name with a slash at its end.
func withSlash(dir string) string { return strings.TrimSuffix(dir, "/") + "/" }

// staticIndex are the names of indexes that are no scripts.
func (s *scripts) staticIndex() []string {
	var list []string
	for _, name := range s.index {
		if s.rule.Sort([]byte("/"+name), false) == files.Plain {
			list = append(list, name)
		}
	}
	if list == nil {
		list = []string{"index.html"}
	}
	return list
}

// close gives the directories up.
func (s *scripts) close() {
	for _, from := range s.sources {
		if from.tree != nil {
			_ = from.tree.Close() // nothing was written
		}
	}
}

// check reports every problem of the fields.
func (h *Scripts) check(i *Isolation) error {
	s, err := h.open(i)
	if err == nil {
		s.close()
	}
	return err
}
