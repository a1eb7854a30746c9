package load

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestAgainstNetHTTP runs every shape of load against a server that is known
// to be right, and checks that both count the same.
func TestAgainstNetHTTP(t *testing.T) {
	big := bytes.Repeat([]byte("0123456789abcdef"), 40000)
	mux := http.NewServeMux()
	mux.HandleFunc("/hello", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello\n") })
	mux.HandleFunc("/big", func(w http.ResponseWriter, _ *http.Request) { w.Write(big) })
	mux.HandleFunc("/chunks", func(w http.ResponseWriter, _ *http.Request) {
		for i := range 3 {
			fmt.Fprintf(w, "chunk %d\n", i)
			w.(http.Flusher).Flush()
		}
	})
	mux.HandleFunc("/none", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("/same", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) })
	mux.HandleFunc("/last", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		io.WriteString(w, "bye\n")
	})
	mux.HandleFunc("/hints", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		io.WriteString(w, "hello\n")
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Write(body)
	})
	mux.HandleFunc("/head", func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "example.org" || r.Header.Get("X-A") != "b c" {
			w.WriteHeader(http.StatusBadRequest)
		}
	})
	var served atomic.Uint64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served.Add(1)
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	for _, test := range []struct {
		name   string
		path   string
		config Config
		status int
	}{
		{"kept", "/hello", Config{ExpectBody: []byte("hello\n")}, 200},
		{"close", "/hello", Config{Close: true, ExpectBody: []byte("hello\n")}, 200},
		{"pipelined", "/hello", Config{Pipeline: 7, ExpectBody: []byte("hello\n")}, 200},
		{"HEAD", "/big", Config{Method: "HEAD"}, 200},
		{"big", "/big", Config{ExpectBody: big}, 200},
		{"big to a close", "/big", Config{ExpectBody: big, Close: true}, 200},
		{"chunks", "/chunks", Config{ExpectBody: []byte("chunk 0\nchunk 1\nchunk 2\n")}, 200},
		{"chunks pipelined", "/chunks", Config{Pipeline: 3, ExpectBody: []byte("chunk 0\nchunk 1\nchunk 2\n")}, 200},
		{"204", "/none", Config{ExpectBody: []byte{}}, 204},
		{"304", "/same", Config{ExpectBody: []byte{}}, 304},
		{"announced close", "/last", Config{ExpectBody: []byte("bye\n")}, 200},
		{"103", "/hints", Config{ExpectBody: []byte("hello\n")}, 200},
		{"POST", "/echo", Config{Method: "POST", Body: []byte("some body"), ExpectBody: []byte("some body")}, 200},
		{"large POST", "/echo", Config{Method: "POST", Body: big, ExpectBody: big}, 200},
		{"large POST pipelined", "/echo", Config{Method: "POST", Body: big, ExpectBody: big, Pipeline: 3}, 200},
		{"fields", "/head", Config{Headers: []string{"host: example.org", "X-A:  b c"}}, 200},
		{"query", "/hello?x=1", Config{}, 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := test.config
			c.URL, c.ExpectStatus = server.URL+test.path, test.status
			c.Connections, c.Requests = 3, 50
			before := served.Load()
			report, err := Run(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			checkErrors(t, report, nil)
			if report.Requests != 50 || report.Inside != 50 || report.Statuses[test.status] != 50 || report.Tail != 0 {
				t.Errorf("requests %d, inside %d, tail %d, statuses %v", report.Requests, report.Inside, report.Tail, report.Statuses)
			}
			if got := served.Load() - before; got != 50 {
				t.Errorf("the server saw %d requests", got)
			}
			if c.Close && report.Connects != 50 || !c.Close && test.path != "/last" && report.Connects != 3 {
				t.Errorf("%d connections", report.Connects)
			}
			if report.Latency.TotalCount() != 50 || report.BytesRead == 0 || report.BytesWritten == 0 {
				t.Errorf("%d latencies, %d octets read, %d written", report.Latency.TotalCount(), report.BytesRead, report.BytesWritten)
			}
		})
	}
}

func TestUnixSocket(t *testing.T) {
	url := scriptedUnix(t, answering(hello))
	report, err := Run(t.Context(), Config{URL: url, Target: "/x?y=z", Requests: 20, ExpectBody: []byte("hello\n")})
	if err != nil {
		t.Fatal(err)
	}
	checkErrors(t, report, nil)
	if report.Requests != 20 {
		t.Errorf("%d answers", report.Requests)
	}
}

