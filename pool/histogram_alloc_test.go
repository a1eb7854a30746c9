//go:build !race

package pool

import (
	"testing"
	"time"
)

func TestTimingObserveAllocatesNothing(t *testing.T) {
	one := newBoard(t, 1, 1).Timings(0).Share()
	if n := testing.AllocsPerRun(1000, func() { one.Observe(time.Millisecond, time.Second) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
