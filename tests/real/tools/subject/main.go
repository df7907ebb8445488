// Command subject is the program whose rollouts are recorded: an HTTP server that answers /health, and that is as slow
// or as broken as its environment says. Times are in milliseconds from its start.
//
//	START_DELAY_MS   it listens after so long
//	HEALTH_DELAY_MS  /health is 503 until then
//	DRAIN_MS         it goes on for so long after SIGTERM
//	EXIT_CODE        it ends with this after SIGTERM, 0 without
//	IGNORE_TERM      it does nothing on SIGTERM
//	FAIL             unhealthy: /health is always 503; unhealthy-after:N; crash:N ends with 3
//
// When it listens and when it ends it says so, with the time: `listens 1700000000000`. `subject check URL` is a health
// check.
package main

import (
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

func main() {
	if len(os.Args) == 3 && os.Args[1] == "check" {
		os.Exit(check(os.Args[2]))
	}
	if err := serve(time.Now()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func check(url string) int {
	client := http.Client{Timeout: 2 * time.Second}
	response, err := client.Get(url)
	if err != nil || response.StatusCode != http.StatusOK {
		return 1
	}
	return 0
}

func serve(start time.Time) error {
	fault, after, _ := strings.Cut(os.Getenv("FAIL"), ":")
	go obey()
	if fault == "crash" {
		go func() {
			time.Sleep(millis(after))
			end(3)
		}()
	}
	time.Sleep(millis(os.Getenv("START_DELAY_MS")))
	http.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) {
		up := time.Since(start)
		ill := fault == "unhealthy" || fault == "unhealthy-after" && up >= millis(after)
		if ill || up < millis(os.Getenv("HEALTH_DELAY_MS")) {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	listener, err := net.Listen("tcp", ":8080")
	if err != nil {
		return err
	}
	say("listens")
	return http.Serve(listener, nil)
}

// obey does what SIGTERM asks for, unless it is not to.
func obey() {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM)
	<-told
	if os.Getenv("IGNORE_TERM") != "" {
		return
	}
	time.Sleep(millis(os.Getenv("DRAIN_MS")))
	code, _ := strconv.Atoi(os.Getenv("EXIT_CODE"))
	end(code)
}

func end(code int) {
	say("ends")
	os.Exit(code)
}

func say(what string) {
	fmt.Printf("%s %d\n", what, time.Now().UnixMilli())
}

func millis(text string) time.Duration {
	count, _ := strconv.Atoi(text)
	return time.Duration(count) * time.Millisecond
}
