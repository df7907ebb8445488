// Command readers reads YAML files as two programs of the field do: `readers v3 FILE...` with go-yaml v3 (Docker's
// CLI), `readers k8s FILE...` with the YAML 1.1 reader of Kubernetes. It prints JSON: a list of documents per file.
// What JSON has no word for, such as a date or a key that is no string, comes out as an object with a `!` key.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"

	v3 "gopkg.in/yaml.v3"
	k8s "sigs.k8s.io/yaml/goyaml.v2"
)

type decoder interface{ Decode(any) error }

func main() {
	files := [][]any{}
	for _, path := range os.Args[2:] {
		documents, err := read(os.Args[1], path)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", path, err)
			os.Exit(1)
		}
		files = append(files, documents)
	}
	if err := json.NewEncoder(os.Stdout).Encode(files); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func read(reader, path string) ([]any, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var from decoder
	if reader == "v3" {
		from = v3.NewDecoder(file)
	} else {
		strict := k8s.NewDecoder(file)
		strict.SetStrict(true)
		from = strict
	}
	documents := []any{}
	for {
		var document any
		err := from.Decode(&document)
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		if err != nil {
			return nil, err
		}
		documents = append(documents, plain(document))
	}
}

func plain(value any) any {
	switch value := value.(type) {
	case nil, bool, string, int, int64, uint64:
		return value
	case float64:
		return number(value)
	case []any:
		list := []any{}
		for _, item := range value {
			list = append(list, plain(item))
		}
		return list
	case map[string]any:
		object := map[string]any{}
		for key, item := range value {
			object[key] = plain(item)
		}
		return object
	case map[any]any:
		object := map[string]any{}
		for key, item := range value {
			if text, ok := key.(string); ok {
				object[text] = plain(item)
			} else {
				object[fmt.Sprintf("!%T %v", key, key)] = plain(item)
			}
		}
		return object
	default:
		return map[string]any{fmt.Sprintf("!%T", value): fmt.Sprint(value)}
	}
}

// A float stays one in JSON: 1.0 is not 1.
func number(value float64) any {
	if math.IsInf(value, 0) || math.IsNaN(value) {
		return map[string]any{"!float": fmt.Sprint(value)}
	}
	text := strconv.FormatFloat(value, 'g', -1, 64)
	if !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return json.RawMessage(text)
}
