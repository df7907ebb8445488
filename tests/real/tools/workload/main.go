// Command workload stands in for the programs that a stack's images would hold: an HTTP server on each port of
// $LISTEN that answers /health and everything else, after as many milliseconds as `?ms=` says. On SIGTERM it goes on
// accepting for $DRAIN, telling each client that its connection ends, and then finishes the requests it has; with
// STOP=at_once it just ends, as a program does that knows nothing of the signal. With
// addresses in variables that end in _API it makes each answer from theirs, over connections that it keeps for
// $POOL_IDLE; nothing is asked twice. Each request with an X-Request-Id is written to standard output, so that one
// that came twice is seen. Run under the name curl it is as much of curl as a health check needs.
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
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
	var draining atomic.Bool
	failed := make(chan error, len(ports))
	var servers []*http.Server
	for _, port := range ports {
		server := &http.Server{Addr: ":" + port, Handler: answer(port, &draining)}
		servers = append(servers, server)
		go func() { failed <- server.ListenAndServe() }()
	}
	select {
	case err := <-failed:
		return err
	case <-stop.Done():
	}
	if os.Getenv("STOP") == "at_once" {
		return nil
	}
	draining.Store(true)
	time.Sleep(duration("DRAIN", 0))
	drain, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var all sync.WaitGroup
	for _, server := range servers {
		all.Go(func() { _ = server.Shutdown(drain) })
	}
	all.Wait()
	return nil
}

func answer(port string, draining *atomic.Bool) http.Handler {
	host, _ := os.Hostname()
	others := apis()
	client := &http.Client{
		Transport: &http.Transport{
			IdleConnTimeout:     duration("POOL_IDLE", 90*time.Second),
			MaxIdleConnsPerHost: 32,
		},
		Timeout: 5 * time.Second,
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Request-Id")
		if id != "" {
			fmt.Printf("received %s %s %s\n", port, r.Method, id)
		}
		if draining.Load() {
			w.Header().Set("Connection", "close")
		}
		if wait, err := strconv.Atoi(r.URL.Query().Get("ms")); err == nil && len(others) == 0 {
			time.Sleep(time.Duration(wait) * time.Millisecond)
		}
		if id != "" {
			for _, other := range others {
				if err := ask(client, other, r); err != nil {
					http.Error(w, err.Error(), http.StatusBadGateway)
					return
				}
			}
		}
		fmt.Fprintf(w, "%s %s\n", host, r.URL.Path)
	})
}

// The addresses of what this one is made from.
func apis() []string {
	var found []string
	for _, variable := range os.Environ() {
		if name, value, _ := strings.Cut(variable, "="); strings.HasSuffix(name, "_API") {
			found = append(found, value)
		}
	}
	sort.Strings(found)
	return found
}

// ask passes a request on. A body that can be read once is what keeps net/http from trying again by itself.
func ask(client *http.Client, api string, r *http.Request) error {
	request, err := http.NewRequest(r.Method, api+r.URL.RequestURI(), io.NopCloser(strings.NewReader("x=1")))
	if err != nil {
		return err
	}
	request.ContentLength = 3
	request.Header.Set("X-Request-Id", r.Header.Get("X-Request-Id"))
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err = io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", api, response.Status)
	}
	return nil
}

func duration(variable string, otherwise time.Duration) time.Duration {
	if found, err := time.ParseDuration(os.Getenv(variable)); err == nil {
		return found
	}
	return otherwise
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
