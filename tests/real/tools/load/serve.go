package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// serve answers with the version until SIGTERM, and then finishes what it has, as long as its own limit.
func serve(arguments []string) error {
	options := flag.NewFlagSet("serve", flag.ExitOnError)
	host := options.String("host", "127.0.0.1", "the address it listens at; 0.0.0.0 in a container")
	port := options.Int("port", 0, "where it listens")
	version := options.String("version", "1", "what it answers, or @FILE that holds it; `broken` ends at once, `sick` is never healthy, "+
		"`faint` is healthy once and fails from its first request on")
	start := options.Duration("start", 0, "how long it takes until it listens")
	limit := options.Duration("graceful", 10*time.Second, "how long it finishes requests after SIGTERM")
	received := options.String("received", os.Getenv("RECEIVED"), "the folder for what it receives")
	if err := options.Parse(arguments); err != nil {
		return err
	}
	if file, ok := strings.CutPrefix(*version, "@"); ok {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		*version = strings.TrimSpace(string(text))
	}
	if *version == "broken" {
		return fmt.Errorf("version %s does not run", *version)
	}
	stop, done := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer done()
	select {
	case <-time.After(*start):
	case <-stop.Done():
		return nil
	}
	var record *os.File
	if *received != "" {
		name := fmt.Sprintf("%s/%d-%d", *received, *port, os.Getpid())
		file, err := os.Create(name)
		if err != nil {
			return err
		}
		defer file.Close()
		record = file
	}
	faint := false
	answer := func(w http.ResponseWriter, r *http.Request) {
		health := strings.HasSuffix(r.URL.Path, "/health")
		// Through a proxy a probe is a client's request.
		if r.Header.Get("X-Real-IP") != "" && *version == "faint" {
			faint = true
		}
		if *version == "sick" && health || faint {
			http.Error(w, "not well", http.StatusServiceUnavailable)
			return
		}
		if id := r.Header.Get("X-Request-Id"); id != "" && record != nil {
			fmt.Fprintf(record, "%s %s\n", r.Method, id)
		}
		if wait, err := strconv.Atoi(r.URL.Query().Get("ms")); err == nil {
			time.Sleep(time.Duration(wait) * time.Millisecond)
		}
		fmt.Fprintln(w, *version)
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("%s:%d", *host, *port))
	if err != nil {
		return err
	}
	server := &http.Server{Handler: http.HandlerFunc(answer)}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-stop.Done():
	}
	drain, cancel := context.WithTimeout(context.Background(), *limit)
	defer cancel()
	if server.Shutdown(drain) != nil {
		return server.Close()
	}
	return nil
}
