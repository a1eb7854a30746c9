// Package certs is the TLS side of the HTTP front: which certificate a client
// is shown, which protocol versions it may speak, and how it may come back
// without a whole handshake.
//
// # Pairs and the store
//
// ReadPairs reads certificate and key files into a Pair each; NewStore checks
// them (key fits certificate, chain in order, key of a kind that crypto/tls can
// use) and says everything that is wrong at once, naming the files. A Store
// chooses by the server name that the client asks for (SNI, RFC 6066 section
// 3): an exact name, then a wildcard, then the first pair. Of several
// certificates for one name, an ECDSA and an RSA one say, the first that the
// client can verify is used: put the cheaper one, ECDSA, first.
//
// What an operator should know but a server should not fail for (a certificate
// that is out of its time, a key file that everybody can read) is told by
// Problems. Such a certificate is served all the same: a client that complains
// about a date is better off than one that finds no server.
//
// Replace exchanges the whole set behind an atomic pointer. A handshake reads
// the pointer once, so it sees the old set or the new one, and a reload needs
// neither a new tls.Config nor a new listener. A set with any error in it
// changes nothing.
//
// # HTTP/2
//
// The only application protocol offered (ALPN, RFC 7301) is http/1.1. The gate
// of the front frames requests of HTTP/1.1, one at a time, and everything that
// makes a worker exact (max_requests, moving a connection with its bytes,
// handing a response over) rests on that; HTTP/2 streams of one connection
// cannot be counted, moved or handed over one by one. Whoever wants HTTP/2 puts
// nginx, Caddy or HAProxy in front, which also have the years of attacks on
// HTTP/2 behind them. A client that offers h2 and nothing else is refused in
// the handshake with no_application_protocol, as RFC 7301 section 3.2 asks; one
// that offers both gets http/1.1.
//
// # Session tickets
//
// A client that comes back may land in another process of the server, or in one
// that was started by a reload since. So ticket keys are not drawn at random by
// each process: Tickets derives them (HKDF, RFC 5869) from a secret that all
// processes of a server are given at birth and the number of the 12-hour period
// on the clock. The period's own key seals new tickets; those of the two
// periods before are still accepted, and that of the next one, for a process
// whose clock is behind. Nobody needs to tell anybody that a period has ended.
//
// Keys turn when a ticket is sealed or opened for the first time in a period,
// through tls.Config's WrapSession and UnwrapSession. There is no goroutine and
// no timer, hence nothing to stop; a machine that slept through a boundary, or
// whose clock was set, is right at once; and clones of a configuration turn
// with it, which keys given to SetSessionTicketKeys of each would not.
//
// The price of needing no communication: who reads the secret from the memory
// of a process can derive the keys of periods that are over, too. In TLS 1.3
// that does not open recorded connections, because a resumption makes a fresh
// key exchange (psk_dhe_ke, RFC 8446 section 4.2.9); in TLS 1.2 it does (RFC
// 5077 section 5.2), and Options.OnlyTLS13 is for those whom that worries. A
// restart of the server draws a new secret.
//
// A ticket remembers that its client was authenticated. So keys depend on the
// client authorities too: a session that began under other authorities, or
// without any, is not resumed where client certificates are verified.
//
// # ACME
//
// Issuer obtains certificates by itself (RFC 8555, through autocert) for a
// fixed list of hosts; pairs in the store win over it. It proves control by
// TLS-ALPN-01 (RFC 8737), inside the handshake, and by HTTP-01, whose answers
// Challenge gives to the plain HTTP front.
//
// It needs TLS to be in one process: emulate mode, or accept=request in fork
// mode. Children that accept for themselves are refused it by the server's
// configuration. They could answer each other's challenges, since those lie in
// the cache directory; but nothing keeps them from ordering the same
// certificate at the same moment, once each, at every first start and every
// renewal, and an authority allows few duplicates in a week. During an upgrade
// two processes share the directory for a while, which is safe: the new one
// finds the certificate of the old one there.
//
// Its timers for renewal live as long as the process, because autocert has no
// way to stop them; so there is one Issuer for the life of a server, reloads
// keep it, and other hosts or another authority need an upgrade.
//
// # Goroutines
//
// None of our own. A handshake for a host whose certificate is being ordered
// waits in its own goroutine, at most 64 for each host and five minutes
// inside autocert; the others wait for as long as their handshake's context.
package certs
