package accesslog

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// browser is an entry as a browser makes it.
func browser() *Entry {
	e := full()
	e.HostName, e.User = "", nil
	e.Client = netip.MustParseAddr("203.0.113.9")
	e.ID = NewIDs().Append(nil)
	e.Arrived = time.Now().UnixNano()
	e.Request = twoFields{[]byte("https://www.example.com/a/page.html?with=query"),
		[]byte("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36")}
	return e
}

// twoFields answers without the cost of a map.
type twoFields struct{ referer, agent []byte }

func (f twoFields) Peek(name string) []byte {
	if name == "Referer" {
		return f.referer
	}
	return f.agent
}

func BenchmarkLine(b *testing.B) {
	for _, format := range []string{"common", "combined", "json"} {
		b.Run(format, func(b *testing.B) {
			f, err := Parse(format)
			if err != nil {
				b.Fatal(err)
			}
			e := browser()
			var dst []byte
			b.ReportAllocs()
			for b.Loop() {
				dst = f.Append(dst[:0], e)
			}
			b.SetBytes(int64(len(dst)))
		})
	}
}

// BenchmarkWrite is the log alone, with a line of common size: its lock and its
// copying (the null device) or with a disk, which may be slower than the lines
// come. BenchmarkRequest is all that a request costs. As many goroutines write as
// -cpu says.
func BenchmarkWrite(b *testing.B) {
	b.Run("null", func(b *testing.B) { benchWrite(b, os.DevNull) })
	b.Run("file", func(b *testing.B) { benchWrite(b, filepath.Join(b.TempDir(), "log")) })
}

func benchWrite(b *testing.B, path string) {
	l := benchLog(b, path)
	f, err := Parse("combined")
	if err != nil {
		b.Fatal(err)
	}
	line := f.Append(nil, browser())
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			l.Write(line)
		}
	})
	b.ReportMetric(float64(l.Lost())/float64(b.N), "lost/op")
}

func BenchmarkRequest(b *testing.B) {
	l := benchLog(b, os.DevNull)
	f, err := Parse("combined")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		e := browser()
		var dst []byte
		for pb.Next() {
			dst = f.Append(dst[:0], e)
			l.Write(dst)
		}
	})
	b.ReportMetric(float64(l.Lost())/float64(b.N), "lost/op")
}

func benchLog(b *testing.B, path string) *File {
	l, err := Open(path, Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	return l
}

func BenchmarkID(b *testing.B) {
	ids := NewIDs()
	var dst []byte
	for b.Loop() {
		dst = ids.Append(dst[:0])
	}
}
