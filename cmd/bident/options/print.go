package options

import (
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Print writes every setting as TOML, with its effective value and, as a
// comment, its origin. Read as a configuration file this gives the same
// settings. The name of the configuration file itself, which a file cannot
// have, is a comment, and so are those of a php-fpm file and its pool, whose
// settings are all there. What has no effect in that file follows, as comments. The
// error is the writer's.
func (s *Settings) Print(w io.Writer) error {
	var b strings.Builder
	group := ""
	rows := table(&s.Serve)
	names, values := 0, 0
	for _, k := range rows {
		names = max(names, len(k.Name))
		values = max(values, min(utf8.RuneCountInString(tomlText(k.into)), 27))
	}
	for _, k := range rows {
		if k.Group != group {
			if group != "" {
				b.WriteByte('\n')
			}
			group = k.Group
			fmt.Fprintf(&b, "# %s\n", group)
		}
		name := k.Name
		if k.file {
			name = "# " + name
		}
		fmt.Fprintf(&b, "%-*s = %-*s # %s\n", names, name, values, tomlText(k.into), s.Origin(k.Name))
	}
	if len(s.ignored) > 0 {
		b.WriteString("\n# Without effect in the php-fpm file\n")
		for _, p := range s.ignored {
			fmt.Fprintf(&b, "# %s\n", p)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// tomlText returns the value of a field as it is written in TOML.
func tomlText(into any) string {
	switch p := into.(type) {
	case *[]string:
		items := make([]string, len(*p))
		for i, item := range *p {
			items[i] = tomlString(item)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case *string, *time.Duration, *fs.FileMode, *int64:
		return tomlString(format(p))
	default:
		return format(p)
	}
}

// tomlString returns a TOML basic string. Unlike Go's quoting it knows no \x,
// \a or \v, and all of Unicode but control characters may stand for itself.
func tomlString(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case strconv.IsPrint(c):
			b.WriteRune(c)
		default:
			fmt.Fprintf(&b, `\U%08X`, c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
