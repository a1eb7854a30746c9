package main

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// needPerl skips, or fails, a test whose modules of Perl's are not installed.
func needPerl(t *testing.T, modules ...string) {
	t.Helper()
	needPrograms(t, "perl")
	for _, m := range modules {
		if out, err := exec.Command("perl", "-M"+m, "-e", "1").CombinedOutput(); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("no %s: %s", m, out)
			}
			t.Skipf("no %s", m)
		}
	}
}

// fixture is a file below testdata, wherever programs run.
func fixture(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// do sends a request and gives the answer, whose body it has read.
func do(t *testing.T, method, url string, body io.Reader, fields ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
	}
	client := &http.Client{
		Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %s, %d octets, %v", method, url, resp.Status, len(text), err)
	}
	return resp, string(text)
}

// form is an upload of one file and one field.
func form(t *testing.T, name string, content []byte) (contentType string, body *bytes.Buffer) {
	t.Helper()
	body = new(bytes.Buffer)
	w := multipart.NewWriter(body)
	part, err := w.CreateFormFile("file", name)
	if err == nil {
		_, err = part.Write(content)
	}
	if err == nil {
		err = w.WriteField("colour", "blue & green")
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), body
}

// TestPerlFast: a script for CGI::Fast as a worker.
func TestPerlFast(t *testing.T) {
	needPerl(t, "CGI::Fast")
	t.Parallel()
	d := serveForTest(t, "--listen=http://127.0.0.1:0", "--max-servers=2", "--max-requests=20", "--", "perl", fixture(t, "perl/fast.pl"))
	d.errs = true // the complaint, and the death that is asked for
	url := d.urls[0]
	pids := make(map[string]bool)
	for i := range 100 {
		resp, text := do(t, "GET", fmt.Sprintf("%s/a/b?n=%d&n=x%%26y", url, i), nil)
		var pid string
		if _, err := fmt.Sscanf(text, "pid %s\n", &pid); err != nil || resp.StatusCode != 200 ||
			!strings.HasSuffix(text, fmt.Sprintf("\nmethod GET\nn=%d,x&y\n", i)) || resp.Header.Get("Set-Cookie") != "a=b; path=/" {
			t.Fatalf("request %d: %s %q", i, resp.Status, text)
		}
		pids[pid] = true
	}
	if len(pids) < 5 {
		t.Errorf("%d processes for 100 requests, 20 for each", len(pids))
	}
	content := bytes.Repeat([]byte("\x00\xff octets\r\n--"), 20_000)
	sum := 0
	for _, octet := range content {
		sum += int(octet)
	}
	contentType, body := form(t, "octets", content)
	want := fmt.Sprintf("\nmethod POST\ncolour=blue & green\nfile %d %d\n", len(content), sum)
	if _, text := do(t, "POST", url+"/upload", body, "Content-Type", contentType); !strings.HasSuffix(text, want) {
		t.Errorf("upload: %q, not %q", text, want)
	}
	do(t, "GET", url+"/complain", nil)
	d.waitLog("served /complain")
	if resp, _ := do(t, "GET", url+"/die", nil); resp.StatusCode != http.StatusBadGateway {
		t.Errorf("the request that ends the program: %s", resp.Status)
	}
	do(t, "GET", url+"/", nil)
	d.end(0)
}

// manage uses a daemon of several processes, all at a time, and tells which there are.
func manage(t *testing.T, url string, least int) map[string]bool {
	t.Helper()
	var mu sync.Mutex
	pids := make(map[string]bool)
	var wait sync.WaitGroup
	for i := range 6 {
		wait.Go(func() {
			for j := range 20 {
				body := strings.Repeat(fmt.Sprintf("body %d of %d ", j, i), 1+j*100)
				resp, text := do(t, "POST", url+"/echo?slow", strings.NewReader(body))
				if resp.StatusCode != 200 || text != body {
					t.Errorf("%s, %d octets of %d", resp.Status, len(text), len(body))
				}
				mu.Lock()
				pids[resp.Header.Get("X-Process")] = true
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	if len(pids) < least {
		t.Errorf("%d processes have answered, expected %d", len(pids), least)
	}
	return pids
}

// startManager starts the daemon by itself, on a socket, as one does without Bident.
func startManager(t *testing.T, processes int) (cmd *exec.Cmd, socket string) {
	t.Helper()
	socket = shortDir(t) + "/manager"
	cmd = exec.Command("perl", fixture(t, "perl/manager.pl"))
	cmd.Env = append(os.Environ(), "FCGI_SOCKET_PATH="+socket, fmt.Sprint("PROCESSES=", processes))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	runPeer(t, cmd)
	t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	waitSocket(t, socket)
	return cmd, socket
}
