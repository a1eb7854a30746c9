package options

import "strings"

// params reports parameters that nobody gets, or that cannot be.
func (r *reading) params(external bool) {
	if len(r.Param) > 0 && !external {
		r.contradict("param", "makes no sense without a program", "it is for a program after --, cgi_bin or upstream", "program", "cgi_bin", "upstream")
		return
	}
	for _, item := range r.Param {
		switch name, _, ok := strings.Cut(item, "="); {
		case !ok:
			r.contradict("param", clipped(item)+" is not a parameter with its value", "such as GITWEB_CONFIG=/etc/gitweb.conf")
		case !isParamName(name):
			r.contradict("param", clipped(name)+" is not the name of a parameter", "letters, digits and _, not beginning with a digit, such as GITWEB_CONFIG")
		case name == "CONTENT_LENGTH":
			r.contradict("param", name+" belongs to the body of each request", "leave it out: a program would wait for what never comes")
		}
	}
}

// isParamName reports whether a parameter can be called so: a variable of programs in
// all languages can.
func isParamName(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(c rune) bool { return !isWord(c) }) && (name[0] < '0' || '9' < name[0])
}
