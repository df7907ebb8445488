// Command load judges updates: `load run` sends a steady, bounded stream of requests and counts what is lost, and
// `load serve` is the program that answers them and writes down what it received, so that a request that came twice
// is seen too. Neither retries anything.
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: load run|serve [options]")
		os.Exit(2)
	}
	var err error
	switch mode := os.Args[1]; mode {
	case "run":
		err = run(os.Args[2:])
	case "serve":
		err = serve(os.Args[2:])
	default:
		err = fmt.Errorf("load has no mode %q", mode)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
