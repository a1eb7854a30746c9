package options

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// kind says how a value was written, as far as its source tells.
type kind int

const (
	word   kind = iota // from a flag, the environment or a key-value line: untyped
	quoted             // the others are TOML's
	integer
	float
	boolean
	array
	other
)

// value is a value as it was written.
type value struct {
	kind  kind
	text  string  // for other: what it is, with an article
	items []value // of an array
}

// String returns the value as error messages quote it.
func (v value) String() string {
	switch v.kind {
	case word:
		return strconv.Quote(v.text)
	case quoted:
		return "the string " + strconv.Quote(v.text)
	case array:
		return "an array"
	default:
		return v.text
	}
}

// parse reads v into the variable that into points to, which is left alone if v
// does not fit it.
func parse(into any, v value) fault {
	switch p := into.(type) {
	case *string:
		return parseString(p, v)
	case *[]string:
		return parseList(p, v)
	case *bool:
		return parseBool(p, v)
	case *int:
		n, err := strconv.ParseInt(v.text, numberBase(v), strconv.IntSize)
		if err != nil || v.kind != word && v.kind != integer {
			return mismatch(v, "a whole number", "such as 50")
		}
		*p = int(n)
	case *int64:
		n, err := ParseSize(v.text)
		if v.kind == integer {
			n, err = strconv.ParseInt(v.text, 0, 64)
		}
		if err != nil || n < 0 || v.kind >= float {
			return fault{v.String() + " is not a size", "such as 65536, 64k, 10m or 1g"}
		}
		*p = n
	case *time.Duration:
		d, err := ParseDuration(strings.ReplaceAll(v.text, "_", digitGap(v)))
		if err != nil || v.kind > float {
			return fault{v.String() + " is not a duration", "such as 30s, 5m or 1h; a plain number is seconds"}
		}
		*p = d
	case *fs.FileMode:
		return parseMode(p, v)
	default:
		panic(fmt.Sprintf("options: the table has a field of type %T", into))
	}
	return fault{}
}

// numberBase lets TOML write 0x10, 0o17 and 1_000, but nobody else.
func numberBase(v value) int {
	if v.kind == integer {
		return 0
	}
	return 10
}

// digitGap is what an underscore becomes: TOML allows it in numbers.
func digitGap(v value) string {
	if v.kind == integer || v.kind == float {
		return ""
	}
	return "_"
}

// mismatch says that v is not what is wanted. A string in quotes that would do
// without them is told so.
func mismatch(v value, wanted, example string) fault {
	if v.kind == quoted {
		example += ", without quotes"
	}
	return fault{v.String() + " is not " + wanted, example}
}

func parseString(p *string, v value) fault {
	switch {
	case v.kind != word && v.kind != quoted:
		return fault{v.String() + " is not a string", `such as "text", in quotes`}
	case !utf8.ValidString(v.text):
		return fault{v.String() + " is not UTF-8", ""}
	case strings.ContainsRune(v.text, 0):
		return fault{v.String() + " contains a NUL", ""}
	}
	*p = v.text
	return fault{}
}

func parseList(p *[]string, v value) fault {
	items := v.items
	switch v.kind {
	case word:
		items = []value{v}
	case array:
	default:
		return fault{v.String() + " is not an array of strings", `such as ["text"]`}
	}
	list := make([]string, len(items))
	for i, item := range items {
		if f := parseString(&list[i], item); f.what != "" {
			return f
		}
	}
	*p = list
	return fault{}
}

func parseBool(p *bool, v value) fault {
	switch {
	case v.kind != word && v.kind != boolean:
		return mismatch(v, "true or false", "such as true")
	case v.text == "true", v.text == "1", v.text == "yes", v.text == "on":
		*p = true
	case v.text == "false", v.text == "0", v.text == "no", v.text == "off":
		*p = false
	default:
		return fault{v.String() + " is neither true nor false", "true, yes, on, 1 or false, no, off, 0"}
	}
	return fault{}
}

// parseMode reads permission bits, which are octal everywhere. In TOML a decimal
// number would look octal and not be, so that only strings and 0o are accepted.
func parseMode(p *fs.FileMode, v value) fault {
	if v.kind == quoted && v.text == "" || v.kind == word && v.text == "" {
		*p = 0
		return fault{}
	}
	digits, prefixed := strings.CutPrefix(v.text, "0o")
	n, err := strconv.ParseUint(digits, 8, 32)
	if err != nil || n == 0 || n > 0o777 || v.kind == integer && !prefixed || v.kind > integer {
		return fault{v.String() + " is not a file mode", `octal, 0001 to 0777; in TOML "0660" or 0o660`}
	}
	*p = fs.FileMode(n)
	return fault{}
}

// ParseDuration reads a duration such as 30s, 5m, 1h30m or 250ms. A plain
// number, also with a fraction, is seconds. Negative durations are errors.
func ParseDuration(text string) (time.Duration, error) {
	if text != "" && strings.Trim(text, "0123456789.") == "" {
		text += "s"
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a duration such as 30s, 5m or 1h", text)
	}
	return d, nil
}

// units are the suffixes of sizes, each 1024 times the one before it.
const units = "kmgt"

// ParseSize reads a number of octets such as 65536, 64k, 10m, 1g or 1t, with
// powers of 1024 and in either case. Negative sizes are errors.
func ParseSize(text string) (int64, error) {
	digits, shift := text, 0
	if n := len(text); n > 0 {
		if i := strings.IndexByte(units, text[n-1]|0x20); i >= 0 {
			digits, shift = text[:n-1], 10*(i+1)
		}
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || n<<shift>>shift != n || n<<shift > 1<<63-1 {
		return 0, fmt.Errorf("%q is not a size such as 65536, 64k, 10m or 1g", text)
	}
	return int64(n << shift), nil
}

// format returns the value as it could be written on the command line.
func format(into any) string {
	switch p := into.(type) {
	case *string:
		return *p
	case *[]string:
		return strings.Join(*p, ",")
	case *bool:
		return strconv.FormatBool(*p)
	case *int:
		return strconv.Itoa(*p)
	case *int64:
		return formatSize(*p)
	case *time.Duration:
		return formatDuration(*p)
	case *fs.FileMode:
		if *p == 0 {
			return ""
		}
		return fmt.Sprintf("%04o", uint32(*p))
	default:
		panic(fmt.Sprintf("options: the table has a field of type %T", into))
	}
}

// formatDuration is String without the zero parts: 1h, not 1h0m0s.
func formatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func formatSize(n int64) string {
	suffix := ""
	for i := 0; i < len(units) && n != 0 && n%1024 == 0; i++ {
		n, suffix = n/1024, units[i:i+1]
	}
	return strconv.FormatInt(n, 10) + suffix
}
