package fork

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"time"
	"unicode/utf8"
)

const (
	// maxLine is how long a line of a child's output may be. A longer one is
	// logged in pieces.
	maxLine = 8 << 10
	// maxRecord is how long a record of a child's log may be, with its mark and
	// the ends of its lines.
	maxRecord = 64 << 10
	// maxGroups is how deep the groups of a record may be nested.
	maxGroups = 8
	// shortest is what texts are cut to at most before attributes are left out.
	shortest = 64
)

// recordMark is what a line begins with that is a record of the child's log. No
// text has a NUL.
var recordMark = []byte("\x00bident-log ")

// errRecord says that a line is no record in spite of its mark.
var errRecord = errors.New("fork: a record of the log is malformed")

// relay logs what a child writes, until the end. A record that [RecordLine] has
// made is logged with its own level, time, message and attributes; every other line
// with level INFO and attrs. Memory is bounded: a child that writes faster than the
// log takes it has to wait.
// s is not nil for standard error of a child of this program: the only place for
// records and, once the child was asked for them, stacks.
func relay(r io.Reader, log *slog.Logger, s *stacks, attrs ...slog.Attr) {
	lines := bufio.NewReaderSize(r, maxLine)
	var record []byte // the pieces of one that is longer than the buffer
	begins := true    // the next piece begins a line
	for {
		piece, err := lines.ReadSlice('\n')
		ends := err != bufio.ErrBufferFull
		if i := s.begin(piece); i >= 0 {
			logText(log, piece[:i], attrs)
			s.gather(io.MultiReader(bytes.NewReader(piece[i:]), lines), log)
			return
		}
		switch {
		case len(record) == 0 && !(s != nil && begins && bytes.HasPrefix(piece, recordMark)):
			logText(log, piece, attrs)
		case !ends && len(record)+len(piece) <= maxRecord:
			record = append(record, piece...)
		default:
			if len(record) > 0 {
				record = append(record, piece...)
				piece = record
			}
			if !ends || !logRecord(log, piece) {
				logText(log, piece, attrs)
			}
			record = nil
		}
		if begins = ends; ends && err != nil {
			return
		}
	}
}

// logText logs plain text, in pieces if it is long.
func logText(log *slog.Logger, text []byte, attrs []slog.Attr) {
	for text = bytes.TrimRight(text, "\r\n"); len(text) > 0; {
		n := min(len(text), maxLine)
		log.LogAttrs(context.Background(), slog.LevelInfo, printable(string(text[:n])), attrs...)
		text = text[n:]
	}
}

// logRecord logs a line that begins with the mark. It reports false for one that
// is malformed.
func logRecord(log *slog.Logger, line []byte) bool {
	r, err := decodeRecord(line)
	if err != nil {
		return false
	}
	if ctx := context.Background(); log.Enabled(ctx, r.Level) {
		_ = log.Handler().Handle(ctx, r) // as slog.Logger does
	}
	return true
}

// logged is a record of a child's log on its way to the parent.
type logged struct {
	Level slog.Level `json:"level"`
	Time  int64      `json:"time"` // UNIX, ns; 0 is unknown
	Msg   string     `json:"msg"`
	Attrs []attr     `json:"attrs,omitempty"`
}

// attr is an attribute: a list of them keeps their order and the kinds of values,
// which an object would not.
type attr struct {
	Key   string    `json:"k"`
	Kind  slog.Kind `json:"t"` // neither KindAny nor KindLogValuer
	Value string    `json:"v,omitempty"`
	Group []attr    `json:"g,omitempty"`
}

// RecordLine is what a child of this program writes to standard error, in one
// piece, so that r gets into the parent's log as it is, with the child's slot and
// pid; attributes with these names are left to the parent. Values that are no
// numbers, times, texts and the like are logged as their texts. It is at most 64
// KiB: long texts are cut, and if that does not suffice attributes are left out.
func RecordLine(r slog.Record) []byte {
	l := logged{Level: r.Level, Msg: r.Message}
	if !r.Time.IsZero() {
		l.Time = r.Time.UnixNano()
	}
	attrs := make([]slog.Attr, 0, r.NumAttrs())
	r.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs, a)
		return true
	})
	l.Attrs = encodeAttrs(attrs, 0)
	for most := maxRecord; ; most /= 2 {
		l.Msg = cut(l.Msg, most)
		cutAttrs(l.Attrs, most)
		if most < shortest {
			l.Attrs = l.Attrs[:len(l.Attrs)/2]
		}
		// Cannot fail: there are only texts, integers, and lists of them.
		text, _ := json.Marshal(l)
		if 2+len(recordMark)+len(text) <= maxRecord {
			// The first end of a line is that of a text that has none.
			line := make([]byte, 0, 2+len(recordMark)+len(text))
			line = append(append(line, '\n'), recordMark...)
			return append(append(line, text...), '\n')
		}
	}
}

