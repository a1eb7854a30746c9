package httpd_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/fcgi"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// idVariable makes the children of a server say which ids requests have.
const idVariable = "BIDENT_TEST_IDS"

func init() {
	switch os.Getenv(idVariable) {
	case "":
	case "program":
		if err := fcgi.Serve(nil, http.HandlerFunc(idWeb)); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	default:
		if !httpd.InChild() {
			return
		}
		s := &httpd.Server{Name: suiteName, Handler: httpd.Fast(idFast)}
		if os.Getenv(idVariable) == "web" {
			s.Handler = httpd.HTTP(http.HandlerFunc(idWeb))
		}
		fmt.Fprintln(os.Stderr, s.Run(context.Background()))
		os.Exit(1)
	}
}

func idWeb(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "%q", r.Header["X-Request-Id"])
}

// idFast looks in all places where a handler can.
func idFast(ctx *fasthttp.RequestCtx) {
	var ids []string
	for _, id := range ctx.Request.Header.PeekAll("X-Request-ID") {
		ids = append(ids, string(id))
	}
	for name, value := range httpd.Variables(ctx) {
		if name == "HTTP_X_REQUEST_ID" && (len(ids) == 0 || value != ids[0]) {
			ids = append(ids, value)
		}
	}
	if bytes.Count(bytes.ToLower(ctx.Request.Header.RawHeaders()), []byte("x-request-id:")) != 1 {
		ids = append(ids, "raw")
	}
	fmt.Fprintf(ctx, "%q", ids)
}

func idKinds() []kind {
	var list []kind
	for _, k := range handlerKinds() {
		for _, how := range []string{"fast", "web"} {
			one := k.with(func(s *httpd.Server) {
				s.Handler = httpd.Fast(idFast)
				if how == "web" {
					s.Handler = httpd.HTTP(http.HandlerFunc(idWeb))
				}
				if s.Mode == httpd.Fork {
					s.Env = append(s.Env, idVariable+"="+how)
				}
			})
			one.name += " " + how
			list = append(list, one)
		}
	}
	return append(list, kinds[4].with(func(s *httpd.Server) { s.Env = []string{idVariable + "=program"} }))
}

// TestRequestIDs: handlers, programs, clients and the log see the same id.
func TestRequestIDs(t *testing.T) {
	made := regexp.MustCompile(`^[0-9a-f]{32}$`)
	long := strings.Repeat("x", 129)
	each(t, idKinds(), func(t *testing.T, k kind) {
		k, path := logged(t, k, `%L %U`)
		s := start(t, k.with(func(s *httpd.Server) { s.RequestIDs = true }), pool.Config{})
		var want []string
		all := make(map[string]bool)
		for i, test := range []struct{ fields, id string }{
			{"", ""},
			{"X-Request-ID: mine:1\r\n", "mine:1"},
			{"x-request-id:\tmine/2 \r\n", "mine/2"},
			{"X-Request-ID: two words\r\nX-Other: 1\r\n", ""},
			{"X-Request-ID: " + long + "\r\n", ""},
			{"X-Request-ID:\r\n", ""},
			{"X-Request-ID: a\r\nX-REQUEST-ID: b\r\n", ""},
			{"X-Request-IDs: no\r\n", ""},
		} {
			c := newClient(t, s.url)
			c.send(t, fmt.Sprintf("GET /%d HTTP/1.1\r\n%sHost: test\r\n\r\n", i, test.fields))
			resp := c.receive(t, "GET")
			b, _ := io.ReadAll(resp.Body)
			id := resp.Header.Get("X-Request-Id")
			switch {
			case len(resp.Header["X-Request-Id"]) != 1, test.id != "" && id != test.id, test.id == "" && !made.MatchString(id), all[id]:
				t.Errorf("%q: answered with %q", test.fields, resp.Header["X-Request-Id"])
			case string(b) != fmt.Sprintf("%q", []string{id}):
				t.Errorf("%q: the handler has seen %s, the client %q", test.fields, b, id)
			}
			all[id] = true
			want = append(want, fmt.Sprintf("%s /%d", id, i))
			c.close()
		}
		head := exchanged(t, s, "GET nonsense\r\n\r\n")
		if m := regexp.MustCompile(`(?i)\r\nX-Request-ID: ([0-9a-f]{32})\r\n`).FindStringSubmatch(head); m == nil {
			t.Errorf("a malformed request: %q", head)
		} else {
			want = append(want, m[1]+" nonsense")
		}
		s.stop()
		got := lines(t, path)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("log %q\nexpected %q", got, want)
		}
	})
	k, path := logged(t, kinds[0], `%L`)
	s := start(t, k, pool.Config{})
	if answer := exchanged(t, s, "GET /none HTTP/1.1\r\nHost: t\r\nConnection: close\r\nX-Request-ID: mine\r\n\r\n"); strings.Contains(strings.ToLower(answer), "x-request-id") {
		t.Errorf("%q", answer)
	}
	s.stop()
	if got := lines(t, path); len(got) != 1 || !made.MatchString(got[0]) {
		t.Errorf("ids for the log alone: %q", got)
	}
}
