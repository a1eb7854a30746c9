package options

import (
	"fmt"
	"slices"
	"strings"
)

const (
	helpColumn = 28
	helpWidth  = 80
)

const helpExamples = `
  bident serve --root public -- php-cgi             a PHP application
  bident serve --listen fcgi://:9005 -- ./app.fcgi  a FastCGI program with
                                                    nginx or Apache in front
  bident serve --cgi-bin /usr/lib/cgi-bin           CGI scripts, at /cgi-bin/
`

// Help returns the text of "bident serve --help", at most 80 columns wide.
func Help() string {
	var b strings.Builder
	b.WriteString("Usage: bident serve [flags] [-- program args...]\n\n")
	paragraph(&b, "Serve an application or the files below a directory with goroutines or processes as workers, or an external FastCGI or CGI program with processes.")
	b.WriteString(helpExamples)
	group := ""
	for _, k := range Keys() {
		if k.Group != group {
			group = k.Group
			fmt.Fprintf(&b, "\n%s:\n", group)
		}
		entry(&b, k)
	}
	b.WriteByte('\n')
	paragraph(&b, "A flag takes its value as --name value or --name=value; a switch is --name or --name=false. A setting has the key max_servers in a file and the variable BIDENT_MAX_SERVERS in the environment, where lists are separated by commas. Flags go before the environment, this before the file. Times: 30s, 5m, 1h; plain numbers are seconds. Sizes: 64k, 10m, 1g. Settings marked * can be changed by a reload.")
	b.WriteByte('\n')
	paragraph(&b, "Not available in this version: "+strings.Join(notBuiltFlags(), ", ")+".")
	return b.String()
}

func notBuiltFlags() []string {
	var flags []string
	for name := range notBuilt {
		flags = append(flags, flagName(name))
	}
	slices.Sort(flags)
	return flags
}

// entry writes a setting: the flag on the left, the help on the right.
func entry(b *strings.Builder, k Key) {
	left := "  " + k.Flag()
	if k.noFlag {
		left = "  -- PROGRAM ARGS..."
	}
	if k.Arg != "" {
		left += " " + k.Arg
	}
	if k.Reload {
		left += " *"
	}
	text := k.Help
	if k.Default != "" && !k.isBool() {
		text += " (default: " + k.Default + ")"
	}
	for _, alias := range k.Aliases {
		text += "; also " + flagName(alias)
	}
	for i, line := range wrap(text, helpWidth-helpColumn) {
		switch {
		case i > 0:
			left = ""
		case len(left) >= helpColumn-1:
			b.WriteString(left + "\n")
			left = ""
		}
		fmt.Fprintf(b, "%-*s%s\n", helpColumn, left, line)
	}
}

func paragraph(b *strings.Builder, text string) {
	for _, line := range wrap(text, helpWidth) {
		b.WriteString(line + "\n")
	}
}

// wrap breaks text at spaces into lines of at most width bytes, if its words let it.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for w := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(w) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += w
	}
	return append(lines, line)
}
