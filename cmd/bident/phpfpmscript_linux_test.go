package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// phpPlace says where PHP thinks that it is.
const phpPlace = `<?php
foreach (['SCRIPT_NAME', 'SCRIPT_FILENAME', 'PATH_INFO', 'PATH_TRANSLATED', 'PHP_SELF', 'ORIG_SCRIPT_NAME', 'ORIG_SCRIPT_FILENAME',
	'ORIG_PATH_INFO', 'DOCUMENT_ROOT', 'QUERY_STRING'] as $n) if (isset($_SERVER[$n])) echo $n, '=', $_SERVER[$n], ' ';
`

// phpSite is a directory with scripts, a picture that is one in truth, and a page.
func phpSite(t *testing.T) string {
	t.Helper()
	root := shortDir(t)
	for name, text := range map[string]string{"x.php": phpPlace, "evil.jpg": phpPlace, "sub/y.phar": phpPlace, "page.html": "page\n"} {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(root, 0o755); err != nil { // web servers have users of their own
		t.Fatal(err)
	}
	return root
}

// poolSocket is where a server of ours listens in place of php-fpm.
func poolSocket(t *testing.T, more string) (socket string, p *poolFile) {
	t.Helper()
	dir := shortDir(t)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	socket = dir + "/ours.sock"
	p = servePool(t, "listen = "+socket+"\nlisten.mode = 0666\npm = static\npm.max_children = 1\n"+more)
	p.d.errs = true // refusals
	return socket, p
}

// askScript asks a FastCGI listener with these parameters and no others.
func askScript(t *testing.T, socket string, params map[string]string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "cgi-fcgi", "-bind", "-connect", socket)
	cmd.Env = []string{"REQUEST_METHOD=GET", "SERVER_PROTOCOL=HTTP/1.1", "REQUEST_URI=/u", "QUERY_STRING="}
	for name, value := range params {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && out.Len() == 0 {
		t.Fatalf("%v: %v %s", params, err, &errs)
	}
	head, body, _ := strings.Cut(out.String(), "\r\n\r\n")
	status := "200"
	if _, after, found := strings.Cut(head, "Status: "); found {
		status = after[:3]
	}
	return status + " " + body + strings.TrimSpace(errs.String())
}

// TestPHPFPMNamed: whatever a web server sends, PHP runs what it runs in php-fpm, sees
// itself where it does there, and runs nothing else.
func TestPHPFPMNamed(t *testing.T) {
	t.Parallel()
	needPrograms(t, "php-cgi", "cgi-fcgi")
	_, theirs := phpFPM(t)
	theirs = strings.TrimPrefix(theirs, "fcgi+unix://")
	root := phpSite(t)
	ours, p := poolSocket(t, "")
	noFix, _ := poolSocket(t, "php_value[cgi.fix_pathinfo] = 0\n")
	for _, text := range []string{
		"F=R/x.php N=/x.php", "F=R/x.php N=/x.php I=/a T=R/a D=R", "F=R/x.php/a/b N=/x.php/a/b D=R", "F=R/x.php/a/b N=/x.php/a/b",
		"F=R/x.php/a/b N=/x.php I=/a/b D=R", "F=R/x.php/a/b N=/x.php/a/b I=/x.php/a/b D=R", "F=R/x.php/a/b N=/x.php I=/x.php/a/b D=R",
		"F=R/x.php/ N=/x.php/ D=R", "F=R//x.php//t N=/x.php//t D=R/", "F=R/sub/y.phar N=/sub/y.phar",
		"F=R/evil.jpg", "F=R/evil.jpg/x.php N=/evil.jpg/x.php D=R", "F=R/evil.jpg/../x.php", "F=R/x.php I=/evil.jpg T=R/evil.jpg U=/r D=R",
		"F=/cgi-bin/php N=/php I=/evil.jpg T=R/evil.jpg U=/r D=R", "F=R/evil.jpg N=/evil.jpg I=/x.php T=R/x.php U=/r D=R",
		"F=/cgi-bin/php N=/cgi-bin/php I=/x.php/q T=R/x.php/q U=/x.php/q D=R", "T=R/x.php", "T=R/evil.jpg",
		"F=R/none.php", "F=R", "F=R/", "", "F=R/sub/../x.php", "F=x.php",
		"F=proxy:fcgi://localhost:9R/x.php N=/x.php D=R", "F=proxy:fcgi://localhost:9R/x.php/t?foo=bar N=/x.php/t D=R",
		"F=PROXY:balancer://bR/x.php/t N=/x.php/t D=R", "F=proxy:balancer://bR/x.php N=/x.php I=/t T=R/t U=/z D=R",
		"F=proxy:fcgi://localhostR/x.php/t N=/x.php I=/t U=/z D=R", "F=proxy:fcgi://localhostR/evil.jpg/t.php D=R",
		"F=proxy:fcgi://localhostR/x.php N=/x.php I=/evil.jpg T=R/evil.jpg U=/z D=R", "F=proxy:fcgi://localhost", "F=proxy:fcgi://h?x",
	} {
		params := map[string]string{}
		for one := range strings.FieldsSeq(text) {
			name, value, _ := strings.Cut(one, "=")
			if name != "D" && name != "T" && !strings.HasPrefix(value, "proxy") && !strings.HasPrefix(value, "PROXY") {
				value = strings.Replace(value, "R/", root+"/", 1)
			}
			if value == "R" {
				value = root
			}
			value = strings.Replace(value, "R/", root+"/", 1)
			params[map[string]string{"F": "SCRIPT_FILENAME", "N": "SCRIPT_NAME", "I": "PATH_INFO", "T": "PATH_TRANSLATED", "D": "DOCUMENT_ROOT",
				"U": "REDIRECT_URL"}[name]] = value
		}
		want := askScript(t, theirs, params)
		if got := askScript(t, ours, params); got != want {
			t.Errorf("%s:\n got %s\nwant %s", text, got, want)
		}
		if got := askScript(t, noFix, params); strings.Contains(got, "evil.jpg ") && !strings.Contains(want, "evil.jpg ") {
			t.Errorf("%s, with cgi.fix_pathinfo=0: %s", text, got)
		}
	}
	p.d.waitLog("has been denied, see limit_extensions")
	p.d.waitLog("script=" + root + "/evil.jpg")
}

// TestPHPExtensions: without a pool the flag says so, with php-fpm's default.
func TestPHPExtensions(t *testing.T) {
	t.Parallel()
	needPrograms(t, "php-cgi", "cgi-fcgi")
	root := phpSite(t)
	for limit, want := range map[string]string{"": "200 403 403", "*": "200 200 200", ".jpg": "403 200 200"} {
		socket := filepath.Join(shortDir(t), "s")
		args := []string{"--listen=fcgi+unix://" + socket, "--max-servers=1"}
		if limit != "" {
			args = append(args, "--limit-extensions="+limit)
		}
		serveForTest(t, append(args, "--", "php-cgi")...)
		var got []string
		for _, name := range []string{"x.php", "evil.jpg", "evil.jpg/x.php"} {
			got = append(got, askScript(t, socket, map[string]string{"SCRIPT_FILENAME": filepath.Join(root, name)})[:3])
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %s, not %s", limit, got, want)
		}
	}
}

// TestPHPFPMExtensions: the pool says which extensions there are.
func TestPHPFPMExtensions(t *testing.T) {
	t.Parallel()
	needPrograms(t, "php-cgi", "cgi-fcgi")
	root := phpSite(t)
	for limit, want := range map[string]string{"": "200 200 200", ".jpg\t.phar": "403 200 200", ".php": "200 403 403"} {
		socket, _ := poolSocket(t, "security.limit_extensions = "+limit+"\n")
		var got []string
		for _, name := range []string{"x.php", "evil.jpg", "sub/y.phar"} {
			got = append(got, askScript(t, socket, map[string]string{"SCRIPT_FILENAME": filepath.Join(root, name)})[:3])
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %s, not %s", limit, got, want)
		}
	}
}

// phpServers are web servers in front of PHP, by name; all hand anything to it that
// looks like a script or a picture.
var phpServers = map[string]func(t *testing.T, socket, root string) string{
	"nginx": func(t *testing.T, socket, root string) string {
		needPrograms(t, "nginx")
		dir := shortDir(t)
		text := fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log stderr crit;
events { worker_connections 64; }
http {
	access_log off; client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
	server {
		listen unix:%[1]s/front; root %[2]s;
		location ~ \.(php|jpg|phar)(/|$) {
			include /etc/nginx/fastcgi_params;
			fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
			fastcgi_pass unix:%[3]s;
		}
		location /split/ {
			rewrite ^/split(/.*)$ $1 break;
			fastcgi_split_path_info ^(.+?\.php)(/.*)$;
			include /etc/nginx/fastcgi_params;
			fastcgi_param PATH_INFO $fastcgi_path_info;
			fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
			fastcgi_pass unix:%[3]s;
		}
	}
}
`, dir, root, socket)
		if err := os.WriteFile(dir+"/nginx.conf", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		runPeer(t, exec.Command("nginx", "-c", dir+"/nginx.conf", "-p", dir, "-e", "stderr"))
		waitSocket(t, dir+"/front")
		return "http+unix://" + dir + "/front:"
	},
	"Apache": func(t *testing.T, socket, root string) string {
		return startApache(t, fmt.Sprintf(`LoadModule rewrite_module %[1]s/mod_rewrite.so
DocumentRoot %[2]s
<FilesMatch "\.(php|jpg|phar)$">
	SetHandler "proxy:unix:%[3]s|fcgi://localhost"
</FilesMatch>
ProxyPassMatch "^/split(/.*)$" "unix:%[3]s|fcgi://localhost%[2]s"
RewriteEngine On
RewriteRule "^/nice/(.*)$" "/x.php/$1?nice=1" [L,QSA]
`, apacheModules, root, socket))
	},
}

// TestPHPFPMBehind: web servers that have php-fpm get the same from us.
func TestPHPFPMBehind(t *testing.T) {
	needPrograms(t, "php-cgi")
	for name, front := range phpServers {
		t.Run(name, func(t *testing.T) {
			root := phpSite(t)
			_, fpm := phpFPM(t)
			fpm = strings.TrimPrefix(fpm, "fcgi+unix://")
			if err := os.Chmod(filepath.Dir(fpm), 0o755); err != nil {
				t.Fatal(err)
			}
			socket, _ := poolSocket(t, "")
			theirs, ours := front(t, fpm, root), front(t, socket, root)
			denied := 0
			for _, path := range []string{
				"/x.php", "/x.php/a/b?c=d", "/x.php/", "/sub/y.phar", "/evil.jpg", "/evil.jpg/x.php", "/x.php/evil.jpg", "/none.php", "/page.html",
				"/split/x.php", "/split/x.php/a?b", "/split/evil.jpg", "/split/evil.jpg/x.php", "/split/x.php/evil.jpg", "/split/none.php",
				"/nice/a", "/nice/evil.jpg", "/nice/",
			} {
				want, err := fetch(theirs + path)
				if err != nil {
					t.Fatal(err)
				}
				got, err := fetch(ours + path)
				if err != nil || got != want {
					t.Errorf("%s:\n got %s %v\nwant %s", path, got, err, want)
				}
				if strings.HasPrefix(got, "403 Access denied.") {
					denied++
				}
			}
			if denied < 2 {
				t.Errorf("%d requests for the picture were denied", denied)
			}
		})
	}
}
