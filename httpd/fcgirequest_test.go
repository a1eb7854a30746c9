package httpd_test

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/internal/fcgi"
	"github.com/bident/bident/pool"
)

// disclose answers with what a handler gets of a request over FastCGI. It reports
// false for other paths.
func disclose(ctx *fasthttp.RequestCtx) bool {
	switch string(ctx.Path()) {
	case "/variables":
		var all []string
		for name, value := range httpd.Variables(ctx) {
			all = append(all, name+"="+value+"\n")
		}
		slices.Sort(all)
		for _, v := range all {
			ctx.WriteString(v)
		}
	case "/head":
		fmt.Fprintf(ctx, "%s %s %s %t %v %s|", ctx.Method(), ctx.RequestURI(), ctx.RemoteAddr(), ctx.IsTLS() || string(ctx.URI().Scheme()) == "https",
			httpd.RoleOf(ctx), ctx.Host())
		for name, value := range ctx.Request.Header.All() {
			fmt.Fprintf(ctx, "%s: %s|", name, value)
		}
	case "/complain":
		fmt.Fprint(httpd.ErrorStream(ctx), "woe")
		ctx.WriteString("ok\n")
	case "/upgraded":
		ctx.Hijack(func(net.Conn) {})
	default:
		return false
	}
	return true
}

func TestFCGIHead(t *testing.T) {
	each(t, fcgiKinds, func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{MaxServers: 1})
		w := dialFCGI(t, s.url)
		for _, c := range []struct {
			list []variable
			want string
		}{
			{params("GET", "/head", 0), "GET /head 192.0.2.7:40000 false RESPONDER www.example.org|Host: www.example.org|"},
			{params("GET", "/head?a=%20", 0, variable{"HTTPS", "on"}, variable{"HTTP_X_LONG_NAME", "v \t w"}, variable{"HTTP_CONNECTION", "close"},
				variable{"HTTP_TRANSFER_ENCODING", "chunked"}, variable{"HTTP_PROXY", "evil"}, variable{"HTTP_CONTENT_LENGTH", "9"}, variable{"http_x", "y"},
				variable{"HTTP_TRANSFER-ENCODING", "chunked"}, variable{"HTTP_Proxy", "evil"}, variable{"HTTP_Content-Length", "9"}),
				"GET /head?a=%20 192.0.2.7:40000 true RESPONDER www.example.org|Host: www.example.org|X-Long-Name: v \t w|"},
			{params("GET", "/head", 0, variable{"HTTP_X", "1"}, variable{"REMOTE_ADDR", "::1"}, variable{"REMOTE_PORT", ""}, variable{"HTTP_X", "2"}),
				"GET /head [::1]:0 false RESPONDER www.example.org|Host: www.example.org|X: 2|"},
			{[]variable{{"REQUEST_METHOD", "PUT"}, {"SCRIPT_NAME", ""}, {"PATH_INFO", "/head"}, {"QUERY_STRING", "q=1"}, {"SERVER_NAME", "~^x$"}, {"SERVER_PORT", "8080"}, {"REMOTE_ADDR", "192.0.2.1"}},
				"PUT /head?q=1 192.0.2.1:0 false RESPONDER localhost:8080|Host: localhost:8080|"},
			{[]variable{{"REQUEST_METHOD", "GET"}, {"PATH_INFO", "/head"}, {"SCRIPT_NAME", "/a b/.."}, {"HTTP_HOST", "h"}, {"REMOTE_ADDR", "192.0.2.1"}},
				"GET /a%20b/../head 192.0.2.1:0 false RESPONDER h|Host: h|"},
		} {
			w.do(c.list, nil).is(t, 200, c.want)
		}
	})
}

