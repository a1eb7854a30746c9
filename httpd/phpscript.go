package httpd

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/internal/fcgi"
)

// phpScript is the script that a web server in front wants PHP to run, and what PHP is
// told of it: what php-fpm makes of the parameters with cgi.fix_pathinfo=1, its
// default. Other values of that make no difference here: PHP gets the name of a file
// that is there. What is nil it is not told.
type phpScript struct {
	set                          bool // there is one
	keeps                        bool // PATH_INFO is kept, though there may be a REDIRECT_URL
	file, name, info, translated []byte
	// As the web server has them, of those that are others now.
	oldFile, oldName, oldInfo, oldTranslated []byte
}

// proxyPrefixes stand in front of what Apache's mod_proxy_fcgi and mod_proxy_balancer
// send as SCRIPT_FILENAME; a host follows, and maybe a query at the end.
var proxyPrefixes = []string{"proxy:fcgi://", "proxy:balancer://"}

// unproxied is a SCRIPT_FILENAME as it is on this machine, and whether it was Apache's.
func unproxied(name []byte) (file []byte, apache bool) {
	for _, prefix := range proxyPrefixes {
		if begins(name, prefix) {
			name, _, _ = bytes.Cut(name[len(prefix):], []byte{'?'})
			if i := bytes.IndexByte(name, '/'); i >= 0 {
				return name[i:], true
			}
			return name[:0], true
		}
	}
	return name, false
}

// find finds the script. It reports false if there is none.
func (p *phpScript) find(params *fcgi.Params, i *Isolation) bool {
	*p = phpScript{}
	file, apache := unproxied(params.Get("SCRIPT_FILENAME"))
	name, info, translated := params.Get("SCRIPT_NAME"), params.Get("PATH_INFO"), params.Get("PATH_TRANSLATED")
	redirect, wanted := params.Get("REDIRECT_URL"), file
	switch {
	case file == nil:
		wanted = translated
	case !apache && redirect != nil && translated != nil && !bytes.Equal(file, translated):
		// Apache's Action: the script is PHP itself, and this what it is for.
		wanted, p.oldName, name = translated, name, redirect
	}
	if len(wanted) == 0 || wanted[0] != '/' {
		return false // relative to whatever
	}
	script := inPlace(wanted, i)
	if script == nil || bytes.Contains(append(script[:len(script):len(script)], '/'), []byte("/../")) {
		return false // PHP does not take the other ones
	}
	p.set, p.file, p.name, p.info, p.translated = true, script, name, info, translated
	if file != nil && !bytes.Equal(file, script) {
		p.oldFile = file
	}
	rest := wanted[len(script):]
	if len(rest) == 0 {
		p.keeps = apache && len(info) > 0
		return true
	}
	old := p.oldName
	switch more := len(info) > len(rest); {
	case apache && !bytes.Equal(info, rest):
		if info != nil {
			p.oldInfo = info
		} else if len(name) > len(rest) && bytes.HasSuffix(name, rest) {
			p.oldName, p.name = name, name[:len(name)-len(rest)]
		}
		p.info = rest
	case !apache && more:
		// It begins with what the web server has put there in place of SCRIPT_NAME.
		p.oldInfo, p.info = info, info[len(info)-len(rest):]
		if before := info[:len(info)-len(rest)]; !bytes.Equal(before, name) {
			p.oldName, p.name = name, before
		}
	}
	if old != nil {
		p.oldName = old
	}
	p.keeps = len(p.info) > 0
	if root := params.Get("DOCUMENT_ROOT"); root != nil {
		p.oldTranslated, p.translated = translated, slices.Concat(bytes.TrimSuffix(root, slash), p.info)
	}
	return true
}

// inPlace is the beginning of a path that leads to something, as far as that is the
// whole path or ends at a slash that a regular file is in front of; nil if there is
// nothing.
func inPlace(path []byte, i *Isolation) []byte {
	if path[len(path)-1] != '/' {
		if _, err := i.Regular(string(path)); err == nil {
			return path
		}
	}
	// From its beginning, where it ends soon if nothing is there.
	for end := 1; end < len(path); end++ {
		if path[end] != '/' {
			continue
		}
		switch regular, err := i.Regular(string(path[:end])); {
		case err != nil:
			return nil
		case regular:
			return path[:end]
		}
	}
	return nil
}

// visit calls f for what PHP is told.
func (p *phpScript) visit(translated bool, f func(name, value []byte)) {
	for _, v := range []struct {
		name       string
		value, old []byte
	}{
		{"SCRIPT_FILENAME", p.file, p.oldFile},
		{"SCRIPT_NAME", p.name, p.oldName},
		{"PATH_INFO", p.info, p.oldInfo},
		{"PATH_TRANSLATED", p.translated, p.oldTranslated},
	} {
		if v.value != nil && (translated || v.name != "PATH_TRANSLATED") {
			f([]byte(v.name), v.value)
		}
		if v.old != nil {
			f([]byte("ORIG_"+v.name), v.old)
		}
	}
}

// everyExtension permits every name.
const everyExtension = "*"

// namedExtensions are what the name of a file must end with, if nothing else is said,
// for PHP to run it on a web server's word.
var namedExtensions = []string{".php", ".phar"}

// permits reports whether a file may be run, by the end of its name.
func (s *scripts) permits(file []byte) bool {
	list := s.extensions
	if len(list) == 0 {
		list = namedExtensions
	}
	for _, ext := range list {
		if ext == everyExtension || len(file) > len(ext) && string(file[len(file)-len(ext):]) == ext {
			return true
		}
	}
	return false
}

// runsNamed reports whether it is a web server's word which script PHP runs.
func (s *scripts) runsNamed(j *job) bool {
	return s != nil && s.php && s.tree == nil && s.script == "" && j.params != nil && s.params.find(nameScriptFilename) < 0
}

// named finds the script that a web server wants PHP to run. If there is none that may
// be run, which it reports, the answer is there, as php-fpm gives it.
func (f *front) named(ctx *fasthttp.RequestCtx, j *job, s *scripts) (answered bool) {
	p := &j.mount.php
	what := ""
	switch {
	case !p.find(j.params, s.isolation):
		what = "Primary script unknown"
		f.log.Debug(what, "script", string(j.params.Get("SCRIPT_FILENAME")), "request", string(ctx.Method())+" "+string(ctx.RequestURI()))
		ctx.Error("File not found.\n", fasthttp.StatusNotFound)
	case !s.permits(p.file):
		name := strconv.Quote(string(p.file))
		what = "Access to the script '" + name[1:len(name)-1] + "' has been denied (see security.limit_extensions)"
		f.log.Warn("access to a script has been denied, see limit_extensions", "script", string(p.file),
			"request", string(ctx.Method())+" "+string(ctx.RequestURI()))
		ctx.Error("Access denied.\n", fasthttp.StatusForbidden)
	default:
		return false
	}
	j.stderr([]byte(what))
	return true
}
