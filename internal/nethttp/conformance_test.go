package nethttp

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
)

// same is one handler and what it is asked.
type same struct {
	name    string
	handler http.Handler
	ask     []string
	// lax names fields that may differ, with the reason beside the case.
	lax []string
}

func get(path string, fields ...string) string { return request("GET", path, "", fields...) }

// request is a request's octets.
func request(method, target, body string, fields ...string) string {
	s := method + " " + target + " HTTP/1.1\r\nHost: example.test\r\n"
	for _, f := range fields {
		s += f + "\r\n"
	}
	return s + "\r\n" + body
}

// post is a POST whose body has a length.
func post(path, body string, fields ...string) string {
	return request("POST", path, body, append(fields, "Content-Length: "+itoa(len(body)))...)
}

// variants are the fronts that everything is tried behind.
var variants = map[string]func(http.Handler) *front{
	"streamed":  func(h http.Handler) *front { return &front{handler: h} },
	"in memory": func(h http.Handler) *front { return &front{handler: h, inMemory: true} },
	"files":     func(h http.Handler) *front { return &front{handler: h, readFrom: true} },
}

// TestSameAsNetHTTP asks net/http's server and this package the same.
func TestSameAsNetHTTP(t *testing.T) {
	var cases []same
	cases = append(cases, answerCases(t)...)
	cases = append(cases, requestCases()...)
	cases = append(cases, libraryCases(t)...)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			model := httptest.NewUnstartedServer(c.handler)
			model.Config.ErrorLog = log.New(io.Discard, "", 0)
			model.Start()
			defer model.Close()
			for name, variant := range variants {
				addr := variant(c.handler).start(t)
				for _, raw := range c.ask {
					want := ask(t, model.Listener.Addr().String(), raw)
					got := ask(t, addr, raw)
					compare(t, name+": "+firstLine(raw), got, want, c.lax)
				}
			}
		})
	}
}

func firstLine(raw string) string {
	line, _, _ := strings.Cut(raw, "\r\n")
	return line
}

func compare(t *testing.T, name string, got, want answer, lax []string) {
	t.Helper()
	for _, a := range []answer{got, want} {
		a.fields.Del("Date")
		for _, f := range lax {
			a.fields.Del(f)
		}
	}
	if want.length == -1 && got.length == int64(len(want.body)) &&
		len(want.body) > 2048 && len(want.body) <= bufferSize {
		// What is documented: a larger buffer.
		got.length = -1
		got.fields.Del("Content-Length")
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s\n got %.600q\nwant %.600q", name, show(got), show(want))
	}
}

func show(a answer) []any {
	return []any{a.status, a.fields, a.length, a.cut, a.interim, a.trailer, len(a.body), a.body}
}
