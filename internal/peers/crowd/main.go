// Command crowd is a client that holds connections open: it sends a request on
// each, reads the answer and keeps the connection, as browsers do.
//
// It prints "held N" when all that it could get are idle, and then does one thing
// for each line that it reads from standard input: for "busy" it prints how many
// lanes of the server have a request in hand, "busy N", which it asks at -status.
// It ends with its standard input. With -probe it opens one connection and ends
// at once; its exit status says whether the answer was 200.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"
)

// patience is the time that one connection may take until it is idle.
const patience = 20 * time.Second

// together is how many connections are opened at a time: fewer than what the
// backlogs of servers hold.
const together = 64

func main() {
	target := flag.String("url", "http://127.0.0.1:8080/hello", "what is asked for on each connection; https without verifying")
	count := flag.Int("n", 10000, "number of connections")
	probe := flag.Bool("probe", false, "try one connection and end")
	status := flag.String("status", "", "path of the server's UNIX socket that answers /status.json")
	flag.Parse()
	u, err := url.Parse(*target)
	if err != nil {
		log.Fatal(err)
	}
	if *probe {
		if _, err := visit(u); err != nil {
			log.Fatal(err)
		}
		return
	}
	held, err := crowd(u, *count)
	if err != nil {
		log.Print(err) // the number says how many there are all the same
	}
	fmt.Printf("held %d\n", len(held))
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if lines.Text() != "busy" {
			log.Fatalf("no such command: %q", lines.Text())
		}
		n, err := busy(*status)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("busy %d\n", n)
	}
	for _, c := range held {
		c.Close()
	}
}

// crowd opens n connections. It gives up at the first that fails and returns those
// that it has, with the reason.
func crowd(u *url.URL, n int) ([]net.Conn, error) {
	var (
		mu    sync.Mutex
		held  []net.Conn
		first error
		all   sync.WaitGroup
	)
	places := make(chan struct{}, together)
	for range n {
		places <- struct{}{}
		mu.Lock()
		failed := first != nil
		mu.Unlock()
		if failed {
			break
		}
		all.Go(func() {
			defer func() { <-places }()
			c, err := visit(u)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				held = append(held, c)
			} else if first == nil {
				first = err
			}
		})
	}
	all.Wait()
	return held, first
}

// visit opens a connection and gets one answer on it, which must be 200 and must
// leave the connection open.
func visit(u *url.URL) (net.Conn, error) {
	c, err := net.DialTimeout("tcp", u.Host, patience)
	if err != nil {
		return nil, err
	}
	if u.Scheme == "https" {
		c = tls.Client(c, &tls.Config{InsecureSkipVerify: true}) // a certificate of its own making
	}
	if err := ask(c, u); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func ask(c net.Conn, u *url.URL) error {
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", u.RequestURI()); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReaderSize(c, 512), nil)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK || resp.Close {
		return fmt.Errorf("%s: %s, closes: %t", u, resp.Status, resp.Close)
	}
	return c.SetDeadline(time.Time{})
}

// busy asks how many lanes have a request in hand.
func busy(socket string) (int, error) {
	client := &http.Client{Timeout: patience, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
	resp, err := client.Get("http://localhost/status.json")
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("/status.json: %s", resp.Status)
	}
	var status struct {
		Workers []struct {
			Lanes []struct{ State string }
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&status); err != nil {
		return 0, err
	}
	n, lanes := 0, 0
	for _, w := range status.Workers {
		for _, l := range w.Lanes {
			lanes++
			if l.State == "W" || l.State == "X" {
				n++
			}
		}
	}
	if lanes == 0 {
		return 0, fmt.Errorf("/status.json shows no lanes")
	}
	return n, nil
}