func TestFCGIVariables(t *testing.T) {
	each(t, fcgiKinds, func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{MaxServers: 1})
		w := dialFCGI(t, s.url)
		for _, more := range [][]variable{
			{{"DOCUMENT_ROOT", "/srv"}, {"X", ""}, {"lower", "a\nb"}, {"LONG", strings.Repeat("v", 70000)}, {"X", "again"}},
			{}, {{"SECRET", "s"}}, {},
		} {
			list := params("GET", "/variables", 0, more...)
			last := make(map[string]string)
			for _, v := range list {
				last[v.name] = v.value
			}
			var want []string
			for _, name := range names(list) {
				want = append(want, name+"="+last[name]+"\n")
			}
			slices.Sort(want)
			w.do(list, nil).is(t, 200, strings.Join(want, ""))
		}
		if a := w.get("/complain"); a.stderr != "woe" || a.body != "ok\n" || a.end != (fcgi.EndRequest{}) {
			t.Errorf("%+v", a)
		}
		if a := w.get("/upgraded"); a.status != http.StatusNotImplemented {
			t.Errorf("an upgraded connection: %+v", a)
		}
		w.get("/complain")
		w.get("/none").is(t, 404, "not found\n")
	})
}

// TestFCGIRefused: what cannot be a request is answered, and the connection goes on.
func TestFCGIRefused(t *testing.T) {
	k := fcgiKinds[0].with(func(s *httpd.Server) { s.Limits.MaxBodySize = 1000 })
	s := start(t, k, pool.Config{MaxServers: 1})
	w := dialFCGI(t, s.url)
	hello := params("GET", "/head", 0)
	for _, c := range []struct {
		name   string
		status int
		list   []variable
		body   string
	}{
		{"line feed in a field", 400, params("GET", "/head", 0, variable{"HTTP_X", "a\nEvil: b"}), ""},
		{"CR LF in a field", 400, params("GET", "/head", 0, variable{"HTTP_X", "a\r\nEvil: b"}), ""},
		{"carriage return", 400, params("GET", "/head", 0, variable{"HTTP_X", "a\rEvil: b"}), ""},
		{"NUL in a field", 400, params("GET", "/head", 0, variable{"HTTP_X", "a\x00b"}), ""},
		{"name of a field", 400, params("GET", "/head", 0, variable{"HTTP_X: Y\r\nZ", "a"}), ""},
		{"empty name", 400, params("GET", "/head", 0, variable{"HTTP_", "a"}), ""},
		{"host", 400, params("GET", "/head", 0, variable{"HTTP_HOST", "a/b"}), ""},
		{"type", 400, params("GET", "/head", 0, variable{"CONTENT_TYPE", "a\r\nEvil: b"}), ""},
		{"no method", 400, nil, ""},
		{"method", 400, params("GE T", "/head", 0), ""},
		{"method with a line", 400, params("GET / HTTP/1.1\r\nA: b\r\n", "/head", 0), ""},
		{"target", 400, params("GET", "/he ad", 0), ""},
		{"target with a line", 400, params("GET", "/head HTTP/1.1\r\nEvil: b\r\n", 0), ""},
		{"target by halves", 400, params("GET", "/%2", 0), ""},
		{"CONNECT", 501, params("CONNECT", "www.example.org:80", 0), ""},
		{"query", 400, append(params("GET", "", 0), variable{"PATH_INFO", "/x"}, variable{"QUERY_STRING", "a b"}), ""},
		{"large parameters", 431, params("GET", "/head", 0, variable{"HTTP_X", strings.Repeat("x", 200<<10)}), ""},
		{"large head", 431, params("GET", "/head", 0, variable{"HTTP_X", strings.Repeat("x", 80<<10)}), ""},
		{"many parameters", 431, append(params("GET", "/head", 0), slices.Repeat([]variable{{"A", "b"}}, 3000)...), ""},
		{"length", 400, params("POST", "/head", 0, variable{"CONTENT_LENGTH", "-1"}), ""},
		{"length beyond numbers", 400, params("POST", "/head", 0, variable{"CONTENT_LENGTH", "99999999999999999999999"}), ""},
		{"short body", 400, params("POST", "/echo", 10), "short"},
		{"large body", 413, params("POST", "/echo", 1001), strings.Repeat("b", 1001)},
		{"large body without length", 413, params("POST", "/echo", 0, variable{"CONTENT_LENGTH", ""}), strings.Repeat("b", 1001)},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.t = t
			if a := w.do(c.list, []byte(c.body)); a.status != c.status || a.end != (fcgi.EndRequest{}) {
				t.Errorf("%+v, expected status %d", a, c.status)
			}
			w.do(hello, nil).is(t, 200, "GET /head 192.0.2.7:40000 false RESPONDER www.example.org|Host: www.example.org|")
		})
	}
	w.t = t
	w.do(params("POST", "/echo", 3), []byte("more than three")).is(t, 200, "mor")
	w.do(params("POST", "/echo", 0, variable{"CONTENT_LENGTH", ""}), []byte("of no known length")).is(t, 200, "of no known length")
	big := strings.Repeat("h", 64<<10)
	if a := w.do(params("GET", "/head", 0, variable{"HTTP_X", big}), nil); a.status != 200 || !strings.Contains(a.body, big) {
		t.Errorf("64 KiB of headers: %d", a.status)
	}
}

