package demo

import (
	"errors"
	"runtime"
	"testing"
	"time"
)

func TestSpinUsesTheCore(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, err := threadTime()
	if errors.Is(err, errors.ErrUnsupported) {
		return // spin goes by the clock here, which cannot be asserted
	} else if err != nil {
		t.Fatal(err)
	}
	spin(5*time.Millisecond, nil)
	after, err := threadTime()
	if err != nil || after-before < 5*time.Millisecond {
		t.Errorf("%v, %v", after-before, err)
	}
}

// TestSpinStops would take an hour if it did not.
func TestSpinStops(t *testing.T) {
	stop := make(chan struct{})
	close(stop)
	spin(time.Hour, stop)
}

func TestMemoryAddsUp(t *testing.T) {
	var m memory
	m.keep(3)
	if total := m.keep(4); total != 7 || len(m.blocks) != 2 || len(m.blocks[1]) != 4<<10 {
		t.Errorf("%d in %d blocks", total, len(m.blocks))
	}
}
