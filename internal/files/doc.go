// Package files serves the regular files below one directory, as RFC 9110 asks:
// [Files].Serve is a fasthttp handler.
//
// # From the request target to a file
//
// The path is taken from the request target as it was received, never from
// fasthttp's URI: that one decodes, merges slashes and resolves dot segments
// before anybody can look, so what was asked for can no longer be told from what
// is left of it. Here the target is split at '?', each percent-encoded octet is
// decoded once, and what remains has to be a plain list of names. A path with an
// empty segment, with "." or "..", with an encoded slash, a backslash, a control
// character, with octets that are no UTF-8 (overlong forms among them) is 404,
// and one that cannot be decoded is 400: nothing is repaired, since clients send
// none of these by themselves, and every repair is a second way to read a path.
// Segments that begin with "." are 404 unless Config.Dotfiles is set, or the
// segment is the first and is ".well-known" (RFC 8615).
//
// The operating system has the last word. The root directory is opened once, and
// files are opened relative to it: on Linux with openat2(2) and RESOLVE_BENEATH,
// so that the kernel itself refuses whatever leads outside, also when a link is
// exchanged in that moment; elsewhere, or where the system call is not to be had,
// through [os.Root]. Symbolic links are followed if they stay inside the root; absolute
// ones never do, wherever they lead. Files are opened without
// waiting, and only regular ones are served: a FIFO, a device or a socket is 404.
// Since the directory is held open, a root that is itself exchanged (a link moved
// to another release) is seen by the next New.
//
// # What is remembered
//
// An entry holds what is known of a file: its identity (device, inode, size,
// times of modification and of change), media type, validators, and the content
// if the file is small, and what compression made of it. Entries are kept in a table
// of fixed size and within a budget of bytes. Reading the table takes no lock.
// A remembered entry is used only if one stat(2) in the same request, or in one
// that began less than 10 ms before, finds the same identity: a file that is asked
// for all the time is seen to have changed after 10 ms, every other one with the
// next request. What is not in memory is opened and compared each time. A file
// that changed less than 100 ms ago is not remembered: the clock that stamps
// files may be too coarse to tell the next change from the last one. Two things
// may be noticed one second late: a precompressed variant that appears, and a
// directory on the way that is moved out of the root and replaced by a link to
// it, since a stat finds the same file there.
//
// Measured on two cores, the best of many: a stat takes 1.3 us; to open, look, read
// and close 5 us; a whole answer of 1 KiB, without the connection, 3.0 us
// remembered and 9.5 us opened. Over a TCP connection 100 KiB take 24 us from
// memory, 39 us with open and sendfile, 47 us with open and copying; 1 KiB takes
// 9, 22 and 24 us. So what is at most 128 KiB long is remembered.
//
// Files above that are opened for each answer, and sent as [Body]; no
// descriptor is kept open, so a deleted file gives its space back.
//
// # One version
//
// What an answer says of a file comes from fstat(2) of the descriptor that it is
// read from. A file replaced by rename is served whole, in the old or in the new
// version. One that is overwritten in place while it is sent can be a mixture, as
// with every server; one that becomes shorter cuts the answer, see [ErrShrunk].
//
// # Representations
//
// A file has the identity form, and for clients that accept one (RFC 9110
// section 12.5.3), a coded form: a file.br, file.zst or file.gz beside it, not
// older than the file, or else what is compressed here if the media type is worth
// it and the size is between 1 KiB and 1 MiB. The client's weights decide, and
// among equals br, zstd, gzip, in this order. Validators: the strong tag is made of
// modification time and size, and the coding for a file beside; what was
// compressed here gets a weak one, since another release of the compressor may
// give other octets. Ranges are served from the identity form only, GET only.
//
// Of the fields that harden browsers (X-Content-Type-Options and its like) none
// is sent: they are a matter of the site, not of the file.
//
// Goroutines: none of its own. fasthttp's compressors start one per processor,
// at their first use, which never end.
package files
