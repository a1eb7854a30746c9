// Package forwarded finds out who a client really is when proxies stand in
// between: from the request's fields (X-Forwarded-For and X-Forwarded-Proto, or
// Forwarded of RFC 7239), or from the PROXY protocol, versions 1 and 2, at the
// start of a connection.
//
// # Whom to believe
//
// Anybody can write such a field; what a proxy appends stands at the right end of
// it. So Client begins with the connection's peer, and as long as the address at
// hand is one of a trusted proxy, it believes the element that this proxy wrote:
// the next one to the left. The first address that is not trusted is the client,
// and what stands to the left of it is its own invention. From a peer that is not
// trusted nothing is believed.
//
// Elements are separated by going from comma to comma from the right, without
// regard to quotes: a quotation mark that a client leaves open must not swallow
// what a proxy appends. If a comma stands in a quoted string, what is cut out has
// an odd number of quotation marks; it is malformed, and there the walk stops at
// the last address that was good. Everything malformed, also "unknown", an
// obfuscated name, an empty element or the 65th hop, has this effect.
//
// # Which fields to believe
//
// A proxy writes one kind of field and passes the other kind on as the client sent
// it. Nothing in the request tells which kind that is, so it is a setting:
// X-Forwarded-For and X-Forwarded-Proto unless Trust says "forwarded"; then only
// Forwarded counts.
//
// X-Forwarded-Proto has no positions of its own. Of a list the element is taken
// that stands as far from the right as the client in X-Forwarded-For, which the
// same proxy wrote if it appends to both. If the list is shorter, a proxy replaces
// the field or leaves it alone, and the leftmost element is taken. A proxy that
// clients can reach has to write both fields: of one that appends an address and
// passes X-Forwarded-Proto on, the scheme is the client's word.
//
// # PROXY protocol
//
// Header finds the header's length, within bounds, and gives exactly these octets
// to github.com/pires/go-proxyproto. A listener that uses it demands a header on
// each connection, as the protocol's section 2 asks ("must not try to guess"), and
// calls it only for peers that Trust trusts: the header has no proof of origin.
package forwarded
