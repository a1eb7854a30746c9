//go:build !race

package accesslog

import (
	"os"
	"runtime/debug"
	"testing"
)

// The race detector allocates on its own; hence the gate is not in race builds.

// TestAllocNothing is the gate for the hot path: an id, an entry on the stack, its
// line in the usual formats and in one with every kind of text, and the log.
func TestAllocNothing(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	ids := NewIDs()
	l, err := Open(os.DevNull, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	template := full()
	// A map lookup that converts would count as ours.
	template.Request, template.Answer = anyField("Mozilla/5.0 \"x\" é\xff"), anyField("y")
	id, dst := make([]byte, 0, IDLength), make([]byte, 0, 8192)
	for _, format := range []string{"common", "combined", "vhost_combined", "json",
		`%{a}C %{HOME}e %{x}o %R %v %V %U%q %{%F %T}t %{end:usec}t %{shed}W %{queue_us}W %L`} {
		f, err := Parse(format)
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(5000, func() {
			e := *template
			id = ids.Append(id[:0])
			e.ID = id
			e.Server, e.Shed = "a-long-server-name.subdomain.example.com", "a long reason for which there was no worker, é"
			dst = f.Append(dst[:0], &e)
			l.Write(dst)
		}); n != 0 {
			t.Errorf("%s: %v allocations", format, n)
		}
	}
}
