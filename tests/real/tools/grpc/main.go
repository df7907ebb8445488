// A gRPC service and a client of it, as far as a proxy can tell: HTTP/2, messages with a length before them, and the
// status in trailers (github.com/grpc/grpc, doc/PROTOCOL-HTTP2.md).
//
//	grpc serve ADDRESS NAME   answers each call with its own name, the path and the call's metadata
//	grpc refuse ADDRESS       takes connections and ends each once something was sent on it
//	grpc call ADDRESS PATH    prints what came back; ADDRESS may begin with https://
package main

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sort"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(words []string) error {
	switch {
	case len(words) == 3 && words[0] == "serve":
		return serve(words[1], words[2])
	case len(words) == 2 && words[0] == "refuse":
		return refuse(words[1])
	case len(words) == 3 && words[0] == "call":
		return call(words[1], words[2])
	}
	return fmt.Errorf("usage: grpc serve ADDRESS NAME | refuse ADDRESS | call ADDRESS PATH")
}

func framed(message string) []byte {
	frame := make([]byte, 5, 5+len(message))
	binary.BigEndian.PutUint32(frame[1:], uint32(len(message)))
	return append(frame, message...)
}

func unframed(frame []byte) (string, error) {
	if len(frame) < 5 || int(binary.BigEndian.Uint32(frame[1:5])) != len(frame)-5 {
		return "", fmt.Errorf("%d bytes are no message", len(frame))
	}
	return string(frame[5:]), nil
}

func serve(address, name string) error {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	handler := func(out http.ResponseWriter, request *http.Request) {
		frame, _ := io.ReadAll(request.Body)
		message, err := unframed(frame)
		out.Header().Set("Content-Type", "application/grpc")
		out.Header().Set("Trailer", "Grpc-Status, Grpc-Message")
		if err != nil || request.Header.Get("Content-Type") != "application/grpc" {
			out.Header().Set("Grpc-Status", "3")
			return
		}
		lines := []string{"server " + name, "path " + request.URL.Path, "host " + request.Host, "message " + message}
		for key, values := range request.Header {
			lines = append(lines, "metadata "+strings.ToLower(key)+": "+strings.Join(values, ", "))
		}
		sort.Strings(lines)
		if request.URL.Path == "/shop.Slow/Call" {
			time.Sleep(3 * time.Second)
		}
		out.Write(framed(strings.Join(lines, "\n")))
		out.Header().Set("Grpc-Status", "0")
		out.Header().Set("Grpc-Message", "done")
	}
	server := &http.Server{Addr: address, Handler: http.HandlerFunc(handler), Protocols: &protocols}
	return server.ListenAndServe()
}

func refuse(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			// Before anything was sent nginx would try the call again.
			_, _ = connection.Read(make([]byte, 1))
			connection.Close()
		}()
	}
}

func call(address, path string) error {
	var protocols http.Protocols
	if strings.HasPrefix(address, "https://") {
		protocols.SetHTTP2(true)
	} else {
		protocols.SetUnencryptedHTTP2(true)
		address = "http://" + address
	}
	client := &http.Client{
		Timeout: 20 * time.Second,
		Transport: &http.Transport{
			Protocols:       &protocols,
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		},
	}
	request, err := http.NewRequest("POST", address+path, bytes.NewReader(framed("hello")))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/grpc")
	request.Header.Set("Te", "trailers")
	request.Header.Set("X-Caller", "test")
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	frame, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	fmt.Println("status", answer.StatusCode, answer.Proto)
	// A call that fails at once has its status among the headers.
	status := answer.Trailer.Get("Grpc-Status")
	if status == "" {
		status = answer.Header.Get("Grpc-Status")
	}
	fmt.Println("grpc-status", status, answer.Trailer.Get("Grpc-Message"))
	if message, err := unframed(frame); err == nil {
		fmt.Println(message)
	}
	return nil
}
