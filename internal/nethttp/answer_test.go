package nethttp

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func itoa(n int) string { return strconv.Itoa(n) }

// do makes a case of a function.
func do(name string, f http.HandlerFunc, ask ...string) same {
	if len(ask) == 0 {
		ask = []string{get("/"), request("HEAD", "/", "")}
	}
	return same{name: name, handler: f, ask: ask}
}

// answerCases are about what handlers do with their ResponseWriter.
func answerCases(t *testing.T) []same {
	cases := []same{
		do("nothing", func(http.ResponseWriter, *http.Request) {}, get("/"), request("POST", "/", "", "Content-Length: 0")),
		do("hello", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello\n") },
			get("/"), request("HEAD", "/", ""), get("/", "Connection: close"),
			get("/", "Connection: keep-alive, Close")),
		do("empty write", func(w http.ResponseWriter, r *http.Request) { w.Write(nil) }, get("/")),
		do("html sniffed over writes", func(w http.ResponseWriter, r *http.Request) {
			for range 3 {
				io.WriteString(w, "<html><body>")
			}
		}),
		do("type suppressed", func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Content-Type"] = nil
			io.WriteString(w, "<html>")
		}),
		do("encoding not sniffed", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			io.WriteString(w, "<html>")
		}),
		do("fields", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-B", " padded ")
			w.Header().Add("X-A", "1")
			w.Header().Add("X-A", "2")
			w.Header()["x-lower"] = []string{"v"}
			w.Header().Set("Server", "mine")
			w.Header().Set("Empty", "")
			w.Header().Set("Content-Type", "text/x")
			http.SetCookie(w, &http.Cookie{Name: "a", Value: "1"})
			http.SetCookie(w, &http.Cookie{Name: "b", Value: "2", HttpOnly: true})
			w.WriteHeader(http.StatusTeapot)
			w.Header().Set("X-Late", "no")
			io.WriteString(w, "x")
		}),
		do("injection", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-A", "a\r\nX-Evil: 1\r\n\r\nbody")
			w.Header()["X-Bad\r\nX-Evil"] = []string{"1"}
			w.Header()["X Space"] = []string{"1"}
			w.Header()[""] = []string{"1"}
			w.Header().Set("Content-Type", "text/plain\r\nX-Evil: 2")
			w.Header().Set("Location", "/\nX-Evil: 3")
		}, get("/")),
		do("connection close", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Connection", "close")
			io.WriteString(w, "bye")
		}),
		do("statuses", func(w http.ResponseWriter, r *http.Request) {
			n, _ := strconv.Atoi(r.URL.Path[1:])
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(n)
			_, err := w.Write([]byte("body"))
			if (err == http.ErrBodyNotAllowed) != (n == 204 || n == 304) {
				panic(fmt.Sprint(n, err))
			}
		}, get("/200"), get("/204"), get("/206"), get("/304"), get("/404"), get("/451"), get("/500"), get("/599"),
			request("HEAD", "/204", ""), request("HEAD", "/404", ""), get("/20"), get("/1000")),
		do("304 with length", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "5")
			w.Header().Set("ETag", `"x"`)
			w.WriteHeader(304)
		}),
		do("204 flushed", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(204)
			w.(http.Flusher).Flush()
		}),
		do("head with length", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "123456")
			w.Header().Set("Content-Type", "text/plain")
		}, request("HEAD", "/", "")),
		do("head flushed", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "one")
			w.(http.Flusher).Flush()
			io.WriteString(w, "two")
		}),
		do("flushes", func(w http.ResponseWriter, r *http.Request) {
			for i := range 5 {
				fmt.Fprintf(w, "chunk %d\n", i)
				if err := http.NewResponseController(w).Flush(); err != nil {
					panic(err)
				}
			}
		}),
		do("flush alone", func(w http.ResponseWriter, r *http.Request) { w.(http.Flusher).Flush() }),
		do("length declared", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "10")
			io.WriteString(w, "0123456789")
		}),
		do("length declared and flushed", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "10")
			io.WriteString(w, "01234")
			w.(http.Flusher).Flush()
			io.WriteString(w, "56789")
		}),
		do("too much", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "3")
			io.WriteString(w, "abc")
			if _, err := io.WriteString(w, "d"); err != http.ErrContentLength {
				panic(err)
			}
		}),
		do("too little", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "5")
			io.WriteString(w, "abc")
		}, get("/")),
		do("nothing of something", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "5")
		}, get("/")),
		do("superfluous WriteHeader", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(201)
			w.WriteHeader(500)
			io.WriteString(w, "x")
			w.WriteHeader(500)
		}),
		do("early hints", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", "</a.css>; rel=preload")
			w.WriteHeader(103)
			w.Header().Add("Link", "</b.css>; rel=preload")
			w.WriteHeader(103)
			w.WriteHeader(102)
			w.WriteHeader(200)
			io.WriteString(w, "x")
		}),
		do("trailers declared", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Trailer", "X-A, X-B, X-C")
			io.WriteString(w, "x")
			w.Header().Set("X-A", "1\r\nX-Evil: 1")
			w.Header().Set("X-C", "3")
		}),
		do("trailers by prefix", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "x")
			w.(http.Flusher).Flush()
			w.Header().Set(http.TrailerPrefix+"X-A", "1")
		}, get("/")),
		do("panic at once", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "x")
			panic(http.ErrAbortHandler)
		}),
		do("panic after flush", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "x")
			w.(http.Flusher).Flush()
			panic("now")
		}, get("/")),
		do("identity ignored", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("Transfer-Encoding", "chunked")
			io.WriteString(w, "x")
			w.(http.Flusher).Flush()
		}),
		do("HTTP/1.0", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, r.Proto)
			if r.URL.Path == "/flush" {
				w.(http.Flusher).Flush()
			}
		}, "GET / HTTP/1.0\r\n\r\n", "GET /flush HTTP/1.0\r\n\r\n"),
	}
	for _, n := range []int{511, 512, 513, 2047, 2048, 2049, bufferSize - 1, bufferSize, bufferSize + 1,
		wholeSize, wholeSize + 1, 300000} {
		for _, piece := range []int{1 << 20, 700, 5000} {
			if piece < n || piece == 1<<20 {
				cases = append(cases, do(fmt.Sprintf("%d octets by %d", n, piece), func(w http.ResponseWriter, r *http.Request) {
					b := strings.Repeat("x", n)
					if r.URL.Path == "/declared" {
						w.Header().Set("Content-Length", itoa(n))
					}
					for b != "" {
						k := min(piece, len(b))
						if m, err := w.Write([]byte(b[:k])); m != k || err != nil {
							panic(err)
						}
						b = b[k:]
					}
				}, get("/"), get("/declared")))
			}
		}
	}
	dir := t.TempDir()
	for _, n := range []int{0, 10, 5000, 100000, 1000000} {
		if err := os.WriteFile(filepath.Join(dir, itoa(n)+".txt"), []byte(strings.Repeat("0123456789", n/10)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files := http.StripPrefix("/f", http.FileServer(http.Dir(dir)))
	return append(cases,
		same{name: "files", handler: files, ask: []string{
			get("/f/0.txt"), get("/f/10.txt"), get("/f/5000.txt"), get("/f/100000.txt"), get("/f/1000000.txt"),
			request("HEAD", "/f/1000000.txt", ""), get("/f/none"), get("/f/"), get("/f"), get("/g"),
			get("/f/1000000.txt", "Range: bytes=0-9"), get("/f/1000000.txt", "Range: bytes=-100000"),
			get("/f/100000.txt", "Range: bytes=200000-"), get("/f/10.txt", "If-Modified-Since: Mon, 02 Jan 2125 15:04:05 GMT"),
			get("/f/../f/%31%30.txt"),
		}},
		do("a file without a length", func(w http.ResponseWriter, r *http.Request) {
			f, err := os.Open(filepath.Join(dir, "100000.txt"))
			if err != nil {
				panic(err)
			}
			defer f.Close()
			io.Copy(w, f)
		}),
		do("a file longer than declared", func(w http.ResponseWriter, r *http.Request) {
			f, err := os.Open(filepath.Join(dir, "1000000.txt"))
			if err != nil {
				panic(err)
			}
			defer f.Close()
			w.Header().Set("Content-Length", "100000")
			io.Copy(w, io.LimitReader(f, 100000))
			w.(http.Flusher).Flush()
		}),
	)
}
