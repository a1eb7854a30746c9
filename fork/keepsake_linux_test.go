package fork

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestKeepsakes: what a child's runtime was told is not what a program sees that a
// handler starts; that is what the parent has, or was told to set.
func TestKeepsakes(t *testing.T) {
	for name, c := range map[string]struct {
		parent, env []string
		want        []string // of the variables in question, in the child
		threads     string
	}{
		"nothing set":   {nil, nil, nil, "3"},
		"set":           {[]string{"GOMAXPROCS=5", "GOTRACEBACK=single"}, nil, []string{"GOMAXPROCS=5", "GOTRACEBACK=single"}, "3"},
		"set for it":    {[]string{"GOMAXPROCS=5"}, []string{"GOMAXPROCS=7", "GOTRACEBACK="}, []string{"GOMAXPROCS=7", "GOTRACEBACK="}, "3"},
		"found by them": {[]string{keepsakePrefix + "GOMAXPROCS==9", keepsakePrefix + "GOTRACEBACK==x"}, nil, nil, "3"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, func(config *Config) {
				config.GOMAXPROCS, config.ClearEnv = 3, true
				config.Env = slices.Concat([]string{"PATH=/usr/bin:/bin"}, c.parent, c.env)
			})
			h.ready(0)
			if got := h.ask("gomaxprocs"); got != c.threads {
				t.Errorf("GOMAXPROCS is %s here", got)
			}
			for _, ask := range []string{"environ", "env of a program"} {
				got := h.ask(ask)
				for _, name := range append([]string{markVariable}, runtimeVariables...) {
					at := strings.Index(got, name+"=")
					i := slices.IndexFunc(c.want, func(v string) bool { return strings.HasPrefix(v, name+"=") })
					if (at >= 0) != (i >= 0) || i >= 0 && !strings.Contains(got, c.want[i]) {
						t.Errorf("%s: %s, want %s", ask, got, fmt.Sprint(c.want))
					}
				}
				if strings.Contains(got, keepsakePrefix) {
					t.Errorf("%s: %s", ask, got)
				}
			}
		})
	}
}
