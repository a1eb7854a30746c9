package ferry

import (
	"bytes"
	"errors"
	"io"
	"os"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bident/bident/internal/fdpass"
)

func TestParcel(t *testing.T) {
	a, b, atA, atB := ports(t)
	for _, c := range []struct {
		name     string
		from     *Port
		arrivals chan Parcel
		unread   int
		note     string
		file     string
	}{
		{"bare", a, atB, 0, "", ""},
		{"back", b, atA, 10, "slot 3", ""},
		{"a datagram full", a, atB, maxPiece, "", "more"},
		{"long", a, atB, 3*maxPiece + 1, "note", "more"},
		{"the longest", b, atA, MaxUnread, string(make([]byte, MaxNote)), "more"},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn, client := connection(t)
			unread := bytes.Repeat([]byte("octets "), c.unread/7+1)[:c.unread]
			parcel := Parcel{Conn: conn, Unread: unread, Note: []byte(c.note)}
			if c.file != "" {
				f, err := os.CreateTemp(t.TempDir(), "")
				if err != nil {
					t.Fatal(err)
				}
				f.WriteString(c.file)
				parcel.File = f
			}
			if err := c.from.Send(parcel); err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Write([]byte("x")); !errors.Is(err, os.ErrClosed) {
				t.Errorf("the sender still has the connection: %v", err)
			}
			got := next(t, c.arrivals)
			if !bytes.Equal(got.Unread, unread) || string(got.Note) != c.note || (got.File != nil) != (c.file != "") {
				t.Errorf("got %d octets, note of %d octets, file %v", len(got.Unread), len(got.Note), got.File)
			}
			if c.file != "" {
				text, err := io.ReadAll(io.NewSectionReader(got.File, 0, 100))
				if err != nil || string(text) != c.file {
					t.Errorf("the file holds %q, %v", text, err)
				}
			}
			raw, err := got.Conn.SyscallConn()
			if err != nil {
				t.Fatal(err)
			}
			raw.Control(func(fd uintptr) {
				if flags, err := unix.FcntlInt(fd, unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
					t.Errorf("not close-on-exec: %#x, %v", flags, err)
				}
				if flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK == 0 {
					t.Errorf("blocking: %#x, %v", flags, err)
				}
			})
			got.Close()
			mustEnd(t, client)
		})
	}
}

func TestParcelsThatNoPortSends(t *testing.T) {
	a, _, _, _ := ports(t)
	conn, _ := connection(t)
	for _, p := range []Parcel{
		{},
		{Conn: conn, Unread: make([]byte, MaxUnread+1)},
		{Conn: conn, Note: make([]byte, MaxNote+1)},
	} {
		if err := a.Send(p); !errors.Is(err, ErrParcel) {
			t.Errorf("got %v, want ErrParcel", err)
		}
	}
}

// TestClosedFile is a parcel that cannot be sent when it has been sent by half: it
// leaves no trace.
func TestClosedFile(t *testing.T) {
	a, _, _, atB := ports(t)
	conn, _ := connection(t)
	closed, _ := connection(t)
	closed.Close()
	for _, p := range []Parcel{
		{Conn: closed, Unread: make([]byte, MaxUnread)},
		{Conn: conn, Unread: make([]byte, MaxUnread), File: closed},
	} {
		if err := a.Send(p); !errors.Is(err, os.ErrClosed) {
			t.Errorf("got %v, want os.ErrClosed", err)
		}
	}
	if err := a.Send(Parcel{Conn: conn, Unread: make([]byte, MaxUnread)}); err != nil {
		t.Fatal(err)
	}
	if got := next(t, atB); len(got.Unread) != MaxUnread {
		t.Errorf("%d octets", len(got.Unread))
	}
}

func TestWindow(t *testing.T) {
	one, two := sockets(t)
	open := make(chan struct{})
	a := NewPort(one, nil)
	arrived := 0
	b := NewPortOn(two, Terms{Open: open}, func(p Parcel) { arrived++; p.Close() })
	defer func() { a.Close(); b.Close() }()
	var all sync.WaitGroup
	const parcels = 3 * Window
	for range parcels {
		conn, _ := connection(t)
		all.Go(func() {
			if err := a.Send(Parcel{Conn: conn, Unread: []byte("x")}); err != nil {
				t.Error(err)
			}
		})
	}
	until(t, "as many on their way as possible", func() bool { return len(b.arrivals) == Window })
	a.mu.Lock()
	if a.aboard != Window || a.octets != Window {
		t.Errorf("%d parcels with %d octets on their way", a.aboard, a.octets)
	}
	a.mu.Unlock()
	close(open)
	all.Wait()
	a.Close()
	b.Wait()
	if arrived != parcels {
		t.Errorf("%d arrived of %d", arrived, parcels)
	}
}

