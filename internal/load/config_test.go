package load

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestValidateReportsEverything(t *testing.T) {
	err := Config{
		URL: "https://x", Method: "G T", Headers: []string{"nonsense", "Content-Length: 3", "A: b\r\nC: d"},
		Connections: -1, Pipeline: MaxPipeline + 1, Close: true, Warmup: -1, Duration: -1,
		Timeout: time.Hour, ExpectStatus: 100, ServerPIDs: []int{0},
	}.Validate()
	if !errors.Is(err, ErrConfig) {
		t.Fatalf("err = %v", err)
	}
	for _, want := range []string{"URL: https", "Method:", `"nonsense"`, "Content-Length is", "control character",
		"Connections:", "Pipeline: 4097 is", "Pipeline: 4097 requests", "Warmup:", "Duration:", "Timeout:", "ExpectStatus:", "ServerPIDs:"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("nothing about %q in:\n%v", want, err)
		}
	}
	if _, err := Run(t.Context(), Config{}); !errors.Is(err, ErrConfig) {
		t.Errorf("Run without a URL: %v", err)
	}
}

func TestDestination(t *testing.T) {
	for _, test := range []struct {
		url, target, method string
		want                destination
	}{
		{"http://h:81/a?b=c", "", "", destination{"tcp", "h:81", "h:81", "/a?b=c", false}},
		{"http://h", "", "", destination{"tcp", "h:80", "h", "/", false}},
		{"http://[::1]:8080", "/x", "", destination{"tcp", "[::1]:8080", "[::1]:8080", "/x", false}},
		{"http://h", "*", "OPTIONS", destination{"tcp", "h:80", "h", "*", false}},
		{"http+unix:///run/a.sock", "/hello", "", destination{"unix", "/run/a.sock", "localhost", "/hello", false}},
		{"http+unix:///run/a.sock", "", "", destination{"unix", "/run/a.sock", "localhost", "/", false}},
		{"fcgi://h:9000/a?b=c", "", "", destination{"tcp", "h:9000", "h:9000", "/a?b=c", true}},
		{"fcgi+unix:///run/a.sock", "/hello", "", destination{"unix", "/run/a.sock", "localhost", "/hello", true}},
	} {
		got, err := Config{URL: test.url, Target: test.target, Method: test.method}.destination()
		if err != nil || got != test.want {
			t.Errorf("%q %q: %+v, %v", test.url, test.target, got, err)
		}
	}
	for _, bad := range []Config{
		{}, {URL: "h:80"}, {URL: "ftp://h"}, {URL: "http://"}, {URL: "http://u@h/"}, {URL: "http://h/#f"}, {URL: "http://h:x/"},
		{URL: "http://h/a", Target: "/b"}, {URL: "http://h", Target: "b"}, {URL: "http://h", Target: "/a b"},
		{URL: "http://h", Target: "*"}, {URL: "http://h", Target: "/\r\n"}, {URL: "http://h", Target: "/é"},
		{URL: "http+unix://run/a"}, {URL: "http+unix:///"}, {URL: "http+unix:///a?b"},
		{URL: "fcgi://h/"}, {URL: "fcgi:///a.sock"}, {URL: "fcgi+unix://run/a"}, {URL: "fcgi+unix:///a?b"},
		{URL: "fcgi://h:1", Pipeline: 2}, {URL: "fcgi://h:1", Params: []string{"X"}}, {URL: "fcgi://h:1", Params: []string{"=x"}},
		{URL: "http://h:1", Params: []string{"X=y"}},
	} {
		if err := bad.Validate(); !errors.Is(err, ErrConfig) {
			t.Errorf("%q %q is accepted", bad.URL, bad.Target)
		}
	}
}

func TestKindText(t *testing.T) {
	for kind := range kinds {
		var back Kind
		if text, err := kind.MarshalText(); err != nil || back.UnmarshalText(text) != nil || back != kind {
			t.Errorf("%v comes back as %v (%v)", kind, back, err)
		}
	}
	var k Kind
	if k.UnmarshalText([]byte("luck")) == nil {
		t.Error("an unknown name is accepted")
	}
}
