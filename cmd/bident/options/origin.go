package options

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

type source int

const (
	fromDefault source = iota
	fromFPM            // a php-fpm file
	fromFile
	fromEnvironment
	fromFlag
)

// origin is the place a value was given.
type origin struct {
	from source
	name string // of the flag, the variable or the file
	line int    // in a file, from 1
	key  string // what a php-fpm file calls it
}

// label is what stands before the words of a message on the setting with a key:
// its name, unless the place says it anyway.
func (o origin) label(key string) string {
	switch o.from {
	case fromFile:
		return key + ": "
	case fromFPM:
		return o.key + ": "
	}
	return ""
}

// String returns the origin as Settings.Origin gives it.
func (o origin) String() string {
	switch o.from {
	case fromFile, fromFPM:
		return o.where()
	case fromEnvironment:
		return "environment " + o.name
	case fromFlag:
		if o.name == "--" {
			return "arguments after --"
		}
		return "flag " + o.name
	default:
		return "default"
	}
}

// where returns the origin as a Problem gives it.
func (o origin) where() string {
	switch {
	case o.from == fromDefault:
		return "default"
	case (o.from == fromFile || o.from == fromFPM) && o.line > 0:
		return fmt.Sprintf("%s:%d", oneLine(o.name), o.line)
	default:
		return oneLine(o.name)
	}
}

// oneLine keeps names from outside from breaking the one line they are shown in.
func oneLine(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(name)
	}
	return name
}

// given is a value as one source gave it.
type given struct {
	name  string // the key, or an alias
	value value
	at    origin
}
