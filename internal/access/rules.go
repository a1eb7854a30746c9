package access

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// DefaultTimeout is how long a lookup may take if Rules.Timeout is 0.
const DefaultTimeout = 2 * time.Second

// Rules are what an operator writes. The zero value allows everybody.
type Rules struct {
	// Allow and Deny are regular expressions (RE2) that must match the whole
	// address, or with ReverseLookups a whole confirmed name; Net::Server's allow
	// and deny.
	Allow, Deny []string
	// CIDRAllow and CIDRDeny are networks (10.0.0.0/8, 2001:db8::/32) or single
	// addresses; Net::Server's cidr_allow and cidr_deny.
	CIDRAllow, CIDRDeny []string
	// ReverseLookups finds the names of clients, for Allow and Deny and for the
	// log; Net::Server's reverse_lookups, with the care of its "double".
	ReverseLookups bool
	// Resolver gives the names of an address, of which it vouches that they lead
	// back to it; no names and no error if it has none. It may be called
	// concurrently and has to heed its context. nil: Confirmed(net.DefaultResolver).
	Resolver func(ctx context.Context, a netip.Addr) ([]string, error)
	// Timeout limits a lookup, forward confirmation included, after which the
	// client has no name. 0 means DefaultTimeout; negative values are an error.
	Timeout time.Duration
}

// RuleError says what is wrong with one rule and what would be right.
type RuleError struct {
	Option string // "allow", "deny", "cidr_allow", "cidr_deny"
	Index  int    // in that option's list, from 0
	Rule   string
	Err    error
}

func (e *RuleError) Error() string {
	return fmt.Sprintf("%s rule %d (%q) %v", e.Option, e.Index+1, e.Rule, e.Err)
}

// Unwrap gives what is wrong.
func (e *RuleError) Unwrap() error { return e.Err }

// Compile makes a List of the rules. The error joins (errors.Join) one *RuleError
// for each rule that is wrong, in the order allow, deny, cidr_allow, cidr_deny,
// and what is wrong otherwise.
func Compile(r Rules) (*List, error) {
	l := &List{flights: map[netip.Addr]*flight{}}
	var problems []error
	collect := func(option string, rules []string, add func(string) error) {
		for i, rule := range rules {
			if err := add(rule); err != nil {
				problems = append(problems, &RuleError{Option: option, Index: i, Rule: rule, Err: err})
			}
		}
	}
	patterns := func(to *[]pattern, cidr string) func(string) error {
		return func(rule string) error {
			p, err := compilePattern(rule, cidr)
			*to = append(*to, p)
			return err
		}
	}
	networks := func(to *[]netip.Prefix) func(string) error {
		return func(rule string) error {
			p, err := ParseNetwork(rule)
			*to = append(*to, p)
			return err
		}
	}
	var allowed, denied []netip.Prefix
	collect("allow", r.Allow, patterns(&l.allow, "cidr_allow"))
	collect("deny", r.Deny, patterns(&l.deny, "cidr_deny"))
	collect("cidr_allow", r.CIDRAllow, networks(&allowed))
	collect("cidr_deny", r.CIDRDeny, networks(&denied))
	if r.Timeout < 0 {
		problems = append(problems, fmt.Errorf("the time limit %v for reverse lookups is negative: write 2s, or 0 for the default", r.Timeout))
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	l.cidrAllow, l.cidrDeny = NewNetworks(allowed), NewNetworks(denied)
	l.rules = len(r.Allow)+len(r.Deny)+len(r.CIDRAllow)+len(r.CIDRDeny) > 0
	if r.ReverseLookups {
		l.resolve = r.Resolver
		if l.resolve == nil {
			l.resolve = Confirmed(net.DefaultResolver)
		}
		l.timeout = r.Timeout
		if l.timeout == 0 {
			l.timeout = DefaultTimeout
		}
		l.slots = make(chan struct{}, maxLookups)
	}
	return l, nil
}