// Requests pipelined behind an announced close are sent again and are not
// errors, even if the server resets them.
func TestAnnouncedCloseInPipeline(t *testing.T) {
	for _, wild := range []bool{false, true} {
		url := scripted(t, func(conn net.Conn, number int) {
			if number > 0 {
				answering(hello)(conn, number)
				return
			}
			r := bufio.NewReader(conn)
			for range 5 {
				if !readRequest(r) {
					return
				}
			}
			io.WriteString(conn, hello+"HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 0\r\n\r\n")
			if wild {
				reset(conn)
			}
		})
		report, err := Run(t.Context(), Config{URL: url, Connections: 1, Requests: 5, Pipeline: 5})
		if err != nil {
			t.Fatal(err)
		}
		checkErrors(t, report, nil)
		if report.Requests != 5 || report.Resent != 3 || report.Connects != 2 {
			t.Errorf("requests %d, resent %d, connections %d", report.Requests, report.Resent, report.Connects)
		}
	}
}

// The interval of a run that is limited by time ends it, and the answers on
// their way are awaited.
func TestDuration(t *testing.T) {
	url := scripted(t, answering(hello))
	report, err := Run(t.Context(), Config{URL: url, Connections: 2, Warmup: 200 * time.Millisecond, Duration: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	checkErrors(t, report, nil)
	if report.Elapsed < 300*time.Millisecond || report.Inside == 0 || report.WarmRequests == 0 || report.Rate() <= 0 {
		t.Errorf("elapsed %v, inside %d, warm %d", report.Elapsed, report.Inside, report.WarmRequests)
	}
	if report.Tail > 2 || report.Abandoned != 0 {
		t.Errorf("tail %d, abandoned %d", report.Tail, report.Abandoned)
	}
}

// An answer that comes after the interval is in the counts and the histogram,
// and not in the rate.
func TestTail(t *testing.T) {
	c := keptConnection(t, 1, hello)
	c.run.end.Store(1) // a nanosecond after the beginning: over when the answer comes
	c.exchange(1)
	c.leave()
	report := &Report{Elapsed: time.Second}
	c.run.tally.fill(report)
	if report.Requests != 1 || report.Tail != 1 || report.Inside != 0 || report.Rate() != 0 {
		t.Errorf("requests %d, tail %d, inside %d", report.Requests, report.Tail, report.Inside)
	}
}

func TestCanceled(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	url := scripted(t, func(conn net.Conn, _ int) {
		r := bufio.NewReader(conn)
		readRequest(r)
		io.WriteString(conn, hello)
		readRequest(r)
		cancel(why)
		io.Copy(io.Discard, conn)
	})
	report, err := Run(ctx, Config{URL: url, Connections: 1, Timeout: time.Minute})
	if !errors.Is(err, why) {
		t.Fatalf("err = %v", err)
	}
	checkErrors(t, report, nil)
	if report.Requests != 1 || report.Abandoned != 1 {
		t.Errorf("requests %d, abandoned %d", report.Requests, report.Abandoned)
	}
}

func TestReportForms(t *testing.T) {
	url := scripted(t, answering("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"))
	report, err := Run(t.Context(), Config{URL: url, Requests: 30, Connections: 2, ExpectStatus: 200})
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := report.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"requests     30 in ", "404: 30", "failures     30", "status ", "p99.9 ", "the status was 404"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
	octets, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	var back struct {
		Requests uint64             `json:"requests"`
		Errors   map[Kind]uint64    `json:"errors"`
		Classes  map[string]uint64  `json:"status_classes"`
		Latency  map[string]float64 `json:"latency_us"`
	}
	if err := json.Unmarshal(octets, &back); err != nil {
		t.Fatal(err)
	}
	if back.Requests != 30 || back.Errors[Status] != 30 || back.Classes["4xx"] != 30 || back.Latency["p50"] < 1 {
		t.Errorf("%+v", back)
	}
	var empty bytes.Buffer
	none := &Report{Latency: newTally().latency}
	if err := none.WriteText(&empty); err != nil {
		t.Error(err)
	}
	if _, err := json.Marshal(none); err != nil {
		t.Error(err)
	}
}
