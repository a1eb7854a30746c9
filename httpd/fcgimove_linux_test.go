package httpd_test

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bident/bident/internal/fcgi"
	"github.com/bident/bident/pool"
)

// TestFCGIUpgrade: a new process has the connections of web servers, those on which a
// record has come in part among them, and no request is lost.
func TestFCGIUpgrade(t *testing.T) {
	u := startUpgradable(t)
	url := "fcgi+unix://" + filepath.Join(u.dir, "records")
	idle, half, later := dialFCGI(t, url), dialFCGI(t, url), dialFCGI(t, url)
	idle.get("/")
	whole := octetsOf(1, fcgi.RoleResponder, 1, params("POST", "/", 5), []byte("hello"))
	half.get("/")
	half.write(whole[:5]) // of a header
	later.write(whole[:60])

	var wg sync.WaitGroup
	var stop atomic.Bool
	for range 4 {
		w := dialFCGI(t, url)
		wg.Go(func() {
			for i := 0; !stop.Load(); i++ {
				body := fmt.Appendf(nil, " and %d", i)
				if a := w.do(params("POST", "/", len(body)), body); a.status != 200 || !strings.HasSuffix(a.body, string(body)) {
					t.Errorf("%+v", a)
				}
			}
		})
	}
	defer wg.Wait()
	defer stop.Store(true)
	if a := dialFCGI(t, url).get("/upgrade"); a.body != "failed=false succeeded=false upgrading=false <nil>\n" {
		t.Errorf("upgrade: %+v", a)
	}
	// Until it has given them away the old process may answer what comes on them.
	u.await("ended", u.pid)
	next := idle.get("/").body
	if pid, err := strconv.Atoi(next); err != nil || pid == u.pid {
		t.Fatalf("process %s answers after the upgrade of %d", next, u.pid)
	} else {
		u.await("ready", pid)
	}
	half.write(whole[5:])
	if a, err := half.answer(1); err != nil || a.body != next+"hello" {
		t.Errorf("half of a header: %+v %v", a, err)
	}
	later.write(whole[60:])
	if a, err := later.answer(1); err != nil || a.body != next+"hello" {
		t.Errorf("half of a request: %+v %v", a, err)
	}
}

// TestFCGIReload: no web server notices new workers, nor those that leave after so many
// requests.
func TestFCGIReload(t *testing.T) {
	each(t, fcgiKinds, func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{MaxRequests: 50})
		var wg sync.WaitGroup
		var stop atomic.Bool
		for range 8 {
			w := dialFCGI(t, s.url)
			wg.Go(func() {
				for i := 0; !stop.Load(); i++ {
					body := fmt.Appendf(nil, "request %d", i)
					if a := w.do(params("POST", "/echo", len(body)), body); a.status != 200 || a.body != string(body) {
						t.Errorf("%+v", a)
					}
				}
			})
		}
		for range 5 {
			if err := s.Reload(t.Context()); err != nil {
				t.Error(err)
			}
		}
		stop.Store(true)
		wg.Wait()
	})
}

// TestFCGIStop: what is in hand is answered before the end, and idle connections do not
// delay that.
func TestFCGIStop(t *testing.T) {
	each(t, fcgiKinds, func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{})
		idle, busy, _ := dialFCGI(t, s.url), dialFCGI(t, s.url), dialFCGI(t, s.url)
		idle.idle()
		c := conduct(t)
		id := busy.send(directed(c, "/held"), nil)
		p := c.next()
		ended := make(chan error, 1)
		go func() { ended <- s.stop() }()
		if _, err := idle.r.Next(); err == nil {
			t.Error("the idle connection stays")
		}
		p.cue("go")
		if a, err := busy.answer(id); err != nil || a.body != "held\n" {
			t.Errorf("%+v %v", a, err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestFCGIManyAtOnce: more connections than workers, each with one request after the
// other, and none of them has another one's answer.
func TestFCGIManyAtOnce(t *testing.T) {
	each(t, []kind{fcgiKinds[0], fcgiKinds[3]}, func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{MaxServers: 4})
		var wg sync.WaitGroup
		for n := range 500 {
			w := dialFCGI(t, s.url)
			wg.Go(func() {
				for i := range 4 {
					body := strings.Repeat(fmt.Sprintf("%d of %d;", i, n), 1+i*500)
					if a := w.do(params("POST", "/echo", len(body)), []byte(body)); a.status != 200 || a.body != body {
						t.Errorf("%d %.100q", a.status, a.body)
					}
				}
			})
		}
		wg.Wait()
	})
}
