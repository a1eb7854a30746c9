package accesslog

import (
	"errors"
	"fmt"
	"net/textproto"
	"os"
	"slices"
	"strconv"
	"strings"
)

// ErrFormat is in every error of Parse.
var ErrFormat = errors.New("bad access log format")

// names are the formats with a name, beside "json" and "" (combined).
var names = map[string]string{
	"common":         `%h %l %u %t "%r" %>s %b`,
	"combined":       `%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"`,
	"vhost_combined": `%v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i"`,
}

const (
	knownNames = `common, combined, vhost_combined and json`
	knownCodes = `%% %a %A %b %B %{NAME}C %D %{NAME}e %h %H %{NAME}i %I %k %l %L %m %{NAME}o %O ` +
		`%p %P %q %r %R %s %S %t %T %u %U %v %V %{WHAT}W %X`
)

// Parse takes a format: a name (common, combined, vhost_combined, json), "" for
// combined, or a string of Apache's codes as the package documentation lists
// them. Environment variables are read now. Its errors wrap ErrFormat, name the
// code and the octet where it begins, counted from 1, and say what would be right.
func Parse(format string) (*Format, error) {
	switch {
	case format == "":
		format = names["combined"]
	case format == "json":
		l, _, err := parseLayout(jsonTime)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrFormat, err)
		}
		return &Format{json: newClock(l)}, nil
	case names[format] != "":
		format = names[format]
	case !strings.Contains(format, "%"):
		return nil, fmt.Errorf("%w: %q has no code and is not a name; names are %s", ErrFormat, format, knownNames)
	}
	p := parser{rest: format, format: format}
	for p.rest != "" {
		if err := p.next(); err != nil {
			return nil, err
		}
	}
	p.flush()
	return &Format{items: p.items}, nil
}

// parser takes a format apart.
type parser struct {
	format, rest string
	text         []byte // literal text that no item has yet
	items        []item
}

// errorAt is an error about the octet at an offset.
func (p *parser) errorAt(offset int, text string, args ...any) error {
	return fmt.Errorf("%w: at octet %d: %w", ErrFormat, offset+1, fmt.Errorf(text, args...))
}

// offset is where rest begins.
func (p *parser) offset() int { return len(p.format) - len(p.rest) }

// flush makes an item of the literal text.
func (p *parser) flush() {
	if len(p.text) > 0 {
		p.items = append(p.items, item{what: literal, name: string(p.text)})
		p.text = nil
	}
}

// next takes one octet of text, one escape or one code.
func (p *parser) next() error {
	c := p.rest[0]
	switch {
	case c == '%':
		return p.code()
	case c == '\\' && len(p.rest) > 1:
		switch p.rest[1] {
		case 'n', 'r':
			return p.errorAt(p.offset(), `\%c would break the line; one request is one line, and its end is added`, p.rest[1])
		case 't':
			p.text = append(p.text, '\t')
		case '"', '\\':
			p.text = append(p.text, p.rest[1])
		default: // both stand for themselves, as with Apache
			p.text = append(p.text, c)
			p.rest = p.rest[1:]
			return nil
		}
		p.rest = p.rest[2:]
		return nil
	case c != '\t' && (c < ' ' || c == 0x7f):
		return p.errorAt(p.offset(), "control character %s; one request is one line, and its end is added", strconv.QuoteToASCII(p.rest[:1]))
	}
	p.text = append(p.text, c)
	p.rest = p.rest[1:]
	return nil
}

// code takes a code: %, then statuses, !, <, > and {ARGUMENT} in any order, then
// a letter.
func (p *parser) code() error {
	start := p.offset()
	it := item{}
	arg, argAt, hasArg := "", 0, false
	for p.rest = p.rest[1:]; p.rest != ""; {
		c := p.rest[0]
		switch {
		case c == '!':
			it.not = true
			p.rest = p.rest[1:]
		case c == '<' || c == '>' || c == ',':
			p.rest = p.rest[1:]
		case c >= '0' && c <= '9':
			n := 1
			for n < len(p.rest) && p.rest[n] >= '0' && p.rest[n] <= '9' {
				n++
			}
			s, err := strconv.Atoi(p.rest[:n])
			if err != nil || n != 3 || s < 100 {
				return p.errorAt(p.offset(), "%s is not a status; statuses have three digits, as in %%400,501{User-Agent}i", p.rest[:n])
			}
			it.statuses = append(it.statuses, s)
			p.rest = p.rest[n:]
		case c == '{':
			end := strings.IndexByte(p.rest, '}')
			if end < 0 {
				return p.errorAt(start, "%%{ without }; a code with an argument is written like %%{Referer}i")
			}
			arg, argAt, hasArg = p.rest[1:end], p.offset()+1, true
			if i := strings.IndexFunc(arg, func(r rune) bool { return r < ' ' || r == 0x7f }); i >= 0 {
				return p.errorAt(argAt+i, "control character %s in an argument", strconv.QuoteToASCII(arg[i:i+1]))
			}
			p.rest = p.rest[end+1:]
		default:
			p.rest = p.rest[1:]
			if it.not && it.statuses == nil {
				return p.errorAt(start, "! without statuses; it is written like %%!200,304{Referer}i")
			}
			if c == '%' {
				if hasArg || it.statuses != nil {
					return p.errorAt(start, "%%%% takes neither argument nor statuses")
				}
				p.text = append(p.text, '%')
				return nil
			}
			at, err := p.resolve(&it, c, arg, hasArg)
			if err != nil {
				if at >= 0 {
					start = argAt + at
				}
				return p.errorAt(start, "%w", err)
			}
			p.flush()
			p.items = append(p.items, it)
			return nil
		}
	}
	return p.errorAt(start, "%% without a letter; a percent sign is written %%%%, codes are %s", knownCodes)
}

