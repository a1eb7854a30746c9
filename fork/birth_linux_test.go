package fork

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/bident/bident/pool"
)

// BenchmarkBirth measures how long it takes from Start to Ready, and from Retire
// to Exited, of a child that has nothing to initialise, and what idle children
// cost in memory: their proportional set size.
func BenchmarkBirth(b *testing.B) {
	for _, shape := range shapes {
		b.Run(shape.name, func(b *testing.B) {
			h := newHarness(b, shape.change)
			for b.Loop() {
				w := h.ready(0)
				w.Retire()
				w.left("", "")
			}
			b.StopTimer()
			const children = 8
			total := 0
			for i := range children {
				total += pss(b, h.ready(i).PID())
			}
			b.ReportMetric(float64(total)/children, "PSS-kB/child")
		})
	}
}

// BenchmarkReady is the way from Start to Ready alone.
func BenchmarkReady(b *testing.B) {
	for _, shape := range shapes {
		b.Run(shape.name, func(b *testing.B) {
			h := newHarness(b, shape.change)
			for b.Loop() {
				w := h.ready(0)
				b.StopTimer()
				w.Kill()
				w.expect(pool.Exited)
				b.StartTimer()
			}
		})
	}
}

func pss(b *testing.B, pid int) (kb int) {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if _, err := fmt.Sscanf(line, "Pss: %d kB", &kb); err == nil {
			return kb
		}
	}
	b.Fatal("no Pss")
	return 0
}
