package fork

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"
)

// kept is a log that keeps its records.
type kept struct {
	mu      sync.Mutex
	records []slog.Record
}

func (k *kept) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelDebug }
func (k *kept) WithAttrs([]slog.Attr) slog.Handler           { return k }
func (k *kept) WithGroup(string) slog.Handler                { return k }

func (k *kept) Handle(_ context.Context, r slog.Record) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.records = append(k.records, r)
	return nil
}

// attrsOf lists the attributes of a record.
func attrsOf(r slog.Record) (list []slog.Attr) {
	r.Attrs(func(a slog.Attr) bool {
		list = append(list, a)
		return true
	})
	return list
}

// record makes a record with attributes.
func record(level slog.Level, msg string, attrs ...any) slog.Record {
	r := slog.NewRecord(time.Unix(1700000000, 5), level, msg, 0)
	r.Add(attrs...)
	return r
}

// relayed is what relay makes of output, as "LEVEL message [attributes]".
func relayed(output io.Reader) (list []string) {
	var k kept
	relay(output, slog.New(&k), new(stacks), slog.String("stream", "stderr"))
	for _, r := range k.records {
		list = append(list, fmt.Sprint(r.Level, " ", r.Message, " ", attrsOf(r)))
	}
	return list
}

// panicking is a value whose methods panic.
type panicking struct{}

func (panicking) String() string { panic("no text") }

// lazy is a value that has to be asked.
type lazy struct{}

func (lazy) LogValue() slog.Value { return slog.GroupValue(slog.Int("n", 1), slog.String("s", "t")) }

func TestRecordArrives(t *testing.T) {
	at := time.Date(2024, 2, 29, 1, 2, 3, 4, time.UTC)
	in := record(slog.LevelError+1, "one\ntwo",
		"string", "a\tb\n\"c\" <&> \u00fc", "int", -5, "uint", uint64(math.MaxUint64), "float", 0.1, "inf", math.Inf(-1),
		"bool", true, "duration", 1500*time.Millisecond, "time", at, "error", io.ErrUnexpectedEOF,
		"any", []int{1, 2}, "bytes", []byte("raw"), "addr", netip.MustParseAddr("::1"), "nil", nil,
		slog.Group("g", "x", 1, slog.Group("h", "y", 2)), slog.Group("", "inline", 3), slog.Group("empty"), "lazy", lazy{},
		"slot", 77, "pid", 88)
	want := []slog.Attr{
		slog.String("string", "a\tb\n\"c\" <&> \u00fc"), slog.Int("int", -5), slog.Uint64("uint", math.MaxUint64),
		slog.Float64("float", 0.1), slog.Float64("inf", math.Inf(-1)), slog.Bool("bool", true),
		slog.Duration("duration", 1500*time.Millisecond), slog.Time("time", at), slog.String("error", "unexpected EOF"),
		slog.String("any", "[1 2]"), slog.String("bytes", "raw"), slog.String("addr", "::1"), slog.String("nil", "<nil>"),
		slog.Group("g", "x", 1, slog.Group("h", "y", 2)), slog.Group("", "inline", 3),
		slog.Group("lazy", "n", 1, "s", "t"),
	}
	var k kept
	relay(bytes.NewReader(RecordLine(in)), slog.New(&k), new(stacks))
	if len(k.records) != 1 {
		t.Fatalf("%d records", len(k.records))
	}
	r := k.records[0]
	if r.Level != in.Level || r.Message != in.Message || !r.Time.Equal(in.Time) {
		t.Errorf("%v %q at %v", r.Level, r.Message, r.Time)
	}
	if got := attrsOf(r); !slices.EqualFunc(got, want, slog.Attr.Equal) {
		t.Errorf("got\n%v, expected\n%v", got, want)
	}
}

// TestOddValues: no value keeps its record from arriving.
func TestOddValues(t *testing.T) {
	deep := slog.Int("leaf", 1)
	for range 3 * maxGroups {
		deep = slog.Group("g", deep)
	}
	for name, v := range map[string]any{
		"panics": panicking{}, "nil pointer": (*panicking)(nil), "nil error": error((*textual)(nil)), "NaN": math.NaN(),
		"year 20000": time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC), "year -1": time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC),
		"function": func() {}, "deep": deep.Value, "not UTF-8": "a\xffb",
	} {
		var k kept
		relay(bytes.NewReader(RecordLine(record(slog.LevelWarn, name, "v", v))), slog.New(&k), new(stacks))
		if len(k.records) != 1 || k.records[0].Level != slog.LevelWarn || k.records[0].NumAttrs() != 1 {
			t.Errorf("%s: %+v", name, k.records)
		}
	}
}

