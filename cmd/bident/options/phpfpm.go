package options

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// fpmFile is a php-fpm file with what it includes.
type fpmFile struct {
	readFile func(string) ([]byte, error)
	glob     func(string) ([]string, error)
	variable func(string) string
	problems Problems
	ignored  []fpmIgnored

	current *[]fpmDirective // of the section under way
	global  []fpmDirective
	pools   []*fpmPool
}

// fpmPool is what the sections of one name say.
type fpmPool struct {
	name       string
	at         origin
	directives []fpmDirective
}

// fpmIgnored is what a directive says that has no effect here, and why.
type fpmIgnored struct {
	at   origin
	what string
	why  string
}

// fpmDepth is how deep files may include others, as in php-fpm.
const fpmDepth = 4

// phpFPM turns the php-fpm file that the strongest of the sources names, if any
// does, into given values. The sources are given weakest first.
func (r *reading) phpFPM(environ []string, readFile func(string) ([]byte, error), sources ...[]given) []given {
	strongest := map[string]given{}
	for _, source := range sources {
		for _, g := range source {
			strongest[r.keys[g.name].Name] = g
		}
	}
	named := strongest["php_fpm_conf"]
	if named.value.text == "" {
		if pool := strongest["php_fpm_pool"]; pool.value.text != "" {
			r.problems = append(r.problems, Problem{Where: pool.at.where(),
				What: pool.at.label(pool.name) + "makes no sense without php_fpm_conf", Hint: "it names a pool of that file"})
		}
		return nil
	}
	f := &fpmFile{readFile: readFile, glob: filepath.Glob, variable: func(name string) string { return lookUp(environ, name) }}
	f.current = &f.global
	f.read(named.value.text, named.at, 0)
	r.problems = append(r.problems, f.problems...)
	pool := f.pick(r, named, strongest["php_fpm_pool"])
	if pool == nil {
		r.refused["program"] = true // there would have been one
		return nil
	}
	m := &fpmMapping{fpmFile: f, pool: pool, strongest: strongest, elsewhere: r.addresses(sources)}
	m.problems = nil
	m.translate()
	r.problems = append(r.problems, m.problems...)
	slices.SortStableFunc(m.ignored, func(a, b fpmIgnored) int {
		return cmp.Or(cmp.Compare(a.at.name, b.at.name), cmp.Compare(a.at.line, b.at.line))
	})
	for _, i := range m.ignored {
		r.Settings.ignored = append(r.Settings.ignored, Problem{Where: i.at.where(), What: i.at.key + ": " + i.what, Hint: i.why})
	}
	return m.given
}

// addresses are those of the strongest source that names any. The sources are given
// weakest first.
func (r *reading) addresses(sources [][]given) (urls []string) {
	for _, source := range slices.Backward(sources) {
		for _, g := range source {
			var list []string
			if r.keys[g.name].Name == "listen" && parseList(&list, g.value).what == "" {
				urls = append(urls, list...)
			}
		}
		if len(urls) > 0 {
			break
		}
	}
	return urls
}

// lookUp is the value of a variable, "" if there is none. The last one counts.
func lookUp(environ []string, name string) string {
	for _, entry := range slices.Backward(environ) {
		if key, text, _ := strings.Cut(entry, "="); key == name {
			return text
		}
	}
	return ""
}

// read reads a file that is named at a place. What stands in front of its first
// section belongs to the section in which it is included.
func (f *fpmFile) read(path string, at origin, depth int) {
	data, err := f.readFile(path)
	if err != nil {
		f.problems = append(f.problems, Problem{Where: at.where(), What: at.label("php_fpm_conf") + fmt.Sprintf("cannot read %q: %v", path, bareReason(err))})
		return
	}
	s := fpmScanner{path: path, data: data, variable: f.variable}
	sections := s.scan()
	f.problems = append(f.problems, s.problems...)
	for _, section := range sections {
		f.enter(section)
		for _, d := range section.directives {
			if d.name == "include" && !d.indexed {
				f.include(path, d, depth)
				continue
			}
			*f.current = append(*f.current, d)
		}
	}
}

// enter makes a section the current one.
func (f *fpmFile) enter(s fpmSection) {
	switch s.name {
	case "":
	case "global":
		f.current = &f.global
	default:
		for _, p := range f.pools {
			if p.name == s.name {
				f.current = &p.directives
				return
			}
		}
		s.at.key = "[" + s.name + "]"
		p := &fpmPool{name: s.name, at: s.at}
		f.pools = append(f.pools, p)
		f.current = &p.directives
	}
}

// include reads the files that match a pattern, in the order of their names. A
// relative one is looked for beside the file that includes it.
func (f *fpmFile) include(from string, d fpmDirective, depth int) {
	fail := func(what, hint string) {
		f.problems = append(f.problems, Problem{Where: d.at.where(), What: "include: " + what, Hint: hint})
	}
	pattern := d.text
	if pattern == "" {
		fail("the name of the file is empty", "such as pool.d/*.conf")
		return
	}
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join(filepath.Dir(from), pattern)
	}
	if depth+1 >= fpmDepth {
		fail("files include each other too deep", fmt.Sprintf("at most %d, one within the other", fpmDepth))
		return
	}
	paths := []string{pattern}
	if strings.ContainsAny(pattern, "*?[") {
		var err error
		if paths, err = f.glob(pattern); err != nil {
			fail(clipped(pattern)+" is not a pattern of names", "such as pool.d/*.conf")
			return
		}
		if len(paths) == 0 {
			f.ignore(d, "no file has such a name")
		}
	}
	for _, path := range paths {
		f.read(path, d.at, depth+1)
	}
}

// pick finds the pool to serve.
func (f *fpmFile) pick(r *reading, named, chosen given) *fpmPool {
	var names []string
	for _, p := range f.pools {
		if p.name == chosen.value.text {
			return p
		}
		names = append(names, oneLine(p.name))
	}
	switch all := strings.Join(names, ", "); {
	case len(names) == 0 && len(f.problems) > 0:
	case len(names) == 0:
		r.problems = append(r.problems, Problem{Where: oneLine(named.value.text), What: "there is no pool", Hint: "a section such as [www], with listen, pm and pm.max_children"})
	case chosen.value.text != "":
		r.problems = append(r.problems, Problem{Where: chosen.at.where(),
			What: chosen.at.label(chosen.name) + "there is no pool " + clipped(chosen.value.text), Hint: "there are " + all})
	case len(names) > 1:
		r.problems = append(r.problems, Problem{Where: oneLine(named.value.text),
			What: "there are several pools: " + all, Hint: "a server runs one: --php-fpm-pool NAME"})
	default:
		return f.pools[0]
	}
	return nil
}

// ignore notes that a directive has no effect.
func (f *fpmFile) ignore(d fpmDirective, why string) {
	f.note(d, "ignored", why)
}

// note notes what of a directive has no effect.
func (f *fpmFile) note(d fpmDirective, what, why string) {
	d.at.key = d.label()
	f.ignored = append(f.ignored, fpmIgnored{d.at, what, why})
}
