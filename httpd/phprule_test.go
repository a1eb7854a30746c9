package httpd

import "testing"

// TestDiscards: only php-cgi itself is told anything.
func TestDiscards(t *testing.T) {
	for name, want := range map[string]bool{
		"php-cgi": true, "/usr/bin/php-cgi8.2": true, "php82-cgi": true, "php8.2-cgi": true, "/usr/bin/php-fcgi": false, "php-cgi-wrapper": false,
		"php": false, "perl": false, "php.fcgi": false,
	} {
		if discards(Program(name)) != want || discards(CGI(name)) {
			t.Errorf("%s: not %v", name, want)
		}
	}
	for _, h := range []Handler{CGI("php-cgi"), Program("php-fcgi"), Upstream("fcgi://a:1")} {
		if takesTranslated(h) {
			t.Errorf("%v gets PATH_TRANSLATED", h)
		}
	}
	if !takesTranslated(Program("perl")) || !takesTranslated(CGI("perl")) {
		t.Error("perl gets no PATH_TRANSLATED")
	}
}
