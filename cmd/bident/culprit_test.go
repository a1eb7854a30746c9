//go:build unix

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// socket is where the culprit is asked. A variable: a file that nobody knows any more is
// closed, and its descriptor would be the next connection's.
var socket = os.NewFile(0, "socket")

// culprit is an external FastCGI program that misbehaves: as its argument says, for
// as long as it lives, or as the path of a request says. It writes its records by
// itself.
func culprit() {
	signal.Ignore(syscall.SIGPIPE)
	listener, err := net.FileListener(socket)
	if err == nil {
		if len(os.Args) > 1 {
			standing[os.Args[1]](listener)
		}
		err = accuse(listener, false)
	}
	fmt.Fprintln(os.Stderr, "culprit:", err)
	os.Exit(1)
}

// standing are the misdeeds for life. Those that return serve all the same.
var standing = map[string]func(net.Listener){
	"exits":         func(net.Listener) { os.Exit(0) },
	"never-accepts": func(net.Listener) { select {} },
	"stops":         func(net.Listener) { _ = syscall.Kill(os.Getpid(), syscall.SIGSTOP) },
	"no-socket": func(l net.Listener) {
		l.Close()
		_ = syscall.Close(0)
		select {}
	},
	"closes": func(l net.Listener) {
		for {
			if c, err := l.Accept(); err == nil {
				c.Close()
			}
		}
	},
	"one-shot": func(l net.Listener) {
		_ = accuse(l, true)
		os.Exit(0)
	},
	"stubborn": func(net.Listener) { signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR1) },
	"orphans": func(net.Listener) {
		loiter()
		os.Exit(0)
	},
}

// loiter starts a process that does nothing and holds what this one has open.
func loiter() {
	cmd := exec.Command("sleep", "1000")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = socket, os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "culprit:", err)
	}
}

// accuse serves one connection after the other, or one request alone.
func accuse(l net.Listener, once bool) error {
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		r := bufio.NewReader(c)
		for {
			q := &charge{Conn: c, r: r}
			if err := q.begin(); err != nil {
				break
			}
			switch deed := misdeeds[q.path]; {
			case deed != nil:
				deed(q)
			case q.path == "never-ends": // nor does it hear that the client has left
				q.send(stdout(plainHead + q.text(5)))
				q.linger()
			case q.path == "awaits-abort":
				q.awaitAbort()
			default:
				q.behave()
			}
			if once {
				return nil
			}
			if q.over || !q.keep {
				break
			}
		}
		c.Close()
	}
}

// charge is one request that the culprit is given.
type charge struct {
	net.Conn
	r      *bufio.Reader
	id     uint16
	params map[string]string
	path   string
	tag    string
	keep   bool
	over   bool // the connection is to be closed
}

// begin reads a request up to the end of its parameters. What is left over of the
// one before is skipped.
func (q *charge) begin() error {
	var params []byte
	for begun := false; ; {
		got, err := readRecord(q.r)
		if err != nil {
			return err
		}
		switch {
		case got.kind == fcgiBegin:
			begun, q.keep, q.id = true, got.content[2]&1 != 0, got.id
		case got.kind == fcgiParams && begun && len(got.content) == 0:
			if q.params, err = pairs(params); err != nil {
				return err
			}
			path, query, _ := strings.Cut(q.params["REQUEST_URI"], "?")
			q.path = strings.TrimPrefix(path, "/")
			values, err := url.ParseQuery(query)
			q.tag = values.Get("tag")
			return err
		case got.kind == fcgiParams && begun:
			params = append(params, got.content...)
		}
	}
}

// wire are the octets of records, in which id 1 stands for that of the request, and
// others for others; 0 stays.
func (q *charge) wire(records ...record) []byte {
	records = slices.Clone(records)
	for i := range records {
		if records[i].id > 0 {
			records[i].id += q.id - 1
		}
	}
	return wire(records...)
}

// body reads all of it.
func (q *charge) body() (b []byte) {
	for {
		got, err := readRecord(q.r)
		if err != nil || got.kind == fcgiStdin && len(got.content) == 0 {
			return b
		}
		if got.kind == fcgiStdin {
			b = append(b, got.content...)
		}
	}
}

// text is an answer of n lines that nobody else gets.
func (q *charge) text(n int) string { return tagged(q.tag, n) }

// tagged is what a request with a tag is answered.
func tagged(tag string, n int) string { return strings.Repeat(tag+"\n", n) }

const plainHead = "Content-Type: text/plain\r\n\r\n"

func stdout(text string) record { return record{kind: fcgiStdout, id: 1, content: []byte(text)} }
func stderr(text string) record { return record{kind: fcgiStderr, id: 1, content: []byte(text)} }

// endRecord is the end of a request, with its two statuses (section 5.5).
func endRecord(app, protocol byte) record {
	return record{kind: fcgiEnd, id: 1, content: []byte{0, 0, 0, app, protocol, 0, 0, 0}}
}

// send writes records, in one piece.
func (q *charge) send(records ...record) {
	if _, err := q.Write(q.wire(records...)); err != nil && !errors.Is(err, syscall.EPIPE) {
		q.over = true
	}
}

// say reads the request and answers with this head and body.
func (q *charge) say(head, body string) {
	q.body()
	q.send(append(stream(fcgiStdout, 1, []byte(head+body), 65535), endRecord(0, 0))...)
}

// behave answers as it should: with the tag, and with the body that came.
func (q *charge) behave() {
	body := q.body()
	text := q.text(100) + string(body)
	q.send(append(stream(fcgiStdout, 1, fmt.Appendf(nil, "Content-Length: %d\r\n%s%s", len(text), plainHead, text), 65535), endRecord(0, 0))...)
}

// awaitAbort begins an answer, and ends it when it is told that nobody wants it.
func (q *charge) awaitAbort() {
	q.send(stdout(plainHead + q.text(5)))
	for {
		got, err := readRecord(q.r)
		if err != nil {
			q.over = true
			return
		}
		if got.kind == fcgiAbort {
			fmt.Fprintln(os.Stderr, "aborted", q.tag)
			q.send(stdout(""), endRecord(0, 0))
			return
		}
	}
}

// linger waits until the server closes the connection, or for ever.
func (q *charge) linger() {
	_, _ = io.Copy(io.Discard, q)
	q.over = true
}

// pause is a while of the program's, as slow as programs are.
func pause() { time.Sleep(time.Millisecond) }
