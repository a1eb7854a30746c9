package httpd

import (
	"bytes"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/internal/files"
)

// mount is where a program's part of the URLs begins for one request. The zero
// value is a program mounted at "/": SCRIPT_NAME is empty and PATH_INFO is the whole
// path.
type mount struct {
	// scripts are what has settled it, nil without.
	scripts *scripts
	// found says that script and info are of a file.
	found  bool
	root   []byte // DOCUMENT_ROOT, if there is one
	file   []byte // SCRIPT_FILENAME, if there is one
	script []byte // SCRIPT_NAME
	info   []byte // PATH_INFO
	php    phpScript

	at  files.Location
	uri fasthttp.URI // decodes paths
}

var slash = []byte{'/'}

// reset makes the mount that of a program mounted at "/".
func (p *mount) reset() {
	p.scripts, p.found = nil, false
	p.root, p.file, p.script, p.info = p.root[:0], p.file[:0], nil, nil
	p.php = phpScript{}
}

// settled reports whether it is this server's word which script is to run, and not
// that of a web server in front.
func (p *mount) settled() bool {
	return p.scripts != nil && (p.scripts.tree != nil || p.scripts.script != "")
}

// route decides what answers a request: a script, whose mount p becomes, the
// program as if it was mounted at "/", or, which it reports, nobody but the front,
// that has the answer then.
func (s *scripts) route(ctx *fasthttp.RequestCtx, p *mount) (answered bool) {
	p.scripts = s
	uri := ctx.Request.Header.RequestURI()
	if s.tree == nil {
		if s.rule.match != nil && !s.rule.match.Match(p.path(ctx)) {
			files.FoundNothing.Fail(ctx)
			return true
		}
		p.file = append(p.file[:0], s.script...)
		return false
	}
	p.root = append(p.root[:0], s.root...)
	found := s.tree.Locate(&p.at, uri, s.index, &s.rule)
	switch found {
	case files.FoundFile:
		s.tree.Serve(ctx)
		return true
	case files.FoundSlash:
		p.at.Redirect(ctx)
		return true
	case files.FoundMalformed, files.FoundBusy:
		found.Fail(ctx)
		return true
	}
	switch {
	case s.script != "":
		if s.rule.match == nil || found == files.FoundScript || s.rule.match.Match(p.path(ctx)) {
			p.file = append(p.file[:0], s.script...)
			return false
		}
	case found == files.FoundScript:
		s.run(p)
		return false
	case found == files.FoundForbidden:
	case s.fallback != nil:
		return s.fallBack(ctx, p)
	case s.mounted(found, p.path(ctx)):
		return false
	}
	if found == files.FoundDirectory {
		s.tree.Serve(ctx)
	} else {
		found.Fail(ctx)
	}
	return true
}

// run makes p the mount of the script that was found.
func (s *scripts) run(p *mount) {
	p.found, p.script, p.info = true, p.at.Script, p.at.Info
	p.file = append(append(p.file[:0], bytes.TrimSuffix(p.root, slash)...), p.script...)
}

// mounted reports whether a path where there is nothing is the program's.
func (s *scripts) mounted(found files.Found, path []byte) bool {
	if found == files.FoundHidden || s.rule.names(path) || bytes.IndexByte(path, 0) >= 0 {
		return false
	}
	if s.rule.match != nil {
		return s.rule.match.Match(path)
	}
	return !s.php
}

// fallBack is route for the fallback.
func (s *scripts) fallBack(ctx *fasthttp.RequestCtx, p *mount) (answered bool) {
	switch found := s.tree.Locate(&p.at, s.fallback, nil, &s.rule); found {
	case files.FoundScript:
		if len(p.at.Info) == 0 {
			s.run(p)
			return false
		}
	case files.FoundFile:
		if s.tree.Send(ctx, s.fallback) == nil {
			return true
		}
	}
	files.FoundNothing.Fail(ctx)
	return true
}

// path is the path of the request, decoded, as a program mounted at "/" gets it.
func (p *mount) path(ctx *fasthttp.RequestCtx) []byte {
	return decodePath(&p.uri, splitTarget(ctx.Request.Header.RequestURI()).path)
}

// misleads reports whether a REDIRECT_URL would make PHP run what PATH_TRANSLATED
// names, or forget PATH_INFO, as where Apache has found the script.
func (p *mount) misleads() bool {
	if !p.settled() {
		return p.php.keeps
	}
	return (p.scripts.php || !p.scripts.translated) && (!p.found || len(p.info) > 0)
}

// translate appends PATH_TRANSLATED (RFC 3875, section 4.1.6), nothing if there is
// none.
func (p *mount) translate(dst []byte) []byte {
	if len(p.root) == 0 || !p.found || len(p.info) == 0 || !p.scripts.translated {
		return dst
	}
	return append(append(dst, bytes.TrimSuffix(p.root, slash)...), p.info...)
}
