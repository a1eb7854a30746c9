package httpd_test

import (
	"strings"
	"testing"

	"github.com/bident/bident/httpd"
)

// TestScriptsOverFCGI: behind a web server it is still ours to say which script runs.
func TestScriptsOverFCGI(t *testing.T) {
	root := site(t, sources)
	s := startScripts(t, &httpd.Scripts{Root: root}, func(s *httpd.Server) { s.Listen = []string{"fcgi://127.0.0.1:0"} })
	w := dialFCGI(t, s.url)
	ask := func(method, uri, body string) string {
		t.Helper()
		list := params(method, uri, len(body), []variable{
			{"SCRIPT_FILENAME", "/etc/passwd"}, {"SCRIPT_NAME", "/theirs"}, {"PATH_INFO", "/theirs"}, {"PATH_TRANSLATED", "/theirs"},
			{"DOCUMENT_ROOT", "/theirs"}, {"DOCUMENT_URI", "/theirs"}, {"REMOTE_ADDR", "192.0.2.7"}, {"OWN", "theirs"}, {"HTTP_PROXY", "theirs"},
			{"HTTP-PROXY", "theirs"}, {"HTTP_Proxy", "theirs"}, {"HTTP_TRANSFER-ENCODING", "theirs"}, {"HTTP_Content-Length", "theirs"},
			{"http_transfer_encoding", "theirs"}, {"REMOTE_PORT", ""}, {"SCRIPT_FILENAME\x00=", "theirs"},
		}...)
		a := w.do(list, []byte(body))
		if a.status != 200 {
			t.Errorf("%s: status %d", uri, a.status)
		}
		return string(a.body)
	}
	want := "DOCUMENT_URI=/app.php/x PATH_INFO=/x PATH_TRANSLATED=ROOT/x SCRIPT_FILENAME=ROOT/app.php SCRIPT_NAME=/app.php"
	for range 3 {
		text := ask("POST", "/app.php/x", "the body")
		if got := strings.ReplaceAll(where(text), root, "ROOT"); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if !strings.Contains(text, "\nOWN=theirs\n") || strings.Count(text, "theirs") != 1 || !strings.HasSuffix(text, "\n\nthe body") {
			t.Errorf("got %s", text)
		}
		if text := ask("GET", "/style.css", ""); text != "css\n" {
			t.Errorf("file: %q", text)
		}
		if text := ask("GET", saying("/app.php", "X-Sendfile: "+root+"/style.css\n\n"), ""); text != "css\n" {
			t.Errorf("X-Sendfile: %q", text)
		}
		text = ask("POST", saying("/app.php", "Location: /app.php/y?z\n\n"), "the body")
		if strings.Contains(text, "\nREMOTE_PORT=") {
			t.Errorf("a port that nobody knows: %s", text)
		}
		if !strings.Contains(text, "\nREMOTE_ADDR=192.0.2.7\n") || !strings.Contains(text, "\nREQUEST_METHOD=GET\n") ||
			!strings.Contains(text, "\nPATH_INFO=/y\n") || !strings.Contains(text, "\nQUERY_STRING=z\n") || strings.Contains(text, "the body") {
			t.Errorf("redirect: %s", text)
		}
	}
}