// textual is an error whose method panics for nil.
type textual struct{ text string }

func (e *textual) Error() string { return e.text }

// TestRecordsAmongText: records and text of one stream do not disturb each other,
// in whatever pieces they come.
func TestRecordsAmongText(t *testing.T) {
	stack := "goroutine 1\n\t" + strings.Repeat("f()\n\t", 4000)
	var out bytes.Buffer
	out.WriteString("plain\n")
	out.Write(RecordLine(record(slog.LevelWarn, "slow", "stack", stack)))
	out.WriteString("no end of line")
	out.Write(RecordLine(record(slog.LevelError, "panic", "panic", "boom\nboom")))
	out.WriteString("x\x00bident-log {\"msg\":\"in the middle\"}\n")
	out.WriteString(strings.Repeat("y", maxLine) + "\x00bident-log {\"msg\":\"in a long line\"}\n")
	out.WriteString("\r\n\nlast")
	want := []string{
		"INFO plain [stream=stderr]",
		"WARN slow [stack=" + stack + "]",
		"INFO no end of line [stream=stderr]",
		"ERROR panic [panic=boom\nboom]",
		"INFO x?bident-log {\"msg\":\"in the middle\"} [stream=stderr]",
		"INFO " + strings.Repeat("y", maxLine) + " [stream=stderr]",
		"INFO ?bident-log {\"msg\":\"in a long line\"} [stream=stderr]",
		"INFO last [stream=stderr]",
	}
	for name, r := range map[string]io.Reader{
		"whole": bytes.NewReader(out.Bytes()), "halves": iotest.HalfReader(bytes.NewReader(out.Bytes())),
		"bytes": iotest.OneByteReader(bytes.NewReader(out.Bytes())),
	} {
		if got := relayed(r); !slices.Equal(got, want) {
			t.Errorf("%s: got %d records:\n%.2000q", name, len(got), got)
		}
	}
}

// TestNotRecords: what only looks like a record is text.
func TestNotRecords(t *testing.T) {
	whole := string(RecordLine(record(slog.LevelError, "m", "k", "v"))[1:])
	for name, line := range map[string]string{
		"nothing":        "\x00bident-log ",
		"no object":      "\x00bident-log 7",
		"cut off":        whole[:len(whole)-3],
		"two":            strings.TrimSpace(whole) + whole,
		"level":          "\x00bident-log " + `{"level":"LOUD","msg":"m"}`,
		"kind":           "\x00bident-log " + `{"level":"INFO","msg":"m","attrs":[{"k":"a","t":99}]}`,
		"kind any":       "\x00bident-log " + `{"level":"INFO","msg":"m","attrs":[{"k":"a","v":"x"}]}`,
		"number":         "\x00bident-log " + `{"level":"INFO","msg":"m","attrs":[{"k":"a","t":4,"v":"x"}]}`,
		"time":           "\x00bident-log " + `{"level":"INFO","msg":"m","attrs":[{"k":"a","t":6,"v":"now"}]}`,
		"nested deep":    "\x00bident-log " + `{"attrs":` + strings.Repeat(`[{"t":8,"g":`, maxGroups+1) + "[]" + strings.Repeat("}]", maxGroups+1) + "}",
		"without a NUL":  "bident-log " + `{"level":"ERROR","msg":"m"}`,
		"more than 64 K": "\x00bident-log " + `{"level":"ERROR","msg":"` + strings.Repeat("x", maxRecord) + `"}`,
	} {
		got := relayed(strings.NewReader(line))
		for i, g := range got {
			if !strings.HasPrefix(g, "INFO ") || !strings.HasSuffix(g, " [stream=stderr]") || len(g) > maxLine+30 {
				t.Errorf("%s: record %d: %.100q", name, i, g)
			}
		}
		if n := (len(line) + maxLine - 1) / maxLine; len(got) != n && len(got) != n+1 {
			t.Errorf("%s: %d records", name, len(got))
		}
	}
}

