package options

import (
	"slices"
	"strings"
)

// arguments turns a command line into given values. help is true if it asks for
// help before any "--".
func (r *reading) arguments(args []string) (flags []given, help bool) {
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		if arg == "--" {
			return r.programArguments(flags, args), help
		}
		if arg == "-h" || arg == "-help" || arg == "--help" {
			help = true
			continue
		}
		if !strings.HasPrefix(arg, "-") || arg == "-" {
			r.stray(arg, flags)
			continue
		}
		flag, text, hasText := strings.Cut(arg, "=")
		name := strings.ReplaceAll(strings.TrimLeft(flag, "-"), "-", "_")
		at := origin{from: fromFlag, name: flag}
		// A value follows, unless the next argument is a flag: a missing value
		// shall not swallow it. A value that begins with "--" takes "=".
		follows := !hasText && len(args) > 0 && !strings.HasPrefix(args[0], "--")

		if k := r.keys[name]; k != nil && flagName(name) != flag && !k.noFlag {
			// -max-servers and --max_servers are not spelled as flags are here.
			r.problems = append(r.problems, Problem{at.where(), "unknown flag", "did you mean " + flagName(name) + "?", true})
			if follows && !k.isBool() {
				args = args[1:]
			}
			continue
		}
		if !r.known(name, at) {
			if isBool, built := notBuilt[name]; follows && (!built || !isBool) && !strings.HasPrefix(args[0], "-") {
				args = args[1:] // most likely its value
			}
			continue
		}
		switch k := r.keys[name]; {
		case hasText:
		case k.isBool():
			text = "true"
		case follows:
			text, args = args[0], args[1:]
		default:
			r.problems = append(r.problems, Problem{at.where(), "its value is missing", flag + " " + k.Arg, true})
			r.refused[k.Name] = true
			continue
		}
		flags = append(flags, given{name, value{kind: word, text: text}, at})
	}
	return flags, help
}

// programArguments adds what follows "--".
func (r *reading) programArguments(flags []given, args []string) []given {
	at := origin{from: fromFlag, name: "--"}
	if len(args) == 0 {
		r.problems = append(r.problems, Problem{at.where(), "no program follows", "-- program args...", true})
		return flags
	}
	program := value{kind: array}
	for _, arg := range args {
		program.items = append(program.items, value{kind: word, text: arg})
	}
	return append(flags, given{"program", program, at})
}

// stray reports an argument that belongs to no flag.
func (r *reading) stray(arg string, flags []given) {
	p := Problem{oneLine(arg), "unexpected argument", "a program and its arguments stand after --", true}
	if arg == "" {
		p.Where = `""`
	}
	if len(flags) > 0 && slices.Contains([]string{"true", "false", "yes", "no", "on", "off", "0", "1"}, arg) {
		if last := flags[len(flags)-1]; r.keys[last.name].isBool() {
			p.Hint = "write " + last.at.name + "=" + arg
		}
	}
	r.problems = append(r.problems, p)
}
