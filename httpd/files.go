package httpd

import (
	"errors"
	"fmt"
	"sync"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/internal/files"
)

// Files is a Handler that serves the files of a directory: GET and HEAD, with
// ranges, conditional requests, compressed forms, index files, and redirects of
// directories to their path with a slash. What is not there is 404, a directory
// without an index 403. Nothing outside of the directory is served, whatever the
// path or links say.
//
// The whole path of the request is looked up below Root, also under a Route: with
// the Path /static/ the file of /static/a.css is Root/static/a.css (nginx calls this
// root, not alias). A prefix cannot be stripped: put the files into a directory of
// that name below Root.
//
// Large files are sent by the kernel, after the worker has been let go; in
// children that do not accept they go through the parent, and hold their lane until
// the client has taken all but 64 KiB.
type Files struct {
	// Root is the directory. It is opened once; its files may change.
	Root string
	// Index are the files that stand for their directory. Default index.html.
	Index []string
	// NoSymlinks refuses all symbolic links below Root. Without it those are
	// followed that stay inside.
	NoSymlinks bool
	// Dotfiles serves files whose path has a part that begins with a dot. Without
	// it they are 404, but for those below /.well-known/ (RFC 8615).
	Dotfiles bool
	// Types are media types by extension, over the built-in ones.
	Types map[string]string
	// NoCompress switches off compression of what is not there in a compressed
	// form, as a file beside the file with .br, .zst or .gz.
	NoCompress bool
	// CacheControl is the Cache-Control field of answers. Default: none.
	CacheControl string

	once   sync.Once
	opened *files.Files
	err    error
}

func (h *Files) program() []string { return nil }

func (h *Files) fast() fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		h.open()
		if h.err != nil {
			ctx.Error("internal server error\n", fasthttp.StatusInternalServerError)
			_, _ = ErrorStream(ctx).Write([]byte(h.err.Error()))
			return
		}
		h.opened.Serve(ctx)
	}
}

// open opens the root, once.
func (h *Files) open() {
	h.once.Do(func() { h.opened, h.err = files.New(h.config()) })
}

func (h *Files) config() files.Config {
	c := files.Config{
		Root: h.Root, Index: h.Index, Dotfiles: h.Dotfiles, Types: h.Types,
		NoCompress: h.NoCompress, CacheControl: h.CacheControl,
	}
	if h.NoSymlinks {
		c.Symlinks = files.Never
	}
	return c
}

// check reports every problem of the fields, and whether the root can be opened,
// which this process finds at that path.
func (h *Files) check(root string) error {
	config := h.config()
	config.Root = root
	f, err := files.New(config)
	if err != nil {
		return fmt.Errorf("%w: Files: %w", ErrConfig, err)
	}
	if err := f.Close(); err != nil {
		return errors.Join(ErrConfig, err)
	}
	return nil
}
