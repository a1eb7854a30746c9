package options

import (
	"bytes"
	"strconv"
	"strings"
)

// fpmDirective is a line of a php-fpm file: name = text, or name[index] = text.
type fpmDirective struct {
	name    string
	index   string // of env[index]
	indexed bool
	text    string // without quotes and comment
	quoted  bool   // some of it stood in quotes, or is a variable's
	at      origin
}

// label is what messages call the directive.
func (d fpmDirective) label() string {
	if d.indexed {
		return d.name + "[" + d.index + "]"
	}
	return d.name
}

// fpmSection is what stands below [name]; a name may occur several times.
type fpmSection struct {
	name       string
	at         origin
	directives []fpmDirective
}

// fpmScanner reads the syntax of php-fpm's files, which is that of php.ini:
// sections, "name = value", comments from ";" to the end of the line. In double
// quotes \" and \\ stand for themselves; there, and outside of quotes, ${NAME} is
// a variable of the environment; in single quotes everything is as it is. Quotes
// may hold several lines.
type fpmScanner struct {
	path     string
	data     []byte
	at, line int
	variable func(string) string
	problems Problems
}

// scan returns the sections; the first one has no name and holds what stands
// before any.
func (s *fpmScanner) scan() []fpmSection {
	s.data = bytes.TrimPrefix(s.data, []byte("\ufeff"))
	s.line = 1
	sections := []fpmSection{{at: s.here("")}}
	for s.at < len(s.data) {
		s.blanks()
		switch c := s.peek(); {
		case s.at >= len(s.data) || c == '\n' || c == ';':
		case c == '[':
			name, ok := s.head()
			if !ok {
				s.problem(s.here(""), "a section is a name in brackets on a line of its own", "such as [www]")
				break
			}
			sections = append(sections, fpmSection{name: name, at: s.here("")})
		default:
			if d, ok := s.directive(); ok {
				last := &sections[len(sections)-1]
				last.directives = append(last.directives, d)
			}
		}
		s.skipLine()
	}
	return sections
}

// here is the place of the line under way.
func (s *fpmScanner) here(key string) origin {
	return origin{from: fromFPM, name: s.path, line: s.line, key: key}
}

func (s *fpmScanner) problem(at origin, what, hint string) {
	if at.key != "" {
		what = at.key + ": " + what
	}
	s.problems = append(s.problems, Problem{Where: at.where(), What: what, Hint: hint})
}

// peek is the next octet, 0 at the end.
func (s *fpmScanner) peek() byte {
	if s.at < len(s.data) {
		return s.data[s.at]
	}
	return 0
}

func (s *fpmScanner) blanks() {
	for c := s.peek(); c == ' ' || c == '\t' || c == '\r'; c = s.peek() {
		s.at++
	}
}

// skipLine goes behind the end of the line.
func (s *fpmScanner) skipLine() {
	if i := bytes.IndexByte(s.data[s.at:], '\n'); i >= 0 {
		s.at += i + 1
		s.line++
	} else {
		s.at = len(s.data)
	}
}

// rest is what is left of the line.
func (s *fpmScanner) rest() string {
	line := s.data[s.at:]
	if i := bytes.IndexByte(line, '\n'); i >= 0 {
		line = line[:i]
	}
	return string(line)
}

// head reads [name].
func (s *fpmScanner) head() (name string, ok bool) {
	text := s.rest()[1:]
	name, after, ok := strings.Cut(text, "]")
	after = strings.TrimSpace(after)
	name = strings.TrimSpace(name)
	return name, ok && name != "" && (after == "" || after[0] == ';')
}

// directive reads name = value.
func (s *fpmScanner) directive() (d fpmDirective, ok bool) {
	text := s.rest()
	name, _, assigned := strings.Cut(text, "=")
	if !assigned {
		s.problem(s.here(""), clipped(text)+" is neither a directive nor a section", "such as pm.max_children = 5; comments begin with ;")
		return d, false
	}
	s.at += len(name) + 1
	d.name = strings.TrimSpace(name)
	if base, index, has := strings.Cut(d.name, "["); has {
		index, closed := strings.CutSuffix(index, "]")
		if !closed {
			s.problem(s.here(""), clipped(d.name)+" has no closing bracket", "such as env[PATH]")
			return d, false
		}
		d.name, d.index, d.indexed = strings.TrimSpace(base), strings.Trim(strings.TrimSpace(index), `"'`), true
	}
	d.at = s.here(d.label())
	if d.text, d.quoted, ok = s.value(); !ok {
		s.problem(d.at, "its quote is never closed", `a quote within quotes is written \"`)
		s.at = len(s.data)
	}
	return d, ok
}

// value reads the rest of a line, and more if it ends within quotes.
func (s *fpmScanner) value() (text string, quoted, ok bool) {
	var b strings.Builder
	bare := 0 // how much ends what need not be trimmed
	s.blanks()
	for s.at < len(s.data) {
		switch c := s.data[s.at]; {
		case c == '\n' || c == ';':
			return b.String()[:bare] + strings.TrimRight(b.String()[bare:], " \t\r"), quoted, true
		case c == '"' || c == '\'':
			if !s.quote(&b, c) {
				return "", true, false
			}
			quoted, bare = true, b.Len()
		case c == '$' && s.expand(&b):
			quoted, bare = true, b.Len()
		default:
			b.WriteByte(c)
			s.at++
		}
	}
	return b.String()[:bare] + strings.TrimRight(b.String()[bare:], " \t\r"), quoted, true
}

// quote reads a string in quotes.
func (s *fpmScanner) quote(b *strings.Builder, end byte) bool {
	for s.at++; s.at < len(s.data); {
		c := s.data[s.at]
		switch {
		case c == end:
			s.at++
			return true
		case c == '\\' && end == '"' && s.at+1 < len(s.data) && strings.IndexByte(`"\'`, s.data[s.at+1]) >= 0:
			s.at++
			c = s.data[s.at]
		case c == '$' && end == '"' && s.expand(b):
			continue
		case c == '\n':
			s.line++
		}
		b.WriteByte(c)
		s.at++
	}
	return false
}

// clipped is a text as messages quote it, at most the beginning of a line.
func clipped(text string) string {
	const most = 60
	if text = strings.TrimSpace(text); len(text) > most {
		text = text[:most] + "..."
	}
	return strconv.Quote(text)
}

// expand replaces ${NAME}, if that is what stands there.
func (s *fpmScanner) expand(b *strings.Builder) bool {
	if s.at+1 >= len(s.data) || s.data[s.at+1] != '{' {
		return false
	}
	text, is := strings.CutPrefix(s.rest(), "${")
	name, _, closed := strings.Cut(text, "}")
	if !is || !closed || name == "" || strings.ContainsFunc(name, func(c rune) bool { return !isWord(c) }) {
		return false
	}
	b.WriteString(s.variable(name))
	s.at += len("${}") + len(name)
	return true
}
