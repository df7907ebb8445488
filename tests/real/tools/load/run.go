package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"
)

// options of a run.
type options struct {
	address string
	rate    int
	clients int
	slow    int
	number  int
}

// summary of a run, as JSON on standard output.
type summary struct {
	Total    int            `json:"total"`
	Lost     int            `json:"lost"`
	By       map[string]int `json:"by"`
	Versions map[string]int `json:"versions"`
}

// run sends requests until SIGTERM or the end of its time. Of the clients every second keeps its connection; 40 % of
// the requests are POSTs and 15 % take a while.
func run(arguments []string) error {
	var o options
	flags := flag.NewFlagSet("run", flag.ExitOnError)
	flags.StringVar(&o.address, "address", "", "host:port")
	flags.IntVar(&o.rate, "rate", 100, "requests a second, of all clients")
	flags.IntVar(&o.clients, "clients", 16, "clients")
	flags.IntVar(&o.slow, "slow", 200, "how many milliseconds a slow request takes")
	flags.IntVar(&o.number, "number", 0, "of this run: it is part of each request's name")
	most := flags.Duration("most", 2*time.Minute, "the longest time it runs")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	stop, done := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer done()
	stop, cancel := context.WithTimeout(stop, *most)
	defer cancel()
	all := summary{By: map[string]int{}, Versions: map[string]int{}}
	var lock sync.Mutex
	count := func(version, fault string) {
		lock.Lock()
		defer lock.Unlock()
		all.Total++
		if fault == "" {
			all.Versions[version]++
			return
		}
		all.Lost++
		all.By[fault]++
	}
	var clients sync.WaitGroup
	for number := range o.clients {
		clients.Go(func() { ask(stop, o, number, count) })
	}
	clients.Wait()
	return json.NewEncoder(os.Stdout).Encode(all)
}

// ask is one client: a request each tick, on a kept connection or a new one.
func ask(stop context.Context, o options, number int, count func(version, fault string)) {
	period := time.Second * time.Duration(o.clients) / time.Duration(o.rate)
	select {
	case <-time.After(period * time.Duration(number) / time.Duration(o.clients)):
	case <-stop.Done():
		return
	}
	tick := time.NewTicker(period)
	defer tick.Stop()
	client := client{address: o.address, keeps: number%2 == 1}
	for turn := number * 37; ; turn++ {
		method, path := http.MethodGet, "/"
		// Primes, so that methods and times mix.
		if turn*61%100 < 40 {
			method = http.MethodPost
		}
		if turn*29%100 < 15 {
			path = fmt.Sprintf("/?ms=%d", o.slow)
		}
		version, err := client.request(method, path, fmt.Sprintf("%d-%d-%d", o.number, number, turn))
		if err != nil {
			count("", fmt.Sprintf("%s %s", method, fault(err)))
		} else {
			count(version, "")
		}
		// Of two that are ready `select` takes either.
		if stop.Err() != nil {
			return
		}
		select {
		case <-stop.Done():
			return
		case <-tick.C:
		}
	}
}

// client has at most one connection.
type client struct {
	address    string
	keeps      bool
	connection net.Conn
	reader     *bufio.Reader
}

// request sends one request, once.
func (c *client) request(method, path, id string) (string, error) {
	version, keep, err := c.exchange(method, path, id)
	if err != nil || !keep {
		c.close()
	}
	return version, err
}

func (c *client) exchange(method, path, id string) (version string, keep bool, err error) {
	if c.connection != nil && c.ended() {
		c.close()
	}
	if c.connection == nil {
		if c.connection, err = net.DialTimeout("tcp", c.address, 3*time.Second); err != nil {
			c.connection = nil
			return "", false, err
		}
		c.reader = bufio.NewReader(c.connection)
	}
	if err = c.connection.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return "", false, err
	}
	wish, body := "close", ""
	if c.keeps {
		wish = "keep-alive"
	}
	if method == http.MethodPost {
		body = "x=1"
	}
	_, err = fmt.Fprintf(c.connection, "%s %s HTTP/1.1\r\nHost: %s\r\nX-Request-Id: %s\r\nConnection: %s\r\n"+
		"Content-Length: %d\r\n\r\n%s", method, path, c.address, id, wish, len(body), body)
	if err != nil {
		return "", false, err
	}
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return "", false, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return "", false, err
	}
	if response.StatusCode != http.StatusOK {
		return "", false, fmt.Errorf("status %d", response.StatusCode)
	}
	return strings.TrimSpace(string(text)), c.keeps && !response.Close, nil
}

// ended says whether the other side has closed a kept connection, as every client looks before it uses one again
// (RFC 9112, 9.3).
func (c *client) ended() bool {
	raw, err := c.connection.(*net.TCPConn).SyscallConn()
	if err != nil {
		return true
	}
	ended := false
	err = raw.Read(func(descriptor uintptr) bool {
		read, _, err := syscall.Recvfrom(int(descriptor), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		ended = read == 0 && err == nil || err != nil && err != syscall.EAGAIN
		return true
	})
	return ended || err != nil
}

func (c *client) close() {
	if c.connection != nil {
		c.connection.Close()
	}
	c.connection, c.reader = nil, nil
}

// fault in a word.
func fault(err error) string {
	var late net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "reset"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "closed"
	case errors.As(err, &late) && late.Timeout():
		return "late"
	}
	return err.Error()
}
