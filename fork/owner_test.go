package fork

import (
	"testing"

	"github.com/bident/bident/internal/listen"
)

func TestFindOwner(t *testing.T) {
	for text, want := range map[string]listen.Owner{
		"0":      {UID: 0, GID: 0}, // root's own group
		"root":   {UID: 0, GID: 0},
		"0:7":    {UID: 0, GID: 7},
		":7":     {UID: -1, GID: 7},
		"123456": {UID: 123456, GID: -1}, // no entry says which group
		"7:7":    {UID: 7, GID: 7},
	} {
		if got, err := FindOwner(text); err != nil || got == nil || *got != want {
			t.Errorf("%q: %+v %v, want %+v", text, got, err, want)
		}
	}
	if got, err := FindOwner(""); got != nil || err != nil {
		t.Errorf("nobody: %+v %v", got, err)
	}
	for _, text := range []string{"no one", "0:", ":", "0:0:0", "0:no group", "-1", "4294967295"} {
		if got, err := FindOwner(text); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}
