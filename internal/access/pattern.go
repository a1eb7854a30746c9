package access

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
)

// pattern is an allow or deny rule.
type pattern struct{ re *regexp.Regexp }

// compilePattern reads a rule. cidr names the option where networks belong.
func compilePattern(rule, cidr string) (pattern, error) {
	if rule == "" {
		return pattern{}, errors.New("is empty and would match nothing: leave it out, or write .* for everybody")
	}
	if p, err := netip.ParsePrefix(rule); err == nil {
		return pattern{}, fmt.Errorf("is a network, which no address matches as a regular expression: write it under %s, as %v", cidr, p.Masked())
	}
	if _, err := regexp.Compile(rule); err != nil {
		return pattern{}, fmt.Errorf("is no regular expression of the kind RE2, which has no look-around and no back-references: %w", err)
	}
	// The rule stays at the end, where even an open \Q in it ends well.
	re, err := regexp.Compile("(?i)" + rule)
	if err != nil {
		return pattern{}, fmt.Errorf("cannot be used without regard to letter case: %w", err)
	}
	re.Longest()
	return pattern{re}, nil
}

// matches reports whether the whole of s matches. The leftmost and, of these, the
// longest match is the whole of s if there is a match of the whole: so no anchors
// have to be written around a text that may not bear them.
func (p pattern) matches(s string) bool {
	at := p.re.FindStringIndex(s)
	return at != nil && at[0] == 0 && at[1] == len(s)
}

// fixes reports whether the whole of a name matches, and by its right end: see
// Names in the package's documentation.
func (p pattern) fixes(name string) bool {
	return p.matches(name) && !p.matches(name+".invalid")
}
