package nethttp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
)

// dump answers with everything that a handler can see of its request.
func dump(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s %s %d.%d\n", r.Method, r.RequestURI, r.Proto, r.ProtoMajor, r.ProtoMinor)
	fmt.Fprintf(w, "url %#v\nhost %q\n", *r.URL, r.Host)
	fmt.Fprintf(w, "length %d coding %q close %v\n", r.ContentLength, r.TransferEncoding, r.Close)
	names := make([]string, 0, len(r.Header))
	for k := range r.Header {
		names = append(names, k)
	}
	slices.Sort(names)
	for _, k := range names {
		fmt.Fprintf(w, "%s: %q\n", k, r.Header[k])
	}
	fmt.Fprintf(w, "body %q %v\ntrailer %v\n", body, err, r.Trailer)
	user, password, ok := r.BasicAuth()
	fmt.Fprintln(w, user, password, ok, r.Cookies(), r.UserAgent(), r.Referer(), r.TLS, r.Pattern)
	fmt.Fprintln(w, strings.HasPrefix(r.RemoteAddr, "127.0.0.1:"),
		r.Context().Value(http.ServerContextKey) != nil, r.Context().Value(http.LocalAddrContextKey) != nil)
}

// requestCases are about what handlers see.
func requestCases() []same {
	var form bytes.Buffer
	m := multipart.NewWriter(&form)
	m.WriteField("a", "1")
	part, _ := m.CreateFormFile("f", "name.txt")
	part.Write(bytes.Repeat([]byte("z"), 5000))
	m.Close()
	many := make([]string, 100)
	for i := range many {
		many[i] = fmt.Sprintf("x-many-%d: %d", i%60, i)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /items/{id}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.PathValue("id"), r.Pattern)
	})
	mux.HandleFunc("/tree/{rest...}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.PathValue("rest"), r.Pattern)
	})
	mux.HandleFunc("example.test/host", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Host) })
	chunked := func(body, trailer string, fields ...string) string {
		return request("POST", "/", body+trailer+"\r\n", append(fields, "Transfer-Encoding: chunked")...)
	}
	return []same{
		do("dump", dump,
			get("/"), get("/a/b?c=d&e=%20f"), get("/a%2Fb%20c"), get("/a?"), get("/a??"), get("//a//b"), get("/a#b"), get("/ü"),
			get("/a;b=c,d:e@f&g=h+i$j'k(l)m*n!"), get("http://other.test:81/x?y"), get("http://other.test"),
			get("/", many...), get("/", "a: 1", "A: 2", "b:", "c:   x y  ", "COOKIE: a=1; b=2", "cookie: c=3"),
			get("/", "Authorization: Basic dTpw", "User-Agent: me", "Referer: /x", "Pragma: no-cache"),
			get("/", "Pragma: no-cache", "Cache-Control: max-age=0"),
			get("/", "Trailer: X-A"),
			request("PURGE", "/x", ""), request("PATCH", "/x", "ab", "Content-Length: 2"), request("OPTIONS", "/x", ""),
			request("CONNECT", "example.test:443", ""), request("CONNECT", "/rpc", ""),
			post("/", "hello"), post("/", ""), post("/", strings.Repeat("y", 300000)),
			chunked("5\r\nhello\r\n0\r\n", ""), chunked("0\r\n", ""),
			chunked("5\r\nhello\r\n0\r\n", "X-A: 1\r\nX-B: 2\r\n", "Trailer: X-A, X-C"),
			chunked("5\r\nhello\r\n0\r\n", "x-a: 1\r\n"),
			"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET / HTTP/1.0\r\nHost: a\r\n\r\n"),
		do("options of the server", dump, request("OPTIONS", "*", "")),
		do("form", func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintln(w, r.FormValue("a"), r.PostFormValue("a"), r.Form, r.PostForm)
		}, get("/?a=1&b=2"), post("/?a=1", "a=2&c=%20", "Content-Type: application/x-www-form-urlencoded")),
		do("multipart", func(w http.ResponseWriter, r *http.Request) {
			if err := r.ParseMultipartForm(100); err != nil {
				panic(err)
			}
			f, fh, err := r.FormFile("f")
			if err != nil {
				panic(err)
			}
			b, err := io.ReadAll(f)
			fmt.Fprintln(w, r.FormValue("a"), fh.Filename, fh.Size, len(b), err)
		}, post("/", form.String(), "Content-Type: "+m.FormDataContentType())),
		do("json", func(w http.ResponseWriter, r *http.Request) {
			var v map[string]any
			if err := json.NewDecoder(r.Body).Decode(&v); err != nil {
				http.Error(w, err.Error(), 400)
				return
			}
			v["seen"] = true
			json.NewEncoder(w).Encode(v)
		}, post("/", `{"a":1}`), post("/", `{`), post("/", "")),
		do("body unread", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "x") },
			post("/", strings.Repeat("y", 1000)), post("/", strings.Repeat("y", 200000))),
		do("expect", func(w http.ResponseWriter, r *http.Request) {
			b, err := io.ReadAll(r.Body)
			fmt.Fprint(w, len(b), err)
		}, post("/", "hello", "Expect: 100-continue")),
		{name: "mux", handler: mux, ask: []string{
			get("/items/a%2Fb"), get("/items/7"), request("POST", "/items/7", "", "Content-Length: 0"), get("/tree/a/b/c"), get("/tree/../items/3"),
			get("/host"), get("/none"), get("//items/7"),
		}},
	}
}
