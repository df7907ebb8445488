// Command workload stands in for the programs that a stack's images would hold: an HTTP server on each port of
// $LISTEN that answers /health and everything else, and on SIGTERM finishes the requests it has. Run under the
// name curl it is as much of curl as a health check needs.
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

func main() {
	if filepath.Base(os.Args[0]) == "curl" {
		os.Exit(curl(os.Args[1:]))
	}
	if err := serve(strings.Fields(os.Getenv("LISTEN"))); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(ports []string) error {
	stop, done := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT)
	defer done()
	host, _ := os.Hostname()
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s\n", host, r.URL.Path)
	})
	failed := make(chan error, len(ports))
	var servers []*http.Server
	for _, port := range ports {
		server := &http.Server{Addr: ":" + port, Handler: answer}
		servers = append(servers, server)
		go func() { failed <- server.ListenAndServe() }()
	}
	select {
	case err := <-failed:
		return err
	case <-stop.Done():
	}
	drain, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var all sync.WaitGroup
	for _, server := range servers {
		all.Go(func() { _ = server.Shutdown(drain) })
	}
	all.Wait()
	return nil
}

// The URL is the last word; `--fail` is always on, as every health check needs it.
func curl(words []string) int {
	if len(words) == 0 {
		return 2
	}
	url := words[len(words)-1]
	if !strings.Contains(url, "://") {
		url = "http://" + url
	}
	client := http.Client{Timeout: 5 * time.Second}
	response, err := client.Get(url)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 7
	}
	defer response.Body.Close()
	_, _ = io.Copy(os.Stdout, response.Body)
	if response.StatusCode >= 400 {
		fmt.Fprintln(os.Stderr, response.Status)
		return 22
	}
	return 0
}
