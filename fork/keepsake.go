package fork

import (
	"os"
	"strings"
)

// What the runtime of a child is told in its environment is nothing for the programs
// that a handler starts. A keepsake says how it was before, and the child puts it back
// as soon as the runtime has read it.

// runtimeVariables are what the runtime may be told.
var runtimeVariables = []string{"GOMAXPROCS", "GOTRACEBACK"}

// keepsakePrefix and the name of a variable are the name of its keepsake, which is "="
// and the value, or empty if there was none.
const keepsakePrefix = markVariable + "_"

// keepsakes are those of env, to which nothing of ours was added yet.
func keepsakes(env []string) (list []string) {
	for _, name := range runtimeVariables {
		keepsake := keepsakePrefix + name + "="
		if value, was := lookup(env, name); was {
			keepsake += "=" + value
		}
		list = append(list, keepsake)
	}
	return list
}

// restore puts back what the keepsakes of this process say, and removes them.
func restore() {
	for _, name := range runtimeVariables {
		keepsake, kept := os.LookupEnv(keepsakePrefix + name)
		if !kept {
			continue
		}
		os.Unsetenv(keepsakePrefix + name)
		if value, was := strings.CutPrefix(keepsake, "="); was {
			os.Setenv(name, value)
		} else {
			os.Unsetenv(name)
		}
	}
}

// lookup finds the last variable of that name.
func lookup(env []string, name string) (value string, set bool) {
	for _, v := range env {
		if v, is := strings.CutPrefix(v, name+"="); is {
			value, set = v, true
		}
	}
	return value, set
}
