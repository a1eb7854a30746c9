package main

import (
	"reflect"
	"strings"
	"testing"
)

// TestApplicationVariable: a child serves what its parent was told to, whatever
// octets are in the names of the files.
func TestApplicationVariable(t *testing.T) {
	for _, a := range []application{
		{},
		{Faults: true},
		{Root: "/srv/a b&c=d;e", Index: []string{"index.html", "\xff\n,%00\""}},
	} {
		name, text, _ := strings.Cut(a.variable(), "=")
		if name != applicationVariable || strings.ContainsAny(text, "\x00\n") {
			t.Errorf("variable %q", a.variable())
		}
		got, err := readApplication(text)
		if err != nil || !reflect.DeepEqual(got, a) {
			t.Errorf("%#v becomes %#v, %v", a, got, err)
		}
	}
	for _, bad := range []string{"", "%zz", "root=x"} {
		if a, err := readApplication(bad); err == nil {
			t.Errorf("%q is %#v", bad, a)
		}
	}
}
