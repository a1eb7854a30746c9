package options

import (
	"fmt"
	"path"
	"strings"
)

// IsPHP reports whether a program runs nothing but PHP: its name begins with php.
// Those alone take settings as arguments of -d.
func IsPHP(program string) bool { return strings.HasPrefix(path.Base(program), "php") }

// php reports settings that make sense with a program of PHP's only, and
// variables by which that would do what the server does.
func (r *reading) php(program bool) {
	is := program && IsPHP(r.Program[0])
	if len(r.PHPValue) > 0 && !is {
		what := "makes no sense without a program that is PHP's"
		if program {
			what = fmt.Sprintf("makes no sense with the program %s", oneLine(r.Program[0]))
		}
		r.contradict("php_value", what, "php-cgi takes it, or another program whose name begins with php", "program")
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
