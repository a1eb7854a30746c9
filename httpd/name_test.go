package httpd

import "testing"

// TestNames: a child finds its server by name, so a forking server shares its
// name with nobody.
func TestNames(t *testing.T) {
	table := nameTable{forks: make(map[string]int), all: make(map[string]int)}
	for _, step := range []struct {
		claim bool // or release
		name  string
		forks bool
		want  bool
	}{
		{true, "", false, true},
		{true, "", false, true}, // goroutines of two servers know whose they are
		{true, "", true, false},
		{false, "", false, true},
		{false, "", false, true},
		{true, "", true, true},
		{true, "", false, false},
		{true, "", true, false},
		{true, "other", true, true},
		{false, "", true, true},
		{true, "", true, true},
	} {
		if !step.claim {
			table.release(step.name, step.forks)
			continue
		}
		if got := table.claim(step.name, step.forks); got != step.want {
			t.Errorf("claim(%q, %v) = %v", step.name, step.forks, got)
		}
	}
}
