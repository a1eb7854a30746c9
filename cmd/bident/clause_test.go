//go:build unix

package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// clauses are what FastCGI 1.0 says of a responder, each with the section that says
// so. The connection is fresh for each, and closed after it.
var clauses = map[string]func(*webServer){
	"3.3 version": func(w *webServer) {
		for _, version := range []byte{2, 127, 255} {
			wrong := hello(1)
			wrong[0].version = version
			w.send(wrong...)
			w.closed()
		}
		wrong := hello(1)
		wrong[1].version = 3 // in the middle of a request
		w.send(wrong...)
		w.closed()
	},
	"3.3 padding": func(w *webServer) {
		for padding := range 256 {
			padded := whole(1, environ("POST", "/echo", 100), strings.Repeat("p", 100))
			for i := range padded {
				padded[i].padding = (padding + i) % 256
			}
			w.send(padded...)
			w.expect(1, strings.Repeat("p", 100))
		}
	},
	"3.3 request ids": func(w *webServer) {
		for _, id := range []uint16{1, 2, 255, 256, 32768, 65535, 1} {
			w.send(hello(id)...)
			w.expect(id, "hello\n")
		}
	},
	"3.3 inactive ids": func(w *webServer) {
		stray := []record{
			{kind: fcgiParams, id: 9, content: []byte("no pairs")}, {kind: fcgiParams, id: 9}, {kind: fcgiStdin, id: 9, content: []byte("x")},
			{kind: fcgiStdin, id: 9}, {kind: fcgiData, id: 9}, {kind: fcgiAbort, id: 9}, {kind: 200, id: 9},
		}
		w.send(stray...)
		w.serves()
		records := whole(1, environ("POST", "/echo", 5), "hello")
		for i := range records {
			w.send(records[i])
			w.send(stray...)
		}
		w.expect(1, "hello")
		w.serves()
	},
	"3.3 stream in pieces": func(w *webServer) {
		body := strings.Repeat("0123456789", 30)
		for _, size := range []int{1, 7, 8, 255} {
			w.send(slices.Concat([]record{beginRecord(1, responderRole, keepConn)},
				stream(fcgiParams, 1, encode(environ("POST", "/echo", len(body)), false), size), stream(fcgiStdin, 1, []byte(body), size))...)
			w.expect(1, body)
		}
	},
	"3.3 octet by octet": func(w *webServer) {
		for _, octet := range wire(whole(1, environ("POST", "/echo", 2), "ab")...) {
			w.octets([]byte{octet})
		}
		w.expect(1, "ab")
	},
	"3.3 largest records": func(w *webServer) {
		body := strings.Repeat("x", 3*65535)
		records := whole(1, environ("POST", "/echo", len(body)), body)
		for i := range records {
			records[i].padding = 255
		}
		w.send(records...)
		w.expect(1, body)
	},
	"3.4 lengths of four octets": func(w *webServer) {
		params := encode(environ("GET", "/envsum?prefix=HTTP_X_", -1, "HTTP_X_A", "1", "HTTP_X_B", ""), true)
		w.send(slices.Concat([]record{beginRecord(1, responderRole, keepConn)}, stream(fcgiParams, 1, params, 65535), stream(fcgiStdin, 1, nil, 1))...)
		w.expectSum(1, "HTTP_X_A=1\n", "HTTP_X_B=\n")
	},
	"3.4 long names and values": func(w *webServer) {
		for _, n := range []int{126, 127, 128, 129, 1000, 30_000} {
			name, value := "HTTP_X_"+strings.Repeat("N", n-7), strings.Repeat("v", n)
			w.send(whole(1, environ("GET", "/envsum?prefix=HTTP_X_", -1, name, value), "")...)
			w.expectSum(1, name+"="+value+"\n")
		}
	},
	"3.4 parameters split anywhere": func(w *webServer) {
		env := environ("GET", "/envsum?prefix=HTTP_X_", -1, "HTTP_X_LONG", strings.Repeat("v", 200))
		params := encode(env, false)
		for at := range params {
			w.send(beginRecord(1, responderRole, keepConn))
			if at > 0 {
				w.send(record{kind: fcgiParams, id: 1, content: params[:at], padding: at % 9})
			}
			w.send(slices.Concat(stream(fcgiParams, 1, params[at:], 65535), stream(fcgiStdin, 1, nil, 1))...)
			w.expectSum(1, "HTTP_X_LONG="+strings.Repeat("v", 200)+"\n")
		}
	},
	"3.4 truncated pair": func(w *webServer) {
		params := encode(environ("GET", "/hello", -1), true)
		for _, n := range []int{1, 4, 9, len(params) - 1} {
			w.send(beginRecord(1, responderRole, keepConn))
			w.send(stream(fcgiParams, 1, params[:n], 65535)...)
			w.closed()
		}
	},
	"3.4 announced length": func(w *webServer) {
		huge := binary.BigEndian.AppendUint32(nil, 1<<31|1<<30)
		w.send(beginRecord(1, responderRole, keepConn))
		_, _ = w.Write(wire(record{kind: fcgiParams, id: 1, content: append(huge, huge...)}, record{kind: fcgiParams, id: 1}))
		w.unserved(1)
	},
	"4.1 FCGI_GET_VALUES": func(w *webServer) {
		all := w.values("FCGI_MAX_CONNS", "FCGI_MAX_REQS", "FCGI_MPXS_CONNS")
		for name, value := range all {
			var n int
			if _, err := fmt.Sscanf(value, "%d", &n); err != nil || fmt.Sprint(n) != value || name != "FCGI_MPXS_CONNS" && n < 1 || n < 0 {
				w.t.Errorf("%s: %q", name, value)
			}
		}
		if len(all) != 3 || len(all["FCGI_MPXS_CONNS"]) != 1 {
			w.t.Errorf("values %q", all)
		}
		if one := w.values("FCGI_MAX_REQS"); len(one) != 1 || one["FCGI_MAX_REQS"] != all["FCGI_MAX_REQS"] {
			w.t.Errorf("one value: %q", one)
		}
		w.serves()
	},
	"4.1 unknown names": func(w *webServer) {
		if got := w.values("FCGI_NOTHING", "", "FCGI_MAX_CONNS", "fcgi_mpxs_conns"); len(got) != 1 || got["FCGI_MAX_CONNS"] == "" {
			w.t.Errorf("values %q", got)
		}
		if got := w.values(); len(got) != 0 {
			w.t.Errorf("values %q", got)
		}
	},
	"4.1 in pieces": func(w *webServer) {
		for _, octet := range (record{kind: fcgiGetValues, content: pair("FCGI_MPXS_CONNS", "", true), padding: 3}).octets() {
			w.octets([]byte{octet})
		}
		if got := w.next(); got.kind != fcgiValues || got.id != 0 {
			w.t.Errorf("type %d, id %d", got.kind, got.id)
		}
	},
	"4.2 unknown types": func(w *webServer) {
		for _, kind := range []byte{0, 12, 99, 255} {
			for _, n := range []int{0, 8, 65535} {
				w.send(record{kind: kind, content: make([]byte, n), padding: n % 256})
				got := w.next()
				if got.kind != fcgiUnknown || got.id != 0 || len(got.content) != 8 || got.content[0] != kind {
					w.t.Fatalf("type %d: answer of type %d, id %d, %v", kind, got.kind, got.id, got.content)
				}
			}
		}
		w.serves()
	},
	"4 management between the records of a request": func(w *webServer) {
		ask := record{kind: fcgiGetValues, content: pair("FCGI_MPXS_CONNS", "", false)}
		var between []record
		records := slices.Concat([]record{beginRecord(1, responderRole, keepConn)},
			stream(fcgiParams, 1, encode(environ("POST", "/echo", 6), false), 100), stream(fcgiStdin, 1, []byte("abcdef"), 2))
		for _, r := range records {
			between = append(between, r, ask)
		}
		w.send(between...)
		got := w.expect(1, "abcdef")
		for n := len(got.values); n < len(records); n++ { // the last may come after the answer
			if r := w.next(); r.kind != fcgiValues {
				w.t.Fatalf("type %d after the answer, %d of %d results", r.kind, n, len(records))
			}
		}
		w.serves()
	},
	"5.1 unknown role": func(w *webServer) {
		for _, role := range []uint16{0, 4, 255, 256, 65535} {
			w.send(beginRecord(3, role, keepConn))
			w.refused(3, 3)
			w.serves()
		}
		records := hello(3) // what belongs to it is ignored
		records[0] = beginRecord(3, 77, keepConn)
		w.send(records...)
		w.refused(3, 3)
		w.serves()
		w.send(beginRecord(3, 77, 0))
		w.refused(3, 3)
		w.closed()
	},
	"5.1 flags": func(w *webServer) {
		records := hello(1)
		records[0] = beginRecord(1, responderRole, 0xff) // the others mean nothing
		w.send(records...)
		w.expect(1, "hello\n")
		w.serves()
		for range 3 {
			records[0] = beginRecord(1, responderRole, 0xfe)
			w.send(records...)
			w.expect(1, "hello\n")
			w.closed()
		}
	},
	"5.1 length": func(w *webServer) {
		for _, n := range []int{0, 7, 9, 300} {
			w.send(record{kind: fcgiBegin, id: 1, content: make([]byte, n)})
			w.closed()
		}
	},
	"5.1 active id": func(w *webServer) {
		w.send(beginRecord(1, responderRole, keepConn), beginRecord(1, responderRole, keepConn))
		w.closed()
	},
	"5.5 FCGI_CANT_MPX_CONN": func(w *webServer) {
		multiplexes := w.values("FCGI_MPXS_CONNS")["FCGI_MPXS_CONNS"] == "1"
		records := whole(1, environ("POST", "/echo", 2), "ab")
		for n := 1; n < len(records); n++ {
			w.send(records[:n]...)
			w.send(hello(2)...)
			if multiplexes {
				w.expect(2, "hello\n")
			} else {
				w.refused(2, 1)
			}
			w.send(records[n:]...)
			w.expect(1, "ab")
		}
		w.serves()
	},
	"5.5 one after the other": func(w *webServer) {
		var all []record
		for id := range uint16(50) {
			all = append(all, whole(id+1, environ("POST", "/echo", 3), fmt.Sprintf("%03d", id))...)
		}
		go func() { _, _ = w.Write(wire(all...)) }() // which is allowed to wait for the answers
		for id := range uint16(50) {
			w.expect(id+1, fmt.Sprintf("%03d", id))
		}
	},
	"6.2 responder": func(w *webServer) {
		w.send(whole(1, environ("GET", "/status?c=418", -1), "")...)
		if status, _, body := w.reply(1).head(); status != 418 || body != "status 418\n" {
			w.t.Errorf("status %d, %q", status, body)
		}
		w.send(whole(1, environ("HEAD", "/hello", -1), "")...)
		if status, fields, body := w.reply(1).head(); status != 200 || body != "" || !strings.Contains(fields, "text/plain") {
			w.t.Errorf("HEAD: status %d, fields %q, body %q", status, fields, body)
		}
		w.send(whole(1, environ("GET", "/cookies", -1), "")...)
		if _, fields, _ := w.reply(1).head(); strings.Count(fields, "Set-Cookie: ") != 2 || !strings.Contains(fields, "X-Bident-Worker: ") {
			w.t.Errorf("fields %q", fields)
		}
	},
	"6.2 large answer": func(w *webServer) {
		w.send(whole(1, environ("GET", "/bytes?n=1000003", -1), "")...)
		_, _, body := w.reply(1).head()
		for i := range body {
			if body[i] != byte(i%251) {
				w.t.Fatalf("octet %d is %d", i, body[i])
			}
		}
		if len(body) != 1000003 {
			w.t.Errorf("%d octets", len(body))
		}
	},
	"6.2 error stream": func(w *webServer) {
		w.send(whole(1, environ("GET", "/stderr?msg=oh+dear", -1), "")...)
		if got := w.expect(1, "ok\n"); !strings.Contains(string(got.stderr), "oh dear") {
			w.t.Errorf("FCGI_STDERR %q", got.stderr)
		}
		w.send(hello(1)...)
		if got := w.expect(1, "hello\n"); len(got.stderr) > 0 {
			w.t.Errorf("FCGI_STDERR of the request before: %q", got.stderr)
		}
	},
	"6.3 authorizer": func(w *webServer) {
		for range 2 {
			begin := []record{beginRecord(1, authorizerRole, keepConn)}
			w.send(append(begin, stream(fcgiParams, 1, encode(environ("GET", "/authz", -1), false), 65535)...)...)
			if status, fields, body := w.reply(1).head(); status != 200 || body != "" || !strings.Contains(fields, "\r\nVariable-HO_USER: alice") {
				w.t.Errorf("status %d, fields %q, body %q", status, fields, body)
			}
			deny := append(begin, stream(fcgiParams, 1, encode(environ("GET", "/authz", -1, "HTTP_X_DENY", "1"), false), 65535)...)
			w.send(append(deny, record{kind: fcgiStdin, id: 1})...) // that some web servers send
			if status, fields, body := w.reply(1).head(); status != 403 || body != "denied\n" || strings.Contains(fields, "Variable-") {
				w.t.Errorf("status %d, fields %q, body %q", status, fields, body)
			}
		}
		w.serves()
	},
	"6.4 filter": func(w *webServer) {
		records := whole(1, environ("POST", "/echo", 2, "FCGI_DATA_LENGTH", "4", "FCGI_DATA_LAST_MOD", "0"), "ab")
		records[0] = beginRecord(1, filterRole, keepConn)
		w.send(append(records, stream(fcgiData, 1, []byte("data"), 3)...)...)
		switch got := w.reply(1); got.protocol {
		case 3: // FCGI_UNKNOWN_ROLE
		case 0:
			if _, _, body := got.head(); body != "ab" {
				w.t.Errorf("body %q", body)
			}
		default:
			w.t.Errorf("protocol status %d", got.protocol)
		}
		w.serves()
	},
	"garbage": func(w *webServer) {
		random := rand.New(rand.NewPCG(1, 2))
		for range 200 {
			b := make([]byte, 1+random.IntN(200))
			for i := range b {
				b[i] = byte(random.Uint32())
			}
			if random.IntN(2) == 0 {
				b[0] = 1
				b = append(wire(hello(1)[:random.IntN(3)]...), b...)
			}
			w.octets(b)
			w.renew()
		}
		w.serves()
	},
	"truncated": func(w *webServer) {
		b := wire(whole(1, environ("POST", "/echo", 5), "hello")...)
		for n := 0; n < len(b); n += 5 {
			w.octets(b[:n])
			w.renew()
		}
		w.serves()
	},
}

