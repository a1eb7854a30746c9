package options

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// IsPHP reports whether a program runs nothing but PHP: its name begins with php.
// Those alone take settings as arguments of -d.
func IsPHP(program string) bool { return strings.HasPrefix(path.Base(program), "php") }

// RunsPHP reports whether there is a program and it is PHP's.
func (s *Serve) RunsPHP() bool { return len(s.Program) > 0 && IsPHP(s.Program[0]) }

// php reports settings that make sense with a program of PHP's only, and
// variables by which that would do what the server does.
func (r *reading) php(program bool) {
	is := r.RunsPHP()
	if len(r.PHPValue) > 0 && !is {
		what := "makes no sense without a program that is PHP's"
		if program {
			what = fmt.Sprintf("makes no sense with the program %s", oneLine(r.Program[0]))
		}
		r.contradict("php_value", what, "php-cgi takes it, or another program whose name begins with php", "program")
	}
	if len(r.LimitExtensions) > 0 {
		switch {
		case !is:
			r.contradict("limit_extensions", "makes no sense without a program that is PHP's", "php-cgi, or another program whose name begins with php", "program")
		case r.Root != "":
			r.contradict("limit_extensions", "makes no sense with root", "match says which of its files are scripts", "root")
		case r.Script != "":
			r.contradict("limit_extensions", "makes no sense with script", "that is what is run", "script")
		case len(r.LimitExtensions) > 1 && slices.Contains(r.LimitExtensions, "*"):
			r.contradict("limit_extensions", "has * beside others", "* permits every name, and stands alone")
		}
	}
	if !is {
		return
	}
	for _, item := range r.Env {
		switch name, _, _ := strings.Cut(item, "="); name {
		case "PHP_FCGI_CHILDREN":
			r.contradict("env", name+" would make PHP start processes that nobody counts", "max_servers says how many there are", "program")
		case "PHP_FCGI_MAX_REQUESTS":
			r.contradict("env", name+" would make PHP end where nobody expects it", "max_requests says how many requests there are", "program")
		}
	}
}

// nameless reports a PHP that nobody tells which script to run, unless that may be the
// consequence of another problem.
func (r *reading) nameless() {
	if len(r.problems) > 0 || !r.RunsPHP() || r.Root != "" || r.Script != "" || slices.ContainsFunc(r.Param, namesScript) {
		return
	}
	const hint = "root DIR for a directory of scripts, script FILE for one, or nothing but addresses for FastCGI, where web servers name them"
	name := oneLine(r.Program[0])
	if r.CGI {
		r.contradict("program", name+" has no script to run", "root DIR for a directory of scripts, or script FILE for one", "root", "script", "cgi")
		return
	}
	for _, url := range r.Listen {
		if !strings.HasPrefix(url, "fcgi") {
			r.contradict("program", fmt.Sprintf("%s has no script to run for clients of %s", name, oneLine(url)), hint, "listen", "root", "script")
			return
		}
	}
}

// namesScript reports whether a parameter is the script's name.
func namesScript(item string) bool { return strings.HasPrefix(item, "SCRIPT_FILENAME=") }

// Command is the program and its arguments, with the settings of php_value in
// front of those that were given. It is nil if there is no program.
func (s *Serve) Command() []string {
	if len(s.Program) == 0 {
		return nil
	}
	command := s.Program[:1:1]
	for _, value := range s.PHPValue {
		command = append(command, "-d", value)
	}
	return append(command, s.Program[1:]...)
}