func encodeAttrs(attrs []slog.Attr, depth int) []attr {
	list := make([]attr, 0, len(attrs))
	for _, a := range attrs {
		if !a.Equal(slog.Attr{}) {
			list = append(list, encodeAttr(a, depth))
		}
	}
	return list
}

func encodeAttr(a slog.Attr, depth int) attr {
	v := a.Value.Resolve()
	out := attr{Key: a.Key, Kind: v.Kind()}
	switch out.Kind {
	case slog.KindGroup:
		if depth < maxGroups {
			out.Group = encodeAttrs(v.Group(), depth+1)
			return out
		}
		out.Kind, out.Value = slog.KindString, v.String()
	case slog.KindDuration:
		out.Value = strconv.FormatInt(int64(v.Duration()), 10)
	case slog.KindTime:
		out.Value = v.Time().Format(time.RFC3339Nano)
		if _, err := time.Parse(time.RFC3339Nano, out.Value); err != nil {
			out.Kind = slog.KindString // a year of five digits, or before Christ
		}
	case slog.KindAny:
		out.Kind, out.Value = slog.KindString, anyText(v.Any())
	default:
		out.Value = v.String()
	}
	return out
}

// anyText is the text of a value; fmt survives methods that panic.
func anyText(value any) string {
	switch v := value.(type) {
	case error:
		return fmt.Sprint(v)
	case []byte:
		return string(v)
	}
	return fmt.Sprintf("%+v", value)
}

// cutAttrs cuts the texts among attributes, and their keys.
func cutAttrs(attrs []attr, most int) {
	for i := range attrs {
		a := &attrs[i]
		a.Key = cut(a.Key, most)
		if a.Kind == slog.KindString {
			a.Value = cut(a.Value, most)
		}
		cutAttrs(a.Group, most)
	}
}

// cutShort is what a text ends with that was cut.
const cutShort = " [...]"

// cut is a text of at most most bytes.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	n := max(most-len(cutShort), 0)
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + cutShort[:min(most, len(cutShort))]
}

// decodeRecord is the inverse of RecordLine, but for the first end of a line. All
// texts are printable.
func decodeRecord(line []byte) (slog.Record, error) {
	var r slog.Record
	var l logged
	if len(line) > maxRecord {
		return r, fmt.Errorf("%w: %d bytes", errRecord, len(line))
	}
	text, marked := bytes.CutPrefix(line, recordMark)
	if !marked {
		return r, fmt.Errorf("%w: it has no mark", errRecord)
	}
	if err := json.Unmarshal(text, &l); err != nil {
		return r, fmt.Errorf("%w: %w", errRecord, err)
	}
	attrs, err := decodeAttrs(l.Attrs, 0)
	if err != nil {
		return r, err
	}
	at := time.Now()
	if l.Time != 0 {
		at = time.Unix(0, l.Time)
	}
	r = slog.NewRecord(at, l.Level, printable(l.Msg), 0)
	for _, a := range attrs {
		// The parent knows better, and says so itself.
		if a.Key != "slot" && a.Key != "pid" {
			r.AddAttrs(a)
		}
	}
	return r, nil
}

func decodeAttrs(list []attr, depth int) ([]slog.Attr, error) {
	if depth > maxGroups {
		return nil, fmt.Errorf("%w: its groups are nested too deep", errRecord)
	}
	attrs := make([]slog.Attr, len(list))
	for i, a := range list {
		v, err := a.value(depth)
		if err != nil {
			return nil, err
		}
		attrs[i] = slog.Attr{Key: printable(a.Key), Value: v}
	}
	return attrs, nil
}

// value is the value of an attribute within depth groups.
func (a *attr) value(depth int) (v slog.Value, err error) {
	switch a.Kind {
	case slog.KindString:
		return slog.StringValue(printable(a.Value)), nil
	case slog.KindGroup:
		group, err := decodeAttrs(a.Group, depth+1)
		return slog.GroupValue(group...), err
	case slog.KindBool:
		var x bool
		x, err = strconv.ParseBool(a.Value)
		v = slog.BoolValue(x)
	case slog.KindInt64, slog.KindDuration:
		var x int64
		x, err = strconv.ParseInt(a.Value, 10, 64)
		if v = slog.Int64Value(x); a.Kind == slog.KindDuration {
			v = slog.DurationValue(time.Duration(x))
		}
	case slog.KindUint64:
		var x uint64
		x, err = strconv.ParseUint(a.Value, 10, 64)
		v = slog.Uint64Value(x)
	case slog.KindFloat64:
		var x float64
		x, err = strconv.ParseFloat(a.Value, 64)
		v = slog.Float64Value(x)
	case slog.KindTime:
		var x time.Time
		x, err = time.Parse(time.RFC3339Nano, a.Value)
		v = slog.TimeValue(x)
	default:
		err = fmt.Errorf("kind %d", a.Kind)
	}
	if err != nil {
		err = fmt.Errorf("%w: %w", errRecord, err)
	}
	return v, err
}
