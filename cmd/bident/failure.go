package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/bident/bident/cmd/bident/options"
	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// fail prints an error, a line for each thing that is wrong, and finds the exit
// status for it.
func fail(stderr io.Writer, err error) int {
	for _, line := range lines(err) {
		fmt.Fprintf(stderr, "bident: %s\n", line)
	}
	var problems options.Problems
	var wrongUsage usageError
	switch {
	case errors.As(err, &wrongUsage):
		return exitUsage
	case errors.As(err, &problems):
		return problems.ExitStatus()
	case errors.Is(err, httpd.ErrConfig), errors.Is(err, pool.ErrConfig):
		return options.ExitConfig
	case errors.Is(err, httpd.ErrListen), errors.Is(err, httpd.ErrPrivilege):
		return exitOS
	}
	return exitFailed
}

// misuse prints what is wrong with a command line.
func misuse(stderr io.Writer, format string, args ...any) int {
	fmt.Fprintf(stderr, "bident: "+format+"\n", args...)
	return exitUsage
}

// lines is what an error says, a line for each of the errors that it joins, and
// without the names of the packages it comes from.
func lines(err error) []string {
	if field := new(pool.FieldError); errors.As(err, &field) && error(field) == err {
		return []string{keyOf(field.Field) + ": " + field.Problem}
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		parts := joined.Unwrap()
		switch err.Error() {
		case errors.Join(parts...).Error():
			var all []string
			for _, one := range parts {
				all = append(all, lines(one)...)
			}
			return all
		case parts[0].Error() + ": " + parts[len(parts)-1].Error():
			if parts[0] == httpd.ErrConfig || parts[0] == httpd.ErrListen || parts[0] == httpd.ErrPrivilege {
				return lines(parts[len(parts)-1]) // the exit status says as much
			}
		}
	}
	all := strings.Split(err.Error(), "\n")
	for i, line := range all {
		all[i] = bare(line)
	}
	return all
}

// bare is a message without the names of packages in front.
func bare(message string) string {
	for {
		rest := message
		for _, name := range []string{"httpd: ", "pool: ", "fork: ", "configuration: "} {
			rest = strings.TrimPrefix(rest, name)
		}
		if rest == message {
			return byKey(message)
		}
		message = rest
	}
}

// byKey names the setting, in a message that names the library's field for it.
func byKey(message string) string {
	for _, field := range []string{"AccessLog", "AccessLogFormat"} {
		if rest, ok := strings.CutPrefix(message, field+": "); ok {
			return keyOf(field) + ": " + rest
		}
	}
	if field, rest, ok := strings.Cut(message, ": "); ok && isolationKeys[field] != "" {
		return isolationKeys[field] + ": " + rest
	}
	return message
}

// keyOf is the key of the setting that fills a field of the library's
// configuration: max_servers for MaxServers, min_child_ttl for MinChildTTL.
func keyOf(field string) string {
	var b strings.Builder
	letters := []rune(field)
	for i, c := range letters {
		if i > 0 && unicode.IsUpper(c) && !unicode.IsUpper(letters[i-1]) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}