// choice is an argument that a code takes, "" for none.
type choice struct {
	arg  string
	what what
}

// choices are the codes whose argument is none or one of a few words.
var choices = map[byte][]choice{
	'a': {{"", clientAddress}, {"c", peerAddress}},
	'A': {{"", localAddress}},
	'b': {{"", bodySizeCLF}},
	'B': {{"", bodySize}},
	'D': {{"", micros}},
	'h': {{"", clientHost}, {"c", peerHost}},
	'H': {{"", protocol}},
	'I': {{"", received}},
	'k': {{"", keptRequests}},
	'l': {{"", dash}},
	'L': {{"", requestID}},
	'm': {{"", method}},
	'O': {{"", sent}},
	'p': {{"", serverPort}, {"canonical", serverPort}, {"local", serverPort}, {"remote", clientPort}},
	'P': {{"", workerPID}, {"pid", workerPID}, {"tid", workerPID}, {"hextid", workerPIDHex}},
	'q': {{"", query}},
	'r': {{"", requestLine}},
	'R': {{"", handler}},
	's': {{"", status}},
	'S': {{"", transferred}},
	'T': {{"", seconds}, {"s", seconds}, {"ms", millis}, {"us", micros}},
	'u': {{"", user}},
	'U': {{"", path}},
	'v': {{"", serverName}},
	'V': {{"", hostName}},
	'W': {{"slot", workerSlot}, {"pid", workerPID}, {"generation", workerGeneration}, {"served", workerServed},
		{"queue_us", queueMicros}, {"queue_ms", queueMillis}, {"shed", shed}},
	'X': {{"", connection}},
}

// timeTokens are the arguments of %t that are no strftime text.
var timeTokens = map[string]what{
	"sec": timeSeconds, "msec": timeMillis, "usec": timeMicros,
	"msec_frac": timeMilliFraction, "usec_frac": timeMicroFraction,
}

// resolve makes the item of a letter and its argument. The offset that comes with
// an error is within the argument, or -1 if it is about the whole code.
func (p *parser) resolve(it *item, c byte, arg string, hasArg bool) (int, error) {
	if options, ok := choices[c]; ok {
		i := slices.IndexFunc(options, func(o choice) bool { return o.arg == arg })
		if i >= 0 {
			it.what = options[i].what
			return 0, nil
		}
		var right []string
		for _, o := range options {
			if o.arg == "" {
				right = append(right, fmt.Sprintf("%%%c", c))
			} else {
				right = append(right, fmt.Sprintf("%%{%s}%c", o.arg, c))
			}
		}
		return -1, fmt.Errorf("%s is not known; right would be %s", spelled(c, arg, hasArg), strings.Join(right, ", "))
	}
	switch c {
	case 'C', 'e', 'i', 'o':
		if arg == "" {
			return -1, fmt.Errorf("%%%c needs a name; it is written like %%{NAME}%c", c, c)
		}
		switch c {
		case 'C':
			it.what, it.name = cookie, arg
		case 'e':
			it.what, it.name = variable, os.Getenv(arg)
		case 'i':
			it.what, it.name = requestField, textproto.CanonicalMIMEHeaderKey(arg)
		case 'o':
			it.what, it.name = answerField, textproto.CanonicalMIMEHeaderKey(arg)
		}
		return 0, nil
	case 't':
		return it.setTime(arg)
	case 'f':
		return -1, errors.New("%f is not supported: requests have no file here; the path is %U, the handler %R")
	case 'n':
		return -1, errors.New("%n is not supported: there are no notes here; a field of the answer is %{NAME}o")
	case '^':
		return -1, errors.New("%^ is not supported: neither trailers nor the time to the first octet are recorded; fields are %{NAME}i and %{NAME}o, the whole time is %D")
	}
	return -1, fmt.Errorf("%s is not known; codes are %s", spelled(c, arg, hasArg), knownCodes)
}

// spelled is a code as it was written, without its statuses.
func spelled(c byte, arg string, hasArg bool) string {
	letter := strings.Trim(strconv.QuoteToASCII(string([]byte{c})), `"`)
	if !hasArg {
		return "%" + letter
	}
	return "%{" + strings.Trim(strconv.QuoteToASCII(arg), `"`) + "}" + letter
}

// setTime makes the item a time.
func (it *item) setTime(arg string) (int, error) {
	text, skipped := arg, 0
	if rest, ok := strings.CutPrefix(arg, "begin:"); ok {
		text, skipped = rest, len("begin:")
	} else if rest, ok := strings.CutPrefix(arg, "end:"); ok {
		text, skipped, it.end = rest, len("end:"), true
	}
	if w, ok := timeTokens[text]; ok {
		it.what = w
		return 0, nil
	}
	if text == "" {
		text = clf
	}
	l, at, err := parseLayout(text)
	if err != nil {
		return skipped + at, err
	}
	it.what, it.clock = timeText, newClock(l)
	return 0, nil
}
