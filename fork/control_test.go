package fork

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bident/bident/pool"
)

var messages = []message{
	{kind: messageHello, version: 0xfffefdfc},
	{kind: messageReady},
	{kind: messageFailed, text: "no database"},
	{kind: messageEvent, event: pool.Expiring, cause: pool.CauseMaxRequests},
	{kind: messageEvent, event: pool.Wedged, cause: pool.CauseTimeout},
	{kind: messageCrash, request: "GET /x", text: "first line\nsecond line"},
	{kind: messageRetire},
	{kind: messageRetire, last: true},
	{kind: messageAdopt, addresses: []byte{0, 3}},
	{kind: messageGive, text: "access log"},
}

func TestMessages(t *testing.T) {
	for _, m := range messages {
		got, err := decode(m.encode())
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%+v came back as %+v, %v", m, got, err)
		}
	}
}

func TestLongAndOddTexts(t *testing.T) {
	m := message{kind: messageFailed, text: strings.Repeat("x", maxText+1)}
	if got, err := decode(m.encode()); err != nil || len(got.text) != maxText {
		t.Errorf("%d bytes, %v", len(got.text), err)
	}
	m.text = "a\x1b[2Jb\xffc\u0080d"
	if got, err := decode(m.encode()); err != nil || got.text != "a?[2Jb?c?d" {
		t.Errorf("%q, %v", got.text, err)
	}
	crash := message{kind: messageCrash, text: strings.Repeat("x", maxText), request: strings.Repeat("y", maxText)}
	if n := len(crash.encode()); n > maxMessage {
		t.Errorf("a message of %d bytes, at most %d were promised", n, maxMessage)
	}
}

func TestNotMessages(t *testing.T) {
	for _, data := range []string{
		"", "\x00", "\x63", "\x01abc", "\x01abcde", "\x02x", "\x03", "\x03\x00\x05abc",
		"\x03\xff\xff" + strings.Repeat("x", 0xffff),
		"\x04\x01\x00\x04done", // ready is not reported like this
		"\x04\x02\x00\x05crash",
		"\x06", "\x06\x02", "\x06\x00\x00",
		"\x07" + strings.Repeat("x", maxAddresses+1),
	} {
		if m, err := decode([]byte(data)); !errors.Is(err, errMessage) {
			t.Errorf("%.20q: %+v, %v", data, m, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, m := range messages {
		f.Add(m.encode())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := decode(data)
		if err != nil {
			if !errors.Is(err, errMessage) {
				t.Error(err)
			}
			return
		}
		again, err := decode(m.encode())
		if err != nil || again.kind != m.kind || again.last != m.last || again.version != m.version || again.event != m.event {
			t.Errorf("%+v came back as %+v, %v", m, again, err)
		}
	})
}

func TestMark(t *testing.T) {
	m := mark{
		version: protocol, lanes: 4, slots: 10, slot: 9, generation: 3, accept: Slot,
		addresses: 2, start: 1500 * time.Millisecond, name: "with:colons: and spaces",
	}
	if got, err := parseMark(m.String()); err != nil || got != m {
		t.Errorf("%+v came back as %+v, %v", m, got, err)
	}
	if got, err := parseMark("77:what:else"); err != nil || got.version != 77 {
		t.Errorf("another version: %+v, %v", got, err)
	}
}

func FuzzParseMark(f *testing.F) {
	f.Add("1:4:10:9:3:1:2:1500:name")
	f.Add("2:whatever")
	f.Add("1:0:0:0:0:0:0:0:")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := parseMark(text)
		if err != nil {
			if !errors.Is(err, errMark) {
				t.Error(err)
			}
			return
		}
		if m.version == protocol && (m.lanes < 1 || m.slot < 0 || m.slot >= m.slots || m.addresses < 0 || m.addresses > maxAddresses) {
			t.Errorf("%q: %+v", text, m)
		}
	})
}