// TestTricks: nothing in a record can steer a terminal.
func TestTricks(t *testing.T) {
	got := relayed(bytes.NewReader(RecordLine(record(slog.LevelWarn, "a\x1b[2J", "k\r", "\x1b]0;t\a", slog.Group("g\u009b", "x", "\x7f")))))
	if want := []string{"WARN a?[2J [k?=?]0;t? g?=[x=?]]"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// TestLongRecords: a record has a bounded length, whatever is in it.
func TestLongRecords(t *testing.T) {
	var many []any
	for i := range 10000 {
		many = append(many, fmt.Sprint("key", i), i)
	}
	for name, r := range map[string]slog.Record{
		"message":   record(slog.LevelError, strings.Repeat("m", 1<<20), "k", 1),
		"value":     record(slog.LevelError, "m", "stack", strings.Repeat("\u00fc\n\x01", 1<<20), "after", 1),
		"values":    record(slog.LevelError, "m", "a", strings.Repeat("a", 50000), "b", strings.Repeat("b", 50000)),
		"key":       record(slog.LevelError, "m", strings.Repeat("k", 1<<20), 1),
		"group":     record(slog.LevelError, "m", slog.Group("g", many...)),
		"many":      record(slog.LevelError, "m", many...),
		"in groups": record(slog.LevelError, "m", slog.Group("g", slog.Group("h", "x", strings.Repeat("<", 1<<20)))),
	} {
		line := RecordLine(r)
		if len(line) > maxRecord || bytes.Count(line, []byte("\n")) != 2 {
			t.Errorf("%s: %d bytes, %d lines", name, len(line), bytes.Count(line, []byte("\n")))
		}
		got := relayed(bytes.NewReader(line))
		if len(got) != 1 || !strings.HasPrefix(got[0], "ERROR m") {
			t.Errorf("%s: %d records: %.100q", name, len(got), got)
		}
		if name == "value" && !strings.Contains(got[0], cutShort+" after=1") {
			t.Errorf("%s: ends with %q", name, got[0][len(got[0])-50:])
		}
	}
}

// TestUnwantedRecords: the parent's log says which levels there are.
func TestUnwantedRecords(t *testing.T) {
	var out strings.Builder
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelWarn})).With("slot", 1, "pid", 2)
	relay(io.MultiReader(
		bytes.NewReader(RecordLine(record(slog.LevelInfo, "unwanted"))), strings.NewReader("text\n"),
		bytes.NewReader(RecordLine(record(slog.LevelWarn, "slow request", "slot", 9, "stack", "a\nb"))),
	), log, new(stacks))
	want := `time=` + time.Unix(1700000000, 5).Format("2006-01-02T15:04:05.000Z07:00") +
		` level=WARN msg="slow request" slot=1 pid=2 stack="a\nb"` + "\n"
	if out.String() != want {
		t.Errorf("got %s, expected %s", out.String(), want)
	}
}

// TestTwoAtOnce: the records of two children that log at the same time are whole.
func TestTwoAtOnce(t *testing.T) {
	const each = 50
	var k kept
	var busy sync.WaitGroup
	for child := range 2 {
		r, w := io.Pipe()
		busy.Add(2)
		go func() {
			defer busy.Done()
			defer w.Close()
			for i := range each {
				w.Write(RecordLine(record(slog.LevelError, "m", "child", child, "i", i,
					"stack", strings.Repeat(fmt.Sprintf("line of %d\n", child), 1000))))
				fmt.Fprintln(w, "text")
			}
		}()
		go func() {
			defer busy.Done()
			relay(r, slog.New(&k), new(stacks))
		}()
	}
	busy.Wait()
	var next [2]int64
	texts := 0
	for _, r := range k.records {
		if r.Level == slog.LevelInfo && r.Message == "text" {
			texts++
			continue
		}
		a := attrsOf(r)
		child := a[0].Value.Int64()
		if a[1].Value.Int64() != next[child] || a[2].Value.String() != strings.Repeat(fmt.Sprintf("line of %d\n", child), 1000) {
			t.Fatalf("%v", a[:2])
		}
		next[child]++
	}
	if next != [2]int64{each, each} || texts != 2*each {
		t.Errorf("%v records, %d texts", next, texts)
	}
}

func FuzzRelay(f *testing.F) {
	f.Add([]byte("text\nmore"))
	f.Add(RecordLine(record(slog.LevelWarn, "m", "k", "v", "n", 1, slog.Group("g", "t", time.Unix(0, 0), "d", time.Second))))
	f.Add([]byte("\n\x00bident-log {\"level\":\"ERROR+2\",\"time\":-1,\"msg\":\"\\u001b\",\"attrs\":[{\"t\":8}]}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var k kept
		relay(bytes.NewReader(data), slog.New(&k), new(stacks))
		for _, r := range k.records {
			if printable(r.Message) != r.Message {
				t.Errorf("%q", r.Message)
			}
			// What has been decoded arrives again as it is.
			var again kept
			relay(bytes.NewReader(RecordLine(r)), slog.New(&again), new(stacks))
			if len(again.records) != 1 || again.records[0].Level != r.Level || again.records[0].Message != r.Message {
				t.Errorf("%+v came back as %+v", r, again.records)
			}
		}
		if _, err := decodeRecord(data); err != nil && !errors.Is(err, errRecord) {
			t.Error(err)
		}
	})
}
