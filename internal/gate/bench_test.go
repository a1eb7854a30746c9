package gate

import (
	"bytes"
	"strconv"
	"testing"
)

// heads are what benchmarks and allocation gates parse.
var heads = map[string]string{
	"40":      "GET /hello HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
	"120":     "GET /hello HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: load/1.0 (linux)\r\nAccept: */*\r\nConnection: keep-alive\r\n\r\n",
	"post":    "POST /echo?a=b HTTP/1.1\r\nHost: example.org\r\nContent-Type: text/plain\r\nContent-Length: 1234\r\nExpect: 100-continue\r\n\r\n",
	"browser": "GET /a/b/c.html?q=1&r=%20 HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0\r\nAccept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\nAccept-Language: en-GB,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nReferer: http://www.example.org/a/b/\r\nConnection: keep-alive\r\nCookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=1\r\nUpgrade-Insecure-Requests: 1\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: same-origin\r\nPriority: u=0, i\r\n\r\n",
}

func BenchmarkParse(b *testing.B) {
	for _, name := range []string{"40", "120", "post", "browser"} {
		b.Run(name, func(b *testing.B) {
			head := []byte(heads[name])
			b.SetBytes(int64(len(head)))
			b.ReportAllocs()
			var h Head
			for b.Loop() {
				h.Reset()
				if done, err := h.Parse(head, testMax); !done || err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkParseTrickle is a client that sends octet by octet: the cost per
// octet must not grow with the head.
func BenchmarkParseTrickle(b *testing.B) {
	for _, size := range []int{1 << 10, 8 << 10, 32 << 10} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			head := []byte("GET / HTTP/1.1\r\nHost: a\r\nA: " + string(bytes.Repeat([]byte{'a'}, size)) + "\r\n\r\n")
			b.SetBytes(int64(len(head)))
			var h Head
			for b.Loop() {
				h.Reset()
				for n := range head {
					if done, err := h.Parse(head[:n+1], testMax); done != (n+1 == len(head)) || err != nil {
						b.Fatal(done, err)
					}
				}
			}
		})
	}
}

func BenchmarkChunks(b *testing.B) {
	for _, size := range []int{16, 1 << 10, 16 << 10} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			var body []byte
			for range 16 {
				body = appendChunk(body, bytes.Repeat([]byte{'x'}, size))
			}
			body = append(body, "0\r\n\r\n"...)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			var c Chunks
			for b.Loop() {
				c.Reset(0)
				for src, done := body, false; !done; {
					_, n, d, err := c.Next(src)
					if err != nil {
						b.Fatal(err)
					}
					src, done = src[n:], d
				}
			}
		})
	}
}