// TestFCGIRoles: the responder and the authorizer are served, others are refused.
func TestFCGIRoles(t *testing.T) {
	each(t, fcgiKinds, func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{MaxServers: 1})
		w := dialFCGI(t, s.url)
		w.write(octetsOf(1, fcgi.RoleFilter, fcgi.FlagKeepConn, params("GET", "/head", 0), nil))
		if a, err := w.answer(1); err == nil || a.end.ProtocolStatus != fcgi.UnknownRole {
			t.Errorf("filter: %+v %v", a, err)
		}
		// CONTENT_LENGTH is that of a body which an authorizer does not get.
		w.write(octetsOf(2, fcgi.RoleAuthorizer, fcgi.FlagKeepConn, params("POST", "/head", 10), nil))
		a, err := w.answer(2)
		if err != nil || !strings.Contains(a.body, "AUTHORIZER") {
			t.Errorf("authorizer: %+v %v", a, err)
		}
		w.idle()
	})
}

// TestFCGIManagement: records that are not of a request, before, between and inside of
// requests; and those of requests that there are not.
func TestFCGIManagement(t *testing.T) {
	s := start(t, fcgiKinds[0], pool.Config{})
	w := dialFCGI(t, s.url)
	ask := func() {
		t.Helper()
		w.write(fcgi.AppendGetValues(nil, fcgi.MpxsConns, "UNKNOWN"))
		f, err := w.r.Next()
		if err != nil || f.Type != fcgi.TypeGetValuesResult || f.ID != 0 || !bytes.Equal(f.Data, fcgi.AppendParam(nil, fcgi.MpxsConns, "0")) {
			t.Fatalf("%+v %v", f, err)
		}
		w.write(fcgi.AppendRecord(nil, 77, 0, []byte("what")))
		f, err = w.r.Next()
		if err != nil || f.Type != fcgi.TypeUnknownType || f.ID != 0 || f.Data[0] != 77 {
			t.Fatalf("%+v %v", f, err)
		}
	}
	for range 3 {
		ask()
		w.idle()
		w.write(fcgi.AppendAbort(fcgi.AppendStream(nil, fcgi.TypeStdin, 9, []byte("nobody's")), 9))
		whole := octetsOf(5, fcgi.RoleResponder, 1, params("POST", "/echo", 4), []byte("body"))
		w.write(whole[:30])
		w.write(whole[30:50])
		w.write(whole[50 : len(whole)-3])
		w.write(whole[len(whole)-3:])
		if a, err := w.answer(5); err != nil || a.body != "body" {
			t.Errorf("%+v %v", a, err)
		}
		// One after the other, though the second is there before the first is answered.
		w.write(append(octetsOf(3, fcgi.RoleResponder, 1, params("GET", "/pid", 0), nil), octetsOf(4, fcgi.RoleResponder, 1, params("GET", "/none", 0), nil)...))
		if a, err := w.answer(3); err != nil || a.status != 200 {
			t.Errorf("%+v %v", a, err)
		}
		if a, err := w.answer(4); err != nil || a.status != 404 {
			t.Errorf("%+v %v", a, err)
		}
		// A second one inside of the first.
		w.write(fcgi.AppendBegin(fcgi.AppendBegin(nil, 3, fcgi.RoleResponder, 1), 4, fcgi.RoleResponder, 1))
		if a, err := w.answer(4); err == nil || a.end.ProtocolStatus != fcgi.CantMpxConn {
			t.Errorf("%+v %v", a, err)
		}
		w.write(fcgi.AppendAbort(nil, 3))
		if a, err := w.answer(3); err == nil || a.end.ProtocolStatus != fcgi.RequestComplete {
			t.Errorf("%+v %v", a, err)
		}
	}
}
