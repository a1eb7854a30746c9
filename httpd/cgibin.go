package httpd

import (
	"errors"
	"io/fs"
	"os"
	slashed "path"
	"strings"

	"github.com/valyala/fasthttp"
)

// cgiIndex is the script that stands for its directory.
const cgiIndex = "index.cgi"

// cgiBin is a directory of scripts.
type cgiBin struct {
	outside string // where this process finds it
	dir     string // where the scripts do
	prefix  string
}

// find is the script for a path, which is decoded and has no "//", "/./" or "/../".
// If there is none, status says so to the client; an error is to be logged.
func (b *cgiBin) find(where string) (script *cgiScript, status int, err error) {
	below, ok := strings.CutPrefix(where, b.prefix)
	if !ok || strings.IndexByte(where, 0) >= 0 {
		return nil, fasthttp.StatusNotFound, nil
	}
	root, err := os.OpenRoot(b.outside)
	if err != nil {
		return nil, fasthttp.StatusInternalServerError, err
	}
	defer root.Close()
	name, info := ".", below
	for {
		// name is a directory.
		part, rest, more := strings.Cut(info, "/")
		index := part == "" && !more
		if index {
			part = cgiIndex
		}
		if part == "" || part[0] == '.' {
			return nil, fasthttp.StatusNotFound, nil
		}
		next := slashed.Join(name, part)
		file, err := root.Stat(next)
		switch {
		case index && errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
			return nil, fasthttp.StatusForbidden, nil
		case err != nil:
			// It is not there, or a link that leads out, or in a circle: which is for
			// the operator to know.
			if link, e := root.Lstat(next); e != nil || link.Mode()&fs.ModeSymlink == 0 || errors.Is(err, fs.ErrNotExist) {
				err = nil
			}
			return nil, fasthttp.StatusNotFound, err
		case file.IsDir() && !index:
			name, info = next, rest
			continue
		case !file.Mode().IsRegular() || !executableFile(file):
			return nil, fasthttp.StatusForbidden, nil
		case isNPH(next):
			return nil, fasthttp.StatusInternalServerError, errNPH
		}
		script := &cgiScript{path: slashed.Join(b.dir, next), dir: slashed.Join(b.dir, name), name: b.prefix + next}
		if more {
			script.info = "/" + rest
		}
		return script, 0, nil
	}
}
