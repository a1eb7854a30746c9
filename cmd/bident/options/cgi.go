package options

import (
	"fmt"
	"path/filepath"
	"strings"
)

// cgi reports what contradicts programs that are started for each request.
func (r *reading) cgi(program bool) {
	bin := r.CGIBin != ""
	if r.CGI && !program && !bin {
		r.contradict("cgi", "there is no program", "bident serve --cgi -- program args..., or --cgi-bin DIR for a directory of scripts", "program")
	}
	if bin && program {
		r.contradict("cgi_bin", "a directory of scripts and a program are given, but only one can be served", "leave out one of them", "program")
	}
	if bin && len(r.Upstream) > 0 {
		r.contradict("cgi_bin", "a directory of scripts and an upstream are given, but only one can be served", "leave out one of them", "upstream")
	}
	if bin && r.App != "" {
		r.contradict("app", "an application and a directory of scripts are given, but only one can be served", "leave out one of them", "cgi_bin")
	}
	if bin && r.DemoFaults {
		r.contradict("demo_faults", "makes no sense with a directory of scripts", "it is a setting of the demo", "cgi_bin")
	}
	if !bin && r.CGIPrefix != defaultCGIPrefix {
		r.contradict("cgi_prefix", "makes no sense without cgi_bin", "it is what that directory stands for", "cgi_bin")
	}
	if bin && r.Root != "" && r.CGIPrefix == "/" {
		r.contradict("cgi_prefix", "/ makes no sense with root", "the files would never be served: leave out one of them", "root")
	}
	if at, shown := below(r.Root, r.CGIBin); bin && r.Root != "" && shown && at != r.CGIPrefix && r.CGIPrefix != "/" {
		r.contradict("cgi_bin", fmt.Sprintf("the directory is in root, whose files anybody may read: so would its scripts be, at %s", at),
			"put it elsewhere, or let cgi_prefix be that path", "root")
	}
	if !r.CGI && !bin {
		return
	}
	const why = "a process of its own does each request: rlimit_as limits its memory"
	if r.MaxMemory != 0 {
		r.contradict("max_memory", "makes no sense with CGI", why, "cgi", "cgi_bin")
	}
	if r.KillMemory != 0 {
		r.contradict("kill_memory", "makes no sense with CGI", why, "cgi", "cgi_bin")
	}
}

// below reports whether a directory is root or in it, by its name, and at which path of
// URLs its files are then.
func below(root, dir string) (at string, is bool) {
	root, a := filepath.Abs(root)
	dir, b := filepath.Abs(dir)
	name, err := filepath.Rel(root, dir)
	if a != nil || b != nil || err != nil || name == ".." || strings.HasPrefix(name, ".."+string(filepath.Separator)) {
		return "", false
	}
	if name == "." {
		return "/", true
	}
	return "/" + filepath.ToSlash(name) + "/", true
}
