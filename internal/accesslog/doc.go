// Package accesslog writes one line for each answered request.
//
// It has three parts that know nothing of each other. A Format turns an Entry
// into a line. A File takes lines from many goroutines and puts them into a file
// that can be rotated. IDs names requests.
//
// # Formats
//
// Parse takes a name or a string of Apache's codes (mod_log_config):
//
//	common          %h %l %u %t "%r" %>s %b
//	combined or ""  common "%{Referer}i" "%{User-Agent}i"
//	vhost_combined  %v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i"
//	json            an object for each request, see below
//
// The codes, with what stands there if a value is missing in brackets:
//
//	%%              a percent sign
//	%a %{c}a        address of the client; of the connection's peer [-]
//	%A              local address [-]
//	%B %b           octets of the body sent; %b writes - for 0
//	%{NAME}C        value of the request's cookie NAME [-]
//	%D              microseconds from arrival to the end of the answer
//	%{NAME}e        environment variable, as it was when the format was parsed [-]
//	%h %{c}h        host name of the client, else its address; of the peer [-]
//	%H              protocol of the request [-]
//	%{NAME}i        field of the request [-]
//	%I %O %S        octets received, sent, both: heads and bodies
//	%k              requests on this connection before this one
//	%l              -
//	%L              id of the request [-]
//	%m              method [-]
//	%{NAME}o        field of the answer [-]
//	%p %{FORM}p     port of the server; FORM is canonical, local or remote [-]
//	%P %{FORM}P     the worker's pid; FORM is pid, tid or hextid [-]
//	%q              query with its question mark, or nothing
//	%r              first line of the request [-]
//	%R              handler [-]
//	%s %>s          status [-]
//	%t %{FORM}t     time of arrival; FORM is a strftime text, or one of sec, msec,
//	                usec, msec_frac, usec_frac, with begin: or end: in front
//	%T %{UNIT}T     seconds from arrival to the end; UNIT is s, ms or us
//	%u              user [-]
//	%U              path of the target, without the query [-]
//	%v %V           name of the server; name the client asked for, without port [-]
//	%X              X aborted, + kept, - closed
//	%{WHAT}W        of the worker: slot, pid, generation, served; of the way to it:
//	                queue_us, queue_ms, shed [-]
//
// Behind the percent sign a list of statuses restricts a code: %400,501{User-agent}i
// writes - for all others, %!200,304{Referer}i for these. < and > are taken and
// change nothing, since there are no internal redirects. Literal text may hold
// \" \\ and \t; a code or a text that would end the line is an error, for one
// request is one line.
//
// What differs from Apache: %U is the path as it was received, neither decoded
// nor normalised; %p and %{canonical}p are the local port; a user of no octets is
// "-", not two quotes; a field that occurs several times gives what Peek gives;
// %{Content-Type}o keeps its parameters; %L is the id of every request; a worker
// does one thing at a time, so that its thread id is its pid; strftime speaks
// English and offers neither %n nor the modifiers E and O. %f, %n, %{FB}^,
// %{NAME}^ti and %{NAME}^to have no meaning here and are refused with a reason.
//
// Whatever comes from outside is escaped as Apache does since 2.0.46: a
// backslash before " and \, \b \n \r \t \v, and \xhh for all other controls, for
// DEL and for octets above 126. So no request can end a line, begin another, or
// send sequences to the terminal of one who reads the log.
//
// A JSON line has these fields, all of them always, in this order; names are
// never changed, new ones may be added at the end:
//
//	time         arrival, RFC 3339 with microseconds, local time zone
//	client peer  addresses, "" for UNIX sockets
//	host         Host as received
//	method target proto
//	status       0 if there was no answer
//	bytes        octets of the body sent
//	duration_us queue_us
//	referer user_agent id
//	slot         of the worker, -1 if none had the request
//	pid generation served
//	kept         requests on this connection before this one
//	user
//	shed         why no worker had the request, "" if one had
//
// An octet that is not UTF-8 becomes U+FFFD; control characters, also those
// above U+007F, are escaped.
//
// # Files
//
// Lines gather in memory. The first of them starts a goroutine, the flusher; it
// writes when 32 KiB are there or 100 ms (MaxDelay) have passed, and ends when
// nothing is left and little came of late. Nobody else writes to the sink; an idle log has neither
// goroutine nor timer. A process that is killed loses what it gathered in the last
// 100 ms.
//
// One write(2) carries whole lines and at most 64 KiB, to pipes and sockets at
// most PIPE_BUF; with O_APPEND several processes can share a file, or a pipe, and
// no line is torn. A line longer than that travels alone, in one write: files
// keep it whole, pipes with several writers may not.
//
// At most 1 MiB (MaxPending) of lines is kept. When it is full and the sink takes
// lines, if slowly, a writer waits for room, at most 500 ms (Options.MaxWait); so
// bursts lose nothing. If the sink fails, or took nothing in one such wait, nobody
// waits any more: further lines are dropped at once until it works again, so that
// no request hangs on the log. Dropped lines are counted; Options.OnLoss hears the number when the sink works
// again (no line of our own is put among the others, which would break what
// parses them). A sink that fails is tried again every second, and
// Options.OnError hears about it at most once a minute. A line that was written
// in part is continued, not repeated; if a disk is full, lines of other processes
// can come between the parts.
//
// Reopen and Use switch to another file: the flusher writes what is there to the
// old one, then switches; writers go on meanwhile. Lines that the old file cannot
// take (a full disk is a reason to rotate) go to the new one, whole.
package accesslog
