package httpd

import "github.com/valyala/fasthttp"

// Handler is what answers requests: made by Fast, HTTP, Program, CGI or Upstream, or
// Files, Scripts or CGIBin.
type Handler interface {
	// fast is the function to call in a worker, or nil.
	fast() fasthttp.RequestHandler
	// program is the external program that answers, or nil.
	program() []string
}

// program is the external program that answers, nil if the handler is none.
func (s *Server) program() []string {
	if s.Handler == nil {
		return nil
	}
	return s.Handler.program()
}

type fastHandler fasthttp.RequestHandler

func (h fastHandler) fast() fasthttp.RequestHandler { return fasthttp.RequestHandler(h) }
func (h fastHandler) program() []string             { return nil }

// Fast serves requests with a fasthttp handler, which is called on a lane of a
// worker: in this process, or in a child.
func Fast(h fasthttp.RequestHandler) Handler { return fastHandler(h) }

type programHandler []string

func (h programHandler) fast() fasthttp.RequestHandler { return nil }
func (h programHandler) program() []string             { return h }

// Program serves requests with an external FastCGI program: each worker is a
// process that runs it, with its listening socket on descriptor 0 (FastCGI 1.0,
// section 2.2). It needs Fork.
//
// Unless Env has them, it gets PHP_FCGI_CHILDREN and PHP_FCGI_MAX_REQUESTS as 0: how
// many processes there are, and how many requests each serves, is the server's
// business, not php-cgi's. Nor does it inherit FCGI_SOCKET_PATH, FCGI_LISTEN_QUEUE and
// FCGI_LISTENSOCK_FILENO, which are about the server's own socket; CGI programs do not,
// either.
func Program(name string, args ...string) Handler {
	return programHandler(append([]string{name}, args...))
}

// Hooks are functions that a Server calls at certain points; all may be nil.
type Hooks struct {
	// WorkerInit runs in each worker, in its own process in fork mode, before
	// it is ready, and makes the value that State gives to handlers. An error
	// counts as a death before the worker was ready.
	WorkerInit func(Worker) (any, error)
	// WorkerFinish gets that value when the worker leaves and has nothing in
	// hand any more. A worker that was killed does not run it in fork mode.
	WorkerFinish func(any)
	// TakeOver is called in a new process when it takes over from the one that has
	// started it (see Server.Upgrade), which serves until this returns: it takes
	// what there is one of, such as a pid file. An error ends the upgrade. It is
	// also called in an old process whose successor has died in that moment, to take
	// it back.
	TakeOver func() error
	// ReopenLogs is called at USR1 and by the admin listener.
	ReopenLogs func() error
}