// TestClauses holds the FastCGI front to the specification, in both modes, and where
// children have the connections.
func TestClauses(t *testing.T) {
	for _, k := range fcgiKinds() {
		t.Run(k.name, func(t *testing.T) {
			d := serveForTest(t, append([]string{"--listen=fcgi+unix://" + shortDir(t) + "/s"}, k.flags...)...)
			d.errs = true // what is written to FCGI_STDERR
			for name, clause := range clauses {
				t.Run(name, func(t *testing.T) {
					w := dialResponder(t, d.urls[0])
					clause(w)
					w.Close()
				})
			}
			t.Run("4.1 values of the configuration", func(t *testing.T) {
				d := serveForTest(t, append(slices.Clone(k.flags), "--listen=fcgi+unix://"+shortDir(t)+"/s", "--max-servers=3", "--queue-size=4")...)
				w := dialResponder(t, d.urls[0])
				defer w.Close()
				// Lanes and places in the queue, one request for each connection. A child
				// that has the connections says how it was when it was started.
				wants := map[string][]string{"slot": {"28", "28"}, "classic": {"7", "7"}}[k.name]
				if wants == nil {
					wants = []string{"7", "9"}
				}
				for _, want := range wants {
					got := w.values("FCGI_MAX_CONNS", "FCGI_MAX_REQS", "FCGI_MPXS_CONNS")
					if got["FCGI_MAX_CONNS"] != want || got["FCGI_MAX_REQS"] != want || got["FCGI_MPXS_CONNS"] != "0" {
						t.Errorf("%q, not %s", got, want)
					}
					if out, code := d.bident("ctl", "scale", "5"); code != 0 {
						t.Errorf("scale: %d %s", code, out)
					}
				}
			})
			t.Run("conduct", func(t *testing.T) { testConduct(t, d.urls[0]) })
		})
	}
}
