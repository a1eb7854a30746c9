//go:build unix

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
)

// misdeeds are what the culprit does, by the path of the request.
var misdeeds = map[string]func(*charge){
	// Ends of all sorts.
	"exit":  func(q *charge) { os.Exit(3) },
	"close": func(q *charge) { q.over = true },
	"crash": func(q *charge) {
		q.body()
		q.send(stream(fcgiStdout, 1, []byte(plainHead+q.text(30_000)), 65535)[:3]...)
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	},
	"stop": func(q *charge) {
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		q.linger() // for the thread that goes on for a moment
	},
	"early-close": func(q *charge) { // as if it had not been asked to keep the connection
		q.body()
		q.send(stdout(plainHead+q.text(5)), stdout(""))
		q.over = true
	},
	"half-record": func(q *charge) {
		q.body()
		_, _ = q.Write(q.wire(stdout(plainHead + q.text(5)))[:20])
		q.over = true
	},
	"half-header": func(q *charge) {
		q.body()
		_, _ = q.Write([]byte{1, 6, 0})
		q.linger()
	},

	// Reading.
	"reads-nothing": func(q *charge) { select {} },
	"reads-slowly": func(q *charge) {
		for {
			got, err := readRecord(q.r)
			if err != nil || len(got.content) == 0 {
				break
			}
			pause()
		}
		q.send(stdout(plainHead+q.text(5)), stdout(""), endRecord(0, 0))
	},
	"answers-first": func(q *charge) { q.send(stdout(plainHead+q.text(5)), stdout(""), endRecord(0, 0)) },
	"answers-and-closes": func(q *charge) {
		q.send(stdout(plainHead+q.text(5)), stdout(""), endRecord(0, 0))
		q.over = true
	},

	// Records that are none, or not of this request.
	"garbage": func(q *charge) { _, _ = q.Write(bytes.Repeat([]byte("garbage!"), 100)); q.linger() },
	"http": func(q *charge) {
		q.body()
		_, _ = q.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
		q.over = true
	},
	"version": func(q *charge) {
		r := stdout(plainHead + q.text(5))
		r.version = 2
		q.send(r, endRecord(0, 0))
		q.linger()
	},
	"id":         func(q *charge) { q.stray(fcgiStdout, 77) },
	"id-0":       func(q *charge) { q.stray(fcgiStdout, 0) },
	"end-id":     func(q *charge) { q.stray(fcgiEnd, 2) },
	"type":       func(q *charge) { q.stray(99, 1) },
	"begin":      func(q *charge) { q.stray(fcgiBegin, 1) },
	"get-values": func(q *charge) { q.stray(fcgiGetValues, 0) },
	"short-end": func(q *charge) {
		q.body()
		q.send(stdout(plainHead+q.text(5)), stdout(""), record{kind: fcgiEnd, id: 1, content: make([]byte, 4)})
		q.linger()
	},

	// Ends of the request.
	"ends-twice": func(q *charge) {
		q.body()
		q.send(stdout(plainHead+q.text(5)), stdout(""), endRecord(0, 0), endRecord(0, 0))
	},
	"after-end": func(q *charge) {
		q.body()
		q.send(stdout(plainHead+q.text(5)), stdout(""), endRecord(0, 0), stdout(plainHead+q.text(7)), stdout(""), endRecord(0, 0))
	},
	"never-begins": func(q *charge) {
		q.body()
		q.linger()
	},
	"overloaded":   func(q *charge) { q.body(); q.send(endRecord(0, 2)) },
	"cant-mpx":     func(q *charge) { q.body(); q.send(endRecord(0, 1)) },
	"unknown-role": func(q *charge) { q.body(); q.send(endRecord(0, 3)) },
	"end-99":       func(q *charge) { q.body(); q.send(endRecord(0, 99)) },
	"app-status":   func(q *charge) { q.body(); q.send(stdout(plainHead+q.text(5)), stdout(""), endRecord(255, 0)) },
	"nothing":      func(q *charge) { q.body(); q.send(stdout(""), endRecord(0, 0)) },

	// The stream.
	"padding": func(q *charge) {
		q.body()
		var all []record
		for i, r := range append(stream(fcgiStdout, 1, []byte(plainHead+q.text(50)), 7), endRecord(0, 0)) {
			r.padding = 255 - i%3
			all = append(all, r)
		}
		q.send(all...)
	},
	"empty-stdout": func(q *charge) {
		q.body()
		q.send(stdout(""), stdout(plainHead+q.text(5)), stdout(""), endRecord(0, 0))
		q.linger()
	},
	"stdout-after-end": func(q *charge) {
		q.body()
		q.send(stdout(plainHead+q.text(5)), stdout(""), stdout(q.text(5)), stdout(""), endRecord(0, 0))
		q.linger()
	},
	"large-records": func(q *charge) {
		q.body()
		q.send(append(stream(fcgiStdout, 1, []byte(plainHead+q.text(20_000)), 65535), endRecord(0, 0))...)
	},
	"dribble": func(q *charge) {
		q.body()
		for _, octet := range q.wire(stdout(plainHead+q.text(5)), stdout(""), endRecord(0, 0)) {
			_, _ = q.Write([]byte{octet})
			pause()
		}
	},
	"only-stderr": func(q *charge) {
		q.body()
		q.send(stderr("nothing but complaints"), stderr(""), stdout(""), endRecord(1, 0))
	},
	"floods-stderr": func(q *charge) {
		q.body()
		for range 100 {
			q.send(stderr(strings.Repeat("complaint ", 1000)))
		}
		q.send(stdout(plainHead+q.text(5)), stdout(""), endRecord(0, 0))
	},
	"interleaved": func(q *charge) {
		q.body()
		var all []record
		for _, octet := range []byte(plainHead + q.text(5)) {
			all = append(all, stdout(string(octet)), stderr("!"))
		}
		q.send(append(all, stderr(""), stdout(""), endRecord(0, 0))...)
	},
	"standard-streams": func(q *charge) {
		fmt.Println("HTTP/1.1 200 OK")
		fmt.Fprintln(os.Stderr, "Status: 500")
		q.behave()
	},
	"loiterer": func(q *charge) {
		loiter()
		q.behave()
	},
	"loiterer-alone": func(q *charge) {
		loiter()
		os.Exit(0)
	},

	// Heads.
	"endless-head": func(q *charge) {
		q.body()
		for i := 0; !q.over && i < 1000; i++ {
			q.send(stdout(strings.Repeat("X-More: and more\r\n", 1000)))
		}
	},
	"large-head": func(q *charge) { q.say(strings.Repeat("X-More: and more\r\n", 60_000)+plainHead, q.text(5)) },
	"no-head":    func(q *charge) { q.say("", q.text(5)) },
	"empty-head": func(q *charge) { q.say("\r\n", q.text(5)) },
	"cr":         func(q *charge) { q.say("X-A: b\rX-Evil: 1\r\n"+plainHead, q.text(5)) },
	"nul":        func(q *charge) { q.say("X-A: b\x00c\r\n"+plainHead, q.text(5)) },
	"fold":       func(q *charge) { q.say("X-A: b\r\n X-Evil: 1\r\n"+plainHead, q.text(5)) },
	"space":      func(q *charge) { q.say("X-A : b\r\n"+plainHead, q.text(5)) },
	"status-101": func(q *charge) { q.say("Status: 101 Switching Protocols\r\n"+plainHead, q.text(5)) },
	"status-abc": func(q *charge) { q.say("Status: abc\r\n"+plainHead, q.text(5)) },
	"status-cr":  func(q *charge) { q.say("Status: 200 OK\rX-Evil: 1\r\n"+plainHead, q.text(5)) },
	"hop-by-hop": func(q *charge) {
		q.say("Transfer-Encoding: chunked\r\nKeep-Alive: timeout=1\r\nTrailer: X-Evil\r\nUpgrade: evil\r\n"+plainHead, q.text(5))
	},

	// Lengths.
	"two-lengths": func(q *charge) { q.say("Content-Length: 5\r\nContent-Length: 6\r\n"+plainHead, q.text(5)) },
	"bad-length":  func(q *charge) { q.say("Content-Length: +5\r\n"+plainHead, q.text(5)) },
	"too-long":    func(q *charge) { q.say("Content-Length: 10\r\n"+plainHead, q.text(5)) },
	"too-short":   func(q *charge) { q.say("Content-Length: 1000\r\n"+plainHead, q.text(5)) },
	"much-too-long": func(q *charge) {
		q.say("Content-Length: 100000\r\n"+plainHead, q.text(50_000))
	},
	"head": func(q *charge) { q.say(plainHead, q.text(5)) },
	"204":  func(q *charge) { q.say("Status: 204 No Content\r\n"+plainHead, q.text(5)) },
	"304":  func(q *charge) { q.say("Status: 304 Not Modified\r\nContent-Length: 50\r\n"+plainHead, q.text(5)) },
}

