package options

import (
	"bytes"
	"fmt"
	"strings"
)

// keyValues turns lines as in Net::Server's conf_file into given values: a key
// of letters, digits and underscores, optionally after "--"; space, "=" or ":";
// and a value of one word. Net::Server passes over lines of any other form, and
// over words after the first; here they are errors, but for comments.
func (r *reading) keyValues(path string, data []byte) (settings []given) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		at := origin{from: fromFile, name: path, line: number}
		line = strings.TrimPrefix(line, "--")
		end := strings.IndexFunc(line, func(c rune) bool { return !isWord(c) })
		if end < 0 {
			end = len(line)
		}
		key, rest := line[:end], line[end:]
		text := strings.TrimLeft(rest, " \t")
		separated := len(text) < len(rest)
		// After a space, "::" begins an address; Net::Server would cut off a colon.
		if text != "" && (text[0] == '=' || text[0] == ':') && !(separated && strings.HasPrefix(text, "::")) {
			text, separated = strings.TrimLeft(text[1:], " \t"), true
		}
		if key == "" || rest != "" && !separated {
			r.problems = append(r.problems, Problem{Where: at.where(),
				What: fmt.Sprintf("%q is not a key and a value", line), Hint: "such as max_servers 50; comments begin with #"})
			continue
		}
		if !r.knownInFile(key, at) {
			continue
		}
		words := strings.Fields(text)
		switch {
		case len(words) == 0 || words[0][0] == '#':
			r.problems = append(r.problems, Problem{Where: at.where(), What: key + ": its value is missing"})
		case len(words) > 1 && words[1][0] != '#':
			r.problems = append(r.problems, Problem{Where: at.where(),
				What: fmt.Sprintf("%s: a value is one word, but %q follows", key, words[1]), Hint: "a file named *.toml can have strings with spaces"})
		default:
			settings = append(settings, given{key, value{kind: word, text: words[0]}, at})
			continue
		}
		r.refused[r.keys[key].Name] = true
	}
	return settings
}

func isWord(c rune) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