func TestNobodyTakesParcels(t *testing.T) {
	one, two := sockets(t)
	a, b := NewPort(one, nil), NewPort(two, nil)
	defer func() { a.Close(); b.Close() }()
	conn, client := connection(t)
	if err := a.Send(Parcel{Conn: conn}); !errors.Is(err, ErrRefused) {
		t.Fatalf("got %v, want ErrRefused", err)
	}
	if _, err := conn.Write([]byte("x")); err != nil {
		t.Errorf("the sender does not have it: %v", err)
	}
	conn.Close()
	client.Read(make([]byte, 1))
	mustEnd(t, client)
}

// TestNoDescriptorsLeft is a receiver that may not open any more files.
func TestNoDescriptorsLeft(t *testing.T) {
	a, b, _, atB := ports(t)
	conn, client := connection(t)
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	parcel := Parcel{Conn: conn, File: file, Unread: make([]byte, 2*maxPiece)}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	lowest, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(lowest)
	for room := range 2 { // none at all, and room for one of the two
		tight := limit
		tight.Cur = uint64(lowest + room)
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &tight); err != nil {
			t.Fatal(err)
		}
		err := a.Send(parcel)
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
		if !errors.Is(err, ErrRefused) {
			t.Fatalf("got %v, want ErrRefused", err)
		}
	}
	if err := a.Send(parcel); err != nil { // the port goes on
		t.Fatal(err)
	}
	got := next(t, atB)
	got.Close()
	mustEnd(t, client)
	if n := b.holding.octets.Load(); n != 0 {
		t.Errorf("%d octets are held of nothing", n)
	}
}

func TestOtherSideIsGone(t *testing.T) {
	one, two := sockets(t)
	a := NewPort(one, nil)
	defer a.Close()
	conn, _ := connection(t)
	done := make(chan error, 1)
	go func() { done <- a.Send(Parcel{Conn: conn}) }()
	buf := make([]byte, maxDatagram)
	if _, files, err := fdpass.Receive(two, buf); err != nil || len(files) != 1 {
		t.Fatalf("%d files, %v", len(files), err)
	} else {
		files[0].Close()
	}
	two.Close()
	if err := <-done; !errors.Is(err, ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
	if err := a.Send(Parcel{Conn: conn}); !errors.Is(err, ErrClosed) {
		t.Errorf("afterwards: %v, want ErrClosed", err)
	}
	if _, err := conn.Write([]byte("x")); err != nil {
		t.Errorf("the sender does not have it: %v", err)
	}
}

// TestAcknowledgedBeforeTheEnd is one who took a parcel and was killed while others
// waited for it: what it took it had.
func TestAcknowledgedBeforeTheEnd(t *testing.T) {
	one, two := sockets(t)
	first, _ := connection(t)
	second, _ := connection(t)
	if err := fdpass.Send(two, datagram{kind: taken, id: 1}.append(nil)); err != nil {
		t.Fatal(err)
	}
	a := &Port{} // what NewPort makes, but it does not read yet
	*a = Port{conn: one, waiting: map[uint64]chan error{}, ended: make(chan struct{}),
		final: make(chan struct{}), delivered: make(chan struct{}), arrivals: make(chan arrival)}
	a.place = sync.NewCond(&a.mu)
	defer a.Close()
	results := make([]chan error, 2)
	for i, f := range []*os.File{first, second} {
		answer, err := a.write(Parcel{Conn: f})
		if err != nil {
			t.Fatal(err)
		}
		results[i] = make(chan error, 1)
		go func() { results[i] <- <-answer }()
	}
	two.Close() // with both of them unread
	go a.read()
	if err := <-results[0]; err != nil {
		t.Errorf("the first was taken: %v", err)
	}
	if err := <-results[1]; !errors.Is(err, ErrClosed) {
		t.Errorf("the second was not: %v", err)
	}
}

// TestLegacy is what somebody has sent who can no longer be told that it arrived.
func TestLegacy(t *testing.T) {
	dead, alive := make(chan struct{}), make(chan struct{})
	close(dead)
	for _, c := range []struct {
		name    string
		dead    chan struct{}
		arrives bool
	}{{"dead", dead, true}, {"alive", alive, false}, {"who knows", nil, false}} {
		t.Run(c.name, func(t *testing.T) {
			one, two := sockets(t)
			conn, client := connection(t)
			fd := int(conn.Fd())
			for id := range uint64(3) {
				if err := fdpass.Send(two, datagram{kind: whole, id: id + 1}.append(nil), fd); err != nil {
					t.Fatal(err)
				}
			}
			two.Close()
			conn.Close()
			arrived := 0
			p := NewPortOn(one, Terms{Dead: c.dead}, func(p Parcel) { arrived++; p.Close() })
			p.Close()
			p.Wait()
			if arrived != 3 && c.arrives || arrived != 0 && !c.arrives {
				t.Errorf("%d arrived", arrived)
			}
			mustEnd(t, client)
		})
	}
}
