package options

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// toml turns a TOML file into given values. A syntax error ends the reading:
// what follows it cannot be told apart.
func (r *reading) toml(path string, data []byte) (settings []given) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	// The syntax tree does not tell all that is forbidden (dates that do not
	// exist, keys that are tables as well), the decoder does.
	whole := map[string]any{}
	invalid := toml.Unmarshal(data, &whole)

	line := lineCounter{data: data, line: 1}
	before := len(r.problems)
	var tree unstable.Parser
	tree.Reset(data)
	for tree.NextExpression() {
		node := tree.Expression()
		if node.Kind != unstable.KeyValue && node.Kind != unstable.Table && node.Kind != unstable.ArrayTable {
			continue
		}
		key := keyOf(node)
		at := origin{from: fromFile, name: path, line: line.of(key.offset)}
		if node.Kind != unstable.KeyValue {
			r.problems = append(r.problems, Problem{Where: at.where(),
				What: fmt.Sprintf("unknown table %q", key.name), Hint: "settings stand outside of tables"})
			continue
		}
		if r.knownInFile(key.name, at) {
			settings = append(settings, given{key.name, tomlValue(node.Value()), at})
		}
	}
	if err := tree.Error(); err != nil {
		number := line.line
		var syntax *unstable.ParserError
		if errors.As(err, &syntax) {
			number = line.of(int(tree.Range(syntax.Highlight).Offset))
		}
		r.invalidTOML(origin{from: fromFile, name: path, line: number}, err)
	} else if invalid != nil && len(r.problems) == before && !repeats(settings) {
		at := origin{from: fromFile, name: path}
		var decode *toml.DecodeError
		if errors.As(invalid, &decode) {
			at.line, _ = decode.Position()
		}
		r.invalidTOML(at, invalid)
		// One report for the line is enough.
		settings = slices.DeleteFunc(settings, func(g given) bool { return g.at == at })
	}
	return settings
}

func (r *reading) invalidTOML(at origin, err error) {
	r.problems = append(r.problems, Problem{Where: at.where(), What: "not valid TOML: " + oneLine(strings.TrimPrefix(err.Error(), "toml: "))})
}

// knownInFile is known, but for config: a file does not name another.
func (r *reading) knownInFile(name string, at origin) bool {
	if !r.known(name, at) {
		return false
	}
	if r.keys[name].Name == "config" {
		r.problems = append(r.problems, Problem{Where: at.where(),
			What: name + ": a file cannot name another", Hint: "give it as flag or in the environment"})
		return false
	}
	return true
}

// repeats reports whether a key is there twice: apply says so, with both lines.
func repeats(settings []given) bool {
	seen := map[string]bool{}
	for _, g := range settings {
		if seen[g.name] {
			return true
		}
		seen[g.name] = true
	}
	return false
}

// tomlKey is a key, dotted if it has several parts, and where it starts.
type tomlKey struct {
	name   string
	offset int
}

func keyOf(node *unstable.Node) tomlKey {
	var parts []string
	offset := -1
	for it := node.Key(); it.Next(); {
		if offset < 0 {
			offset = int(it.Node().Raw.Offset)
		}
		parts = append(parts, string(it.Node().Data))
	}
	return tomlKey{strings.Join(parts, "."), offset}
}

func tomlValue(node *unstable.Node) value {
	v := value{text: string(node.Data)}
	switch node.Kind {
	case unstable.String:
		v.kind = quoted
	case unstable.Integer:
		v.kind = integer
	case unstable.Float:
		v.kind = float
	case unstable.Bool:
		v.kind = boolean
	case unstable.Array:
		v.kind = array
		for it := node.Children(); it.Next(); {
			v.items = append(v.items, tomlValue(it.Node()))
		}
	case unstable.InlineTable:
		v.kind, v.text = other, "a table"
	default:
		v.kind, v.text = other, "a date or time"
	}
	return v
}

// lineCounter finds the lines of ascending offsets, each byte looked at once.
type lineCounter struct {
	data []byte
	at   int
	line int
}

func (c *lineCounter) of(offset int) int {
	if offset > c.at && offset <= len(c.data) {
		c.line += bytes.Count(c.data[c.at:offset], []byte("\n"))
		c.at = offset
	}
	return c.line
}
