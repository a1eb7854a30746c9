package httpd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/emulate"
	"github.com/bident/bident/fork"
	"github.com/bident/bident/pool"
)

// CGI serves requests with a CGI program (RFC 3875): each one starts it anew, with
// the request in its environment and the body as its standard input. It is mounted at
// "/": SCRIPT_NAME is empty and PATH_INFO the whole path. The working directory is the
// server's, or that of the Isolation.
//
// The workers are lanes of this process that start the program, so that at most
// MaxServers times Concurrency of them run at a time, beside those of MaxSurge, and
// requests wait, are counted, limited and shown as with other workers. The mode is Fork: Env, ClearEnv and
// Isolation apply to each process. Elsewhere than on Linux there is no Isolation.
//
// An answer ends when nobody has the program's standard output any more, or when
// three seconds after the end of the program nothing has come from those that it has
// left behind, or if it goes on for so long with standard output closed. Then it is
// told to end by SIGTERM, and whatever is left in its process group is killed: a job
// that is to go on needs a session of its own (setsid). The same happens after
// RequestTimeout (504; once the answer has begun to reach the client, when nothing more
// has come for so long: it is cut), when the client leaves, and when the worker is killed. A
// program that ends without an answer is answered for by 502; an exit status beside
// zero after a whole answer is only logged; a signal cuts an answer without
// Content-Length.
//
// Programs that write the whole HTTP answer themselves (nph-, RFC 3875, section 5) are
// not served, and a query without "=" does not become arguments (section 4.4 leaves
// that to the server): it has been a way to give interpreters options (CVE-2012-1823,
// CVE-2024-4577).
func CGI(name string, args ...string) Handler {
	return cgiProgram(append([]string{name}, args...))
}

type cgiProgram []string

func (h cgiProgram) fast() fasthttp.RequestHandler { return nil }
func (h cgiProgram) program() []string             { return h }

// CGIBin is a Handler that serves requests with the CGI scripts of a directory, as
// CGI does with one program.
//
// The path below Prefix is followed from its beginning; the first file on the way is
// the script, and what is behind it PATH_INFO. A directory stands for the index.cgi in
// it. What is not there is 404, as are files whose path has a part that begins with a
// dot; what is not an executable file, and a directory without index.cgi, are 403; and
// so are symbolic links that lead out of Dir 404, with a line in the log. The working directory is the
// script's (RFC 3875, section 7.2).
type CGIBin struct {
	// Dir is the directory, with Isolation.Chroot a path inside. It is looked up for
	// each request. Required.
	Dir string
	// Prefix is the path of requests that Dir stands for; it begins and ends with a
	// slash. Default: /cgi-bin/. What is not below it is 404.
	Prefix string
}

func (h *CGIBin) fast() fasthttp.RequestHandler { return nil }
func (h *CGIBin) program() []string             { return []string{h.Dir} }

// prefix is the effective Prefix.
func (h *CGIBin) prefix() string {
	if h.Prefix == "" {
		return "/cgi-bin/"
	}
	return h.Prefix
}

// isCGI reports whether a handler starts a process for each request.
func isCGI(h Handler) bool {
	switch executor(h).(type) {
	case cgiProgram, *CGIBin:
		return true
	}
	return false
}

// programMode is the mode of a handler that is a program.
func programMode(h Handler) Mode {
	if isCGI(h) && runtime.GOOS != "linux" {
		return Emulate
	}
	return Fork
}

// errNPH says that a program would write the whole HTTP answer itself.
var errNPH = errors.New("httpd: non-parsed header scripts (nph-) are not served")

// isNPH reports whether a program's name says so (RFC 3875, section 5.1).
func isNPH(name string) bool { return strings.HasPrefix(filepath.Base(name), "nph-") }

// checkCGI reports what is wrong with a handler that starts a process for each
// request. The directory is looked at where this process finds it.
func checkCGI(h Handler, c pool.Config, i *Isolation) error {
	var problems []error
	bad := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("%w: %w", ErrConfig, fmt.Errorf(format, args...)))
	}
	switch h := executor(h).(type) {
	case cgiProgram:
		if isNPH(h[0]) {
			bad("%s: %w", h[0], errNPH)
		}
	case *CGIBin:
		if p := h.prefix(); p[0] != '/' || p[len(p)-1] != '/' {
			bad("CGIBin: Prefix %q does not begin and end with a slash", p)
		}
		dir, err := os.OpenRoot(i.Outside(h.Dir))
		if err != nil {
			bad("CGIBin: %w", err)
		} else {
			dir.Close()
		}
	default:
		return nil
	}
	if c.MaxMemory > 0 || c.KillMemory > 0 {
		bad("MaxMemory and KillMemory are for workers that live longer than a request: they make no sense with CGI")
	}
	return errors.Join(problems...)
}

// cgiBackend makes workers whose lanes start a process for each request.
func (r *instance) cgiBackend(o *pool.Options, q *pool.Queue, lanes int, h Handler) error {
	s := r.server
	c := &cgi{env: cgiEnvironment(s.Env, s.ClearEnv), limit: q.RunLimit}
	config := fork.LauncherConfig{Isolation: r.childIsolation()}
	if bin, ok := executor(h).(*CGIBin); ok {
		dir, err := absolute(bin.Dir, &config.Isolation)
		if err != nil {
			return fmt.Errorf("httpd: CGIBin: %w", err)
		}
		c.bin = &cgiBin{outside: config.Isolation.Outside(dir), dir: dir, prefix: bin.prefix()}
	} else {
		config.Program = h.program()
		c.args = config.Program
	}
	var err error
	if c.launcher, err = fork.NewLauncher(config); err != nil {
		return backendError(err)
	}
	r.closers = append(r.closers, c.launcher.Close)
	return r.goroutines(o, q, lanes, emulate.Config{
		Runner: func(l *pool.Lane) pool.Runner { return newCGIRunner(c, l, r.front.slow, r.log) },
	})
}

// openCGI makes the server's workers.
func (r *instance) openCGI(o *pool.Options) error {
	if err := r.openFront(r.plan.mode); err != nil {
		return err
	}
	return r.cgiBackend(o, r.queue, r.plan.pool.Concurrency, r.server.Handler)
}
