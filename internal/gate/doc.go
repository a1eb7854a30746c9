// Package gate finds out where one HTTP/1.x request begins and ends. It looks
// at octets and never at a connection: whoever owns the read buffer asks Head
// for the head and Chunks for a chunked body, and hands on exactly what they
// delimit.
//
// # Why there is a gate
//
// Two parsers that disagree about the length of one message are a smuggling
// hole. The gate is stricter than the parsers behind it (fasthttp, net/http):
// it may refuse what they accept, but what it accepts they accept too, and
// frame in the same way, octet for octet. Fuzzing against both keeps that true.
//
// # Pieces
//
// Head.Parse reads a head: the request-line (line.go), its target (target.go,
// authority.go), then field lines (head.go), of which seven mean something to
// framing (field.go). Chunks.Next takes a chunked body apart (chunks.go,
// extension.go) and validates its trailer section (trailer.go).
// AppendChunkSize is for writing the same coding (append.go).
//
// Both readers are resumed where they stopped: an octet that was judged is not
// looked at again, so a client that sends octet by octet costs no more than
// one that sends everything at once; and the verdict depends on the octets
// alone, never on how they were cut.
//
// # Cost
//
// Nothing is allocated, but for the trailer section of a chunked body that has
// one. Values are searched eight octets at a time for the control character
// that ends or spoils them.
//
// # Strictness
//
// Every refusal is an Error with the status of the answer, after which the
// connection cannot be used again: where the next request would begin is
// unknown. Where RFC 9110 and RFC 9112 leave a choice, or where the parsers
// behind the gate take one away:
//
//   - Lines end in CRLF. A bare CR or LF is refused wherever it is, although
//     RFC 9112 2.2 allows a recipient to take a bare LF for a line's end.
//   - At most 4 empty lines are skipped before a request-line.
//   - The request-line may take half of what the head may take; one that is
//     longer is answered 414, a head that is longer 431, more than 1024 fields
//     431, a method longer than 32 octets 501 (RFC 9112 3).
//   - HTTP/1.2 to HTTP/1.9 are answered 505, although RFC 9110 2.5 would treat
//     them as HTTP/1.1: fasthttp treats them as HTTP/1.0.
//   - A target has neither a fragment nor octets beyond ASCII, and a percent
//     sign in its path begins a percent-encoded octet (RFC 3986 2.1). Queries
//     are not that strict, since clients are not.
//   - An HTTP/1.1 request with an empty Host is refused as one without: an http
//     URI has a host (RFC 9110 4.2.1). HTTP/1.0 may leave it empty or out.
//   - A host is a name without percent-encoding, an IPv4 address, or an IPv6
//     address in brackets without zone. Future IP versions are refused.
//   - Content-Length is one number in one field. Neither lists nor repeats of
//     the same number are taken (RFC 9110 8.6 allows both answers). A number
//     beyond 63 bits is a body too large, 413.
//   - Transfer-Encoding is the one word chunked in one field. A coding that is
//     not understood before a final chunked is 501 (RFC 9112 6.1); one without
//     a final chunked has no length and is 400 (RFC 9112 6.3).
//   - Trailer announces field names that may be trailers; one that may not, or
//     an empty place in the list, is refused, as fasthttp does.
//   - Chunk extensions follow their grammar; whitespace stands only inside of
//     them, not between the size and the first semicolon. A line has at most
//     256 octets, all extensions of a body together 16 KiB.
//   - A trailer section has no field that frames, routes, authorises or says
//     how to process the message (RFC 9110 6.5.1).
package gate
