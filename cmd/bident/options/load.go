package options

import (
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"strings"
)

// Load reads the settings from the arguments after "serve", the environment (as
// os.Environ gives it), the configuration file these name and the php-fpm file that
// any of them names, which are read with readFile. The files that a php-fpm file
// includes by a pattern are looked for in the file system. Names of environment variables in own are left alone though they
// begin with BIDENT_; a name that ends in "_" stands for all that begin with it.
//
// The error is ErrHelp if help was asked for, else Problems with everything that
// is wrong; there are no settings then.
func Load(args, environ []string, readFile func(string) ([]byte, error), own ...string) (*Settings, error) {
	r := &reading{Settings: &Settings{origins: map[string]origin{}}, refused: map[string]bool{}, keys: map[string]*Key{}}
	r.rows = table(&r.Serve)
	for i := range r.rows {
		for _, name := range r.rows[i].names() {
			r.keys[name] = &r.rows[i]
		}
	}
	r.defaults()

	flags, help := r.arguments(args)
	if help {
		return nil, ErrHelp
	}
	variables := r.environment(environ, own)
	r.apply(r.lineage(environ))
	file := r.file(variables, flags, readFile)
	r.apply(r.phpFPM(environ, readFile, file, variables, flags))
	r.apply(file)
	r.apply(variables)
	r.apply(flags)
	r.derive()
	r.contradictions()
	if len(r.problems) > 0 {
		return nil, r.problems
	}
	return r.Settings, nil
}

// reading is one Load under way.
type reading struct {
	*Settings
	rows     []Key
	keys     map[string]*Key // the rows by every name they have
	problems Problems
	refused  map[string]bool // keys with a malformed value somewhere
}

// defaults sets the defaults that depend on nothing.
func (r *reading) defaults() {
	for _, k := range r.rows {
		if k.derived || k.Default == "" {
			continue
		}
		if f := parse(k.into, value{kind: word, text: k.Default}); f.what != "" {
			panic("options: default of " + k.Name + ": " + f.what)
		}
	}
}

// apply sets what one source gives; call it for the weakest source first.
func (r *reading) apply(source []given) {
	before := map[string]given{} // by key: what this source said already
	for _, g := range source {
		k := r.keys[g.name]
		said, again := before[k.Name]
		before[k.Name] = g
		if again && g.at.from == fromFile && said.name == g.name && (!k.isList() || g.value.kind != word) {
			r.report(g, fault{"is set twice", fmt.Sprintf("first in line %d", said.at.line)})
			continue
		}
		old := format(k.into)
		var list []string
		if again && k.isList() {
			list = *k.into.(*[]string)
		}
		if f := k.set(g.value); f.what != "" {
			r.report(g, f)
			r.refused[k.Name] = true
			continue
		}
		if again && said.name != g.name && format(k.into) != old && !r.refused[k.Name] {
			r.problems = append(r.problems, Problem{
				Where: g.at.where(),
				What:  fmt.Sprintf("%s %s contradicts %s %s", g.name, format(k.into), said.name, old),
				Hint:  "they are two names of one setting",
			})
		}
		if k.isList() {
			p := k.into.(*[]string)
			*p = append(list, *p...)
		}
		if !again || !k.isList() {
			r.origins[k.Name] = g.at
		}
	}
}

// set parses v into the field and checks it; the field is left alone if v is
// malformed or refused.
func (k Key) set(v value) fault {
	fresh := reflect.New(reflect.TypeOf(k.into).Elem())
	if f := parse(fresh.Interface(), v); f.what != "" {
		return f
	}
	if k.check != nil {
		checked := []any{fresh.Elem().Interface()}
		if list, ok := checked[0].([]string); ok {
			checked = checked[:0]
			for _, item := range list {
				checked = append(checked, item)
			}
		}
		for _, c := range checked {
			if f := k.check(c); f.what != "" {
				return f
			}
		}
	}
	reflect.ValueOf(k.into).Elem().Set(fresh.Elem())
	return fault{}
}

// report adds a problem with a value.
func (r *reading) report(g given, f fault) {
	r.problems = append(r.problems, Problem{g.at.where(), g.at.label(g.name) + f.what, f.hint, g.at.from == fromFlag})
}

// known reports whether a name is that of a setting which can be given at the
// place named, and adds a problem if it is not.
func (r *reading) known(name string, at origin) bool {
	if k := r.keys[name]; k != nil && !(at.from == fromFlag && k.noFlag) {
		return true
	}
	p := Problem{Where: at.where(), Usage: at.from == fromFlag}
	if _, ok := notBuilt[name]; ok {
		p.What = notAvailable
		if at.from == fromFile {
			p.What = name + ": " + notAvailable
		}
		r.problems = append(r.problems, p)
		return false
	}
	spell := func(key string) string { return `"` + key + `"` }
	switch at.from {
	case fromFlag:
		p.What, spell = "unknown flag", flagName
	case fromEnvironment:
		p.What, spell = "unknown setting", envName
	default:
		p.What = fmt.Sprintf("unknown key %q", name)
	}
	if guess := nearest(name, r.names(at.from == fromFlag)); guess != "" {
		p.Hint = "did you mean " + spell(guess) + "?"
	}
	switch bare, negated := strings.CutPrefix(name, "no_"); {
	case name == "program" && at.from == fromFlag:
		p.Hint = "a program and its arguments stand after --"
	case negated && r.keys[bare] != nil && r.keys[bare].isBool() && at.from == fromFlag:
		p.Hint = "write " + flagName(bare) + "=false"
	}
	r.problems = append(r.problems, p)
	return false
}

// names returns every known name, for suggestions.
func (r *reading) names(flags bool) []string {
	var names []string
	for _, k := range r.rows {
		if !flags || !k.noFlag {
			names = append(names, k.names()...)
		}
	}
	for name := range notBuilt {
		names = append(names, name)
	}
	return names
}

// bareReason is why a file cannot be read, without its path, which the message has
// anyway.
func bareReason(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}

// file reads the file that the strongest of the sources names, if any does.
func (r *reading) file(variables, flags []given, readFile func(string) ([]byte, error)) []given {
	var named *given
	for _, source := range [][]given{variables, flags} {
		for i, g := range source {
			if r.keys[g.name].Name == "config" {
				named = &source[i]
			}
		}
	}
	if named == nil || named.value.text == "" {
		return nil
	}
	path := named.value.text
	data, err := readFile(path)
	if err != nil {
		r.problems = append(r.problems, Problem{
			Where: named.at.where(), What: fmt.Sprintf("cannot read %q: %v", path, bareReason(err)),
		})
		return nil
	}
	if strings.HasSuffix(path, ".toml") {
		return r.toml(path, data)
	}
	return r.keyValues(path, data)
}
