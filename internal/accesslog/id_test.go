package accesslog

import (
	"strings"
	"sync"
	"testing"
)

func TestIDsAreDifferent(t *testing.T) {
	sources := []*IDs{NewIDs(), NewIDs()}
	seen := make([]map[string]bool, 8)
	var wg sync.WaitGroup
	for g := range seen {
		seen[g] = make(map[string]bool)
		wg.Go(func() {
			for range 5000 {
				id := sources[g%2].Append(nil)
				if len(id) != IDLength || !ValidID(id) {
					t.Errorf("%q", id)
				}
				seen[g][string(id)] = true
			}
		})
	}
	wg.Wait()
	all := make(map[string]bool)
	for _, s := range seen {
		for id := range s {
			all[id] = true
		}
	}
	if len(all) != 8*5000 {
		t.Errorf("%d different ids", len(all))
	}
}

func TestValidID(t *testing.T) {
	for _, id := range []string{"a", "0", "Root=1-67891233-abcdef012345678912345678", "f47ac10b-58cc-4372-a567-0e02b2c3d479",
		"a.b_c~d+e/f=g:h@i", strings.Repeat("x", 128)} {
		if !ValidID([]byte(id)) {
			t.Errorf("%q is refused", id)
		}
	}
	for _, id := range []string{"", strings.Repeat("x", 129), "a b", "a\n", "a\"", `a\`, "é", "a;b", "a,b", "<a>", "$a", "a\x00", "\x7f", "%41"} {
		if ValidID([]byte(id)) {
			t.Errorf("%q is accepted", id)
		}
	}
}
