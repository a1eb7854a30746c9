package options

import (
	"slices"
	"strings"
)

// childVariables are the names by which a server marks its own children, which
// read the same settings, and may start servers themselves.
var childVariables = []string{"BIDENT_CHILD", "BIDENT_CHILD_"}

// environment turns the variables that begin with BIDENT_ into given values.
func (r *reading) environment(environ, own []string) (variables []given) {
	texts := map[string]string{} // a name may occur twice; the last one counts
	var names []string
	for _, entry := range environ {
		name, text, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, envPrefix) || isOwn(name, childVariables) || isOwn(name, own) {
			continue
		}
		if _, again := texts[name]; !again {
			names = append(names, name)
		}
		texts[name] = text
	}
	for _, name := range names {
		key, text, at := strings.ToLower(name[len(envPrefix):]), texts[name], origin{from: fromEnvironment, name: name}
		if name != strings.ToUpper(name) {
			r.problems = append(r.problems, Problem{Where: at.where(), What: "unknown setting", Hint: "names are in capitals"})
			continue
		}
		// A misspelt name is reported even if it is set to nothing.
		if !r.known(key, at) || text == "" {
			continue
		}
		v := value{kind: word, text: text}
		if r.keys[key].isList() {
			v = value{kind: array}
			for item := range slices.Values(splitList(text, r.keys[key].expr)) {
				v.items = append(v.items, value{kind: word, text: item})
			}
		}
		variables = append(variables, given{key, v, at})
	}
	return variables
}

// isOwn reports whether a list has the name, or its beginning ending in "_".
func isOwn(name string, list []string) bool {
	return slices.ContainsFunc(list, func(own string) bool {
		return name == own || strings.HasSuffix(own, "_") && strings.HasPrefix(name, own)
	})
}
