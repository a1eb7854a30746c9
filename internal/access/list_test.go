package access

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
)

func compile(t testing.TB, r Rules) *List {
	t.Helper()
	l, err := Compile(r)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestAllowed(t *testing.T) {
	// The examples of Net::Server's manual, then the corners.
	manual := Rules{
		Allow:     []string{`.+\.(net|com)`, `domain\.com`, `a\d+\.org`},
		Deny:      []string{`192\.0\.2\.\d+`},
		CIDRAllow: []string{"127.0.0.0/8", "192.0.2.0/24"},
		CIDRDeny:  []string{"192.0.2.4/30"},
	}
	cidr := Rules{CIDRAllow: manual.CIDRAllow, CIDRDeny: manual.CIDRDeny}
	for _, c := range []struct {
		name    string
		rules   Rules
		allowed []string
		denied  []string
	}{
		{"no rules", Rules{}, []string{"192.0.2.1", "::1", "::ffff:1.2.3.4"}, nil},
		{"cidr_deny in cidr_allow", cidr, []string{"127.0.0.1", "127.255.255.255", "192.0.2.3", "192.0.2.8", "::ffff:192.0.2.3"}, []string{"192.0.2.4", "192.0.2.7", "::ffff:192.0.2.4", "10.0.0.1", "::1"}},
		{"deny wins over cidr_allow", manual, []string{"127.0.0.1"}, []string{"192.0.2.1", "192.0.2.4", "::ffff:192.0.2.1"}},
		{"cidr_deny wins over allow", Rules{Allow: []string{".*"}, CIDRDeny: []string{"10.0.0.0/8"}}, []string{"11.0.0.0"}, []string{"10.1.1.1"}},
		{"deny wins over allow", Rules{Allow: []string{`10\..*`}, Deny: []string{`10\.0\..*`}}, []string{"10.1.0.0"}, []string{"10.0.0.1"}},
		{"deny alone denies all", Rules{Deny: []string{`10\..*`}}, nil, []string{"10.0.0.1", "11.0.0.1", "::1"}},
		{"cidr_deny alone denies all", Rules{CIDRDeny: []string{"10.0.0.0/8"}}, nil, []string{"10.0.0.1", "11.0.0.1", "::1"}},
		{"anchored", Rules{Allow: []string{`10\.0\.0\.1`}}, []string{"10.0.0.1"}, []string{"10.0.0.11", "110.0.0.1", "210.0.0.1"}},
		{"alternatives anchored on both sides", Rules{Allow: []string{`10\.0\.0\.1|10\.0\.0\.2`}}, []string{"10.0.0.1", "10.0.0.2"}, []string{"10.0.0.10", "110.0.0.2", "10.0.0.22"}},
		{"alternatives, the longer one second", Rules{Allow: []string{`10\.0\.0\.1|10\.0\.0\.12`}}, []string{"10.0.0.1", "10.0.0.12"}, []string{"10.0.0.123"}},
		{"reluctant", Rules{Allow: []string{`10\..*?`}}, []string{"10.0.0.1"}, []string{"11.0.0.1"}},
		{"own anchors", Rules{Allow: []string{`^10\.0\.0\.1$`}}, []string{"10.0.0.1"}, []string{"10.0.0.11"}},
		{"open quotation", Rules{Allow: []string{`\Q10.0.0.1`}}, []string{"10.0.0.1"}, []string{"10.0.0.11"}},
		{"letter case", Rules{Allow: []string{`2001:DB8:.*`}}, []string{"2001:db8::1"}, []string{"2001:db9::1"}},
		{"text of IPv6 is canonical", Rules{Allow: []string{`2001:db8::1`}}, []string{"2001:db8:0:0:0:0:0:1", "2001:db8::1%eth0"}, []string{"2001:db8::11"}},
		{"mapped text is IPv4", Rules{Allow: []string{`10\.0\.0\.1`}}, []string{"::ffff:10.0.0.1", "::ffff:a00:1"}, []string{"::10.0.0.1"}},
		{"address and network", Rules{Allow: []string{`10\.0\.0\.1`}, CIDRAllow: []string{"2001:db8::/32"}}, []string{"10.0.0.1", "2001:db8::2"}, []string{"10.0.0.2", "::1"}},
	} {
		l := compile(t, c.rules)
		// Twice: the second answer comes from the cache.
		for range 2 {
			for _, a := range c.allowed {
				if ok, host := l.Allowed(t.Context(), netip.MustParseAddr(a)); !ok || host != "" {
					t.Errorf("%s: %s: %v %q", c.name, a, ok, host)
				}
			}
			for _, a := range c.denied {
				if ok, host := l.Allowed(t.Context(), netip.MustParseAddr(a)); ok || host != "" {
					t.Errorf("%s: %s: %v %q", c.name, a, ok, host)
				}
			}
		}
		if ok, _ := l.Allowed(t.Context(), netip.Addr{}); !ok {
			t.Errorf("%s: a UNIX socket's client is denied", c.name)
		}
	}
	var nobody *List
	if ok, _ := nobody.Allowed(t.Context(), netip.MustParseAddr("10.0.0.1")); !ok {
		t.Error("a nil list denies")
	}
}

func TestCompileNamesEveryProblem(t *testing.T) {
	_, err := Compile(Rules{
		Allow:     []string{`10\..*`, `(?!10)`, "", "10.0.0.7/8"},
		Deny:      []string{`a(b`, `a)|(b`},
		CIDRAllow: []string{"10.0.0.0/33", "10.0.0.0-10.0.0.255", "fe80::1%eth0"},
		CIDRDeny:  []string{"", "2001:db8::/32", "example.com"},
		Timeout:   -1,
	})
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	want := []string{
		`allow rule 2 ("(?!10)") is no regular expression of the kind RE2`,
		`allow rule 3 ("") is empty`,
		`allow rule 4 ("10.0.0.7/8") is a network, which no address matches as a regular expression: write it under cidr_allow, as 10.0.0.0/8`,
		`deny rule 1 ("a(b") is no regular expression`,
		`deny rule 2 ("a)|(b") is no regular expression`,
		`cidr_allow rule 1 ("10.0.0.0/33") is no network`,
		`cidr_allow rule 2 ("10.0.0.0-10.0.0.255") is no address and no network`,
		`cidr_allow rule 3 ("fe80::1%eth0") has a zone`,
		`cidr_deny rule 1 ("") is no address and no network`,
		`cidr_deny rule 3 ("example.com") is no address and no network`,
		`the time limit -1ns for reverse lookups is negative`,
	}
	if len(lines) != len(want) {
		t.Fatalf("%d problems, want %d:\n%v", len(lines), len(want), err)
	}
	for i := range want {
		if !strings.HasPrefix(lines[i], want[i]) {
			t.Errorf("problem %d is\n%s\nwant\n%s", i, lines[i], want[i])
		}
	}
	var rule *RuleError
	if !errors.As(err, &rule) || rule.Option != "allow" || rule.Index != 1 || rule.Rule != `(?!10)` {
		t.Errorf("%+v", rule)
	}
}

func FuzzCompile(f *testing.F) {
	f.Add(`10\..*`, "10.0.0.0/8", "10.0.0.1")
	f.Add(`a|b`, "::ffff:10.0.0.0/104", "::ffff:10.0.0.1")
	f.Add(`\Qa`, "2001:db8::/32", "2001:db8::1%x")
	f.Add(`(?i)(?-i:A)`, "1.2.3.4", "::")
	f.Add(`(?m)^1$`, "::/0", "1.1.1.1")
	f.Fuzz(func(t *testing.T, pattern, network, address string) {
		a, err := netip.ParseAddr(address)
		if err != nil {
			return
		}
		network4, err := ParseNetwork(network)
		if err == nil {
			want := network4.Contains(a.Unmap().WithZone(""))
			for _, c := range []struct {
				rules Rules
				want  bool
			}{
				{Rules{CIDRAllow: []string{network}}, want},
				{Rules{CIDRAllow: []string{network}, CIDRDeny: []string{network}}, false},
				{Rules{CIDRAllow: []string{"0.0.0.0/0", "::/0"}, CIDRDeny: []string{network}}, !want},
			} {
				if ok, _ := compile(t, c.rules).Allowed(context.Background(), a); ok != c.want {
					t.Fatalf("%+v: %v is allowed: %v", c.rules, a, ok)
				}
			}
		}
		allow, err := Compile(Rules{Allow: []string{pattern}})
		if err != nil {
			return
		}
		deny := compile(t, Rules{Allow: []string{"(?s).*"}, Deny: []string{pattern}})
		yes, _ := allow.Allowed(context.Background(), a)
		no, _ := deny.Allowed(context.Background(), a)
		if yes == no {
			t.Fatalf("%q allows %v: %v, denies it: %v", pattern, a, yes, !no)
		}
	})
}
