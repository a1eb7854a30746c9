// Package access decides which addresses may use a server.
//
// The rules are Net::Server's: allow and deny (regular expressions), cidr_allow
// and cidr_deny (networks), reverse_lookups (names for the expressions).
//
//   - A deny rule that matches wins, whatever else matches.
//   - Without any rule everybody is allowed. As soon as there is one, of whatever
//     kind, who matches no allow rule is denied: deny rules alone deny everybody
//     (add allow ".*").
//   - Who comes through a UNIX socket (an invalid netip.Addr) always passes: the
//     permissions of the socket decide that.
//   - An IPv4-mapped IPv6 address is the IPv4 address, in rules and clients; the
//     zone of an address is dropped. So ::/0 means all of IPv6 and none of IPv4.
//
// # Expressions
//
// Net::Server tests /^$_$/, so that of the rule a|b one half is anchored at the
// left only, the other at the right only, and "$" lets a line feed follow. Here a
// rule has to match the whole address or the whole name, as if written
// \A(?:a|b)\z. Letter case does not count (RFC 4343 for names, RFC 5952 writes
// addresses in lower case). The syntax is RE2's: no look-around and no
// back-references, and no input that makes matching slow.
//
// # Names
//
// With reverse lookups the name of an address is what its PTR records say, but
// whoever owns an address can have any name written there. Net::Server believes
// it unless told reverse_lookups=double. Here a name counts only if it leads back
// to the address (double reverse lookup); a client without such a name is not
// denied for that, as Net::Server's double would, but is known by its address
// only. The same holds if a lookup fails or takes too long. Hence a deny rule on a
// name stops nobody who controls his own PTR record; allow rules on names do what
// they say.
//
// One more thing protects allow rules. The owner of a domain can create
// 10.0.example.net, with all records confirmed, and the rule 10\..* matches it,
// though its author thought of addresses. A name is owned from the right; so an
// allow rule counts for a name only if it fixes its right end, that is, if it does
// not also match the name with ".invalid" (RFC 6761) appended.
//
// # What runs
//
// A List with networks only is a binary search in a sorted table: no lock, no
// allocation. What the expressions say of an address is kept in a cache of limited
// size and age. There is one goroutine per lookup under way: it is shared by all
// who ask for the same address, a limited number of them talk to the resolver at
// any time, and it ends at Rules.Timeout at the latest if the resolver heeds its
// context. There is nothing to close.
package access