// stray sends a record that has no place in an answer before the answer.
func (q *charge) stray(kind byte, id uint16) {
	q.body()
	q.send(record{kind: kind, id: id, content: binary.BigEndian.AppendUint64(nil, 1)}, stdout(plainHead+q.text(5)), stdout(""), endRecord(0, 0))
	q.linger()
}

// verdicts are what clients may get for a misdeed, if it is not 502: statuses, and
// "cut" for an answer whose end is missing and which says so.
var verdicts = map[string]string{
	"reads-slowly": "200", "answers-first": "200", "answers-and-closes": "200",
	"ends-twice": "200", "after-end": "200", "app-status": "200", "padding": "200",
	"large-records": "200", "dribble": "200", "floods-stderr": "200", "interleaved": "200",
	"standard-streams": "200", "loiterer": "200", "hop-by-hop": "200", "head": "200", "204": "204", "304": "304",
	"overloaded": "502 503", "cant-mpx": "502 503",
	"reads-nothing": "504", "stop": "504", "half-header": "504", "never-begins": "504",
	// What has been sent already cannot be taken back.
	"crash": "502 cut", "early-close": "502 cut", "half-record": "502 cut", "stdout-after-end": "502 cut", "short-end": "502 cut",
	"too-long": "502 cut", "too-short": "502 cut", "much-too-long": "200 502 cut",
}

// allowed reports whether a client may get this for a misdeed.
func allowed(deed, got string) bool {
	want := verdicts[deed]
	if want == "" {
		want = "502"
	}
	return slices.Contains(strings.Fields(want), got)
}
