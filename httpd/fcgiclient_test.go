package httpd_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/internal/fcgi"
)

// fcgiKinds are the kinds of worker behind a front for FastCGI: the last two own the
// connections of web servers.
var fcgiKinds = []kind{overFCGI(kinds[0]), overFCGI(kinds[1]), overFCGI(kinds[2]), overFCGI(kind{
	"fork request c=4", func(t *testing.T, s *httpd.Server) {
		s.Mode, s.Accept, s.Handler, s.Pool.Concurrency = httpd.Fork, httpd.AcceptRequest, httpd.Fast(suiteHandler), 4
	}, true,
}), overFCGI(accepting(httpd.AcceptSlot, 4)), overFCGI(accepting(httpd.AcceptClassic, 1))}

// overFCGI is a kind that listens for FastCGI, too, at its first address.
func overFCGI(k kind) kind {
	return k.with(func(s *httpd.Server) {
		s.Listen = []string{"fcgi://127.0.0.1:0", "http://127.0.0.1:0"}
	})
}

// variable is a parameter of a request.
type variable struct{ name, value string }

// webServer is a strict web server with one kept connection to a FastCGI application.
type webServer struct {
	t    testing.TB
	conn net.Conn
	r    *fcgi.Reader
	id   uint16
}

// dialFCGI connects to an address as Addrs has it.
func dialFCGI(t testing.TB, url string) *webServer {
	t.Helper()
	network, address := "tcp", strings.TrimPrefix(url, "fcgi://")
	if path, ok := strings.CutPrefix(url, "fcgi+unix://"); ok {
		network, address = "unix", path
	}
	conn, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return &webServer{t: t, conn: conn, r: fcgi.NewReader(conn)}
}

// write sends octets as they are.
func (w *webServer) write(octets []byte) {
	w.t.Helper()
	if _, err := w.conn.Write(octets); err != nil {
		w.t.Fatal(err)
	}
}

// params are those of a request as web servers send it.
func params(method, uri string, body int, more ...variable) []variable {
	path, query, _ := strings.Cut(uri, "?")
	list := []variable{
		{"GATEWAY_INTERFACE", "CGI/1.1"}, {"SERVER_PROTOCOL", "HTTP/1.1"}, {"REQUEST_METHOD", method},
		{"REQUEST_URI", uri}, {"SCRIPT_NAME", ""}, {"PATH_INFO", path}, {"QUERY_STRING", query},
		{"SERVER_NAME", "www.example.org"}, {"SERVER_PORT", "80"}, {"HTTP_HOST", "www.example.org"},
		{"REMOTE_ADDR", "192.0.2.7"}, {"REMOTE_PORT", "40000"},
	}
	if body > 0 || method == "POST" {
		list = append(list, variable{"CONTENT_LENGTH", strconv.Itoa(body)})
	}
	return append(list, more...)
}

func encode(list []variable) []byte {
	var b []byte
	for _, v := range list {
		b = fcgi.AppendParam(b, v.name, v.value)
	}
	return b
}

// octetsOf is a whole request.
func octetsOf(id uint16, role fcgi.Role, flags uint8, list []variable, body []byte) []byte {
	b := fcgi.AppendBegin(nil, id, role, flags)
	b = fcgi.AppendStream(b, fcgi.TypeParams, id, encode(list))
	b = fcgi.AppendStreamEnd(b, fcgi.TypeParams, id)
	if role != fcgi.RoleAuthorizer {
		b = fcgi.AppendStream(b, fcgi.TypeStdin, id, body)
		b = fcgi.AppendStreamEnd(b, fcgi.TypeStdin, id)
	}
	return b
}

// fcgiAnswer is what came for one request.
type fcgiAnswer struct {
	status int
	header textproto.MIMEHeader
	body   string
	stderr string
	end    fcgi.EndRequest
}

// send sends a request and gives its id.
func (w *webServer) send(list []variable, body []byte) uint16 {
	w.t.Helper()
	w.id = w.id%7 + 1
	w.write(octetsOf(w.id, fcgi.RoleResponder, fcgi.FlagKeepConn, list, body))
	return w.id
}

// do sends a request and reads its answer.
func (w *webServer) do(list []variable, body []byte) fcgiAnswer {
	w.t.Helper()
	a, err := w.answer(w.send(list, body))
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// get is do for GET.
func (w *webServer) get(uri string) fcgiAnswer {
	w.t.Helper()
	return w.do(params("GET", uri, 0), nil)
}

// answer reads the answer to request id, and nothing else.
func (w *webServer) answer(id uint16) (a fcgiAnswer, err error) {
	var out, stderr []byte
	outEnded, errEnded, errUsed := false, false, false
	for {
		f, err := w.r.Next()
		if err != nil {
			if len(out) > 0 {
				err = fmt.Errorf("%w: cut after %q", err, out[:min(len(out), 200)])
			}
			return a, err
		}
		switch {
		case f.ID != id:
			return a, fmt.Errorf("a record %v of request %d in the answer to %d", f.Type, f.ID, id)
		case f.Type == fcgi.TypeStdout && !outEnded:
			outEnded = f.EndOfStream()
			out = append(out, f.Data...)
		case f.Type == fcgi.TypeStderr && !errEnded:
			errUsed, errEnded = true, f.EndOfStream()
			stderr = append(stderr, f.Data...)
		case f.Type == fcgi.TypeEndRequest:
			if a.end, err = fcgi.ParseEnd(f.Data); err != nil {
				return a, err
			}
			if !outEnded || errUsed && !errEnded {
				return a, errors.New("FCGI_END_REQUEST before the end of a stream")
			}
			a.stderr = string(stderr)
			return a, a.parse(out)
		default:
			return a, fmt.Errorf("record %v where it cannot be", f.Type)
		}
	}
}

// parse reads FCGI_STDOUT, strictly.
func (a *fcgiAnswer) parse(out []byte) error {
	if len(out) == 0 {
		return nil
	}
	head, body, ok := bytes.Cut(out, []byte("\r\n\r\n"))
	if !ok {
		return fmt.Errorf("no head in %q", out)
	}
	var err error
	a.header, err = textproto.NewReader(bufio.NewReader(io.MultiReader(bytes.NewReader(head), strings.NewReader("\r\n\r\n")))).ReadMIMEHeader()
	if err != nil {
		return fmt.Errorf("head %q: %w", head, err)
	}
	if a.status, err = strconv.Atoi(a.header.Get("Status")[:3]); err != nil {
		return err
	}
	a.body = string(body)
	for _, name := range []string{"Connection", "Transfer-Encoding", "Keep-Alive"} {
		if a.header.Get(name) != "" {
			return fmt.Errorf("%s in the head of a CGI answer", name)
		}
	}
	if n := a.header.Get("Content-Length"); n != "" && len(body) > 0 && n != strconv.Itoa(len(body)) {
		return fmt.Errorf("Content-Length %s for a body of %d octets", n, len(body))
	}
	return nil
}

// is checks an answer.
func (a fcgiAnswer) is(t testing.TB, status int, body string) {
	t.Helper()
	if a.status != status || a.body != body || a.end != (fcgi.EndRequest{}) {
		t.Errorf("answer %d %.200q %+v, expected %d %.200q", a.status, a.body, a.end, status, body)
	}
}

// idle checks that the connection is open, and that nothing comes on it.
func (w *webServer) idle() {
	w.t.Helper()
	a := w.get("/none")
	if a.status != http.StatusNotFound {
		w.t.Errorf("after it: %+v", a)
	}
}

// names are those of the variables, sorted.
func names(list []variable) []string {
	var all []string
	for _, v := range list {
		all = append(all, v.name)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
