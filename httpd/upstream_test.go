package httpd_test

import (
	"net"
	"net/http"
	"net/http/fcgi"
	"sync"
	"testing"

	"github.com/bident/bident/httpd"
)

// upstreamKind is a kind whose requests are answered by processes that are none of
// the server's workers: here by this one. It is for scenarios that do not ask which
// worker has answered, and leave it alive.
var upstreamKind = kind{"upstream", func(t *testing.T, s *httpd.Server) {
	s.Handler = httpd.Upstream(sharedUpstream(t))
}, true}

// sharedUpstream is the listener of this process, until its end.
func sharedUpstream(t *testing.T) string {
	t.Helper()
	shared.once.Do(func() {
		var l net.Listener
		if l, shared.err = net.Listen("tcp", "127.0.0.1:0"); shared.err == nil {
			shared.url = "fcgi://" + l.Addr().String()
			go fcgi.Serve(l, http.HandlerFunc(harmless))
		}
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.url
}

var shared struct {
	once sync.Once
	url  string
	err  error
}

// harmless is responder for a process that is to stay.
func harmless(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/panic", "/exit":
		http.NotFound(w, r)
	case "/stuck":
		<-released
	default:
		responder(w, r)
	}
}
