//go:build !race

package gate

import "testing"

func TestAllocParse(t *testing.T) {
	for name, s := range heads {
		head := []byte(s)
		var h Head
		if n := testing.AllocsPerRun(100, func() {
			h.Reset()
			if done, err := h.Parse(head, testMax); !done || err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestAllocRefusal(t *testing.T) {
	for _, s := range []string{
		"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "\x16", "GET / HTTP/2.0\r\n\r\n", "GET http://[::1/ HTTP/1.1\r\n\r\n", get("Transfer-Encoding: gzip, chunked\r\n"),
	} {
		head := []byte(s)
		var h Head
		if n := testing.AllocsPerRun(100, func() {
			h.Reset()
			if _, err := h.Parse(head, testMax); err == nil {
				t.Fatal("taken")
			}
		}); n != 0 {
			t.Errorf("%q: %v allocations", s, n)
		}
	}
}

// A body with trailers allocates a buffer for them once.
func TestAllocChunks(t *testing.T) {
	body := []byte("5;a=\"b\"\r\nhello\r\n400\r\n" + string(make([]byte, 1024)) + "\r\n0\r\nX-Sum: 1\r\n\r\n")
	var c Chunks
	if n := testing.AllocsPerRun(100, func() {
		c.Reset(testTrailer)
		for src, done := body, false; !done; {
			_, n, d, err := c.Next(src)
			if err != nil {
				t.Fatal(err)
			}
			src, done = src[n:], d
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestAllocAppendChunkSize(t *testing.T) {
	dst := make([]byte, 0, 100)
	if n := testing.AllocsPerRun(100, func() { AppendChunkSize(dst, 50) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
