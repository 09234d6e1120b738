// Command apigen turns the contract written in api/*.yaml, one file a domain,
// into the files that the rest of the project is built from:
//
//   - openapi.yaml, the published bundle;
//   - internal/api/openapi.gen.json and spec.gen.go, the same bundle embedded;
//   - internal/api/interfaces.gen.go, one interface a domain;
//   - internal/api/operations.gen.go, what the server must know of each operation;
//   - .build/openapi.codegen.yaml, the input of oapi-codegen: the bundle without
//     webhooks and without error responses, which halves the generated code.
//
// It refuses a contract that leaves out what the server, the tests or a reader
// depend on, and reports everything that is wrong at once.
//
// Usage:
//
//	apigen bundle     write openapi.yaml only
//	apigen generate   write everything
//	apigen check      fail unless the committed files are what generate would write
//	apigen examples   fail unless every example is valid against its schema
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("apigen", flag.ContinueOnError)
	root := flags.String("root", ".", "folder that holds api/ and receives the generated files")
	if len(args) == 0 {
		return errors.New("usage: apigen bundle|generate|check|examples [-root folder]")
	}
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	contract, err := loadContract(filepath.Join(*root, "api"))
	if err != nil {
		return err
	}
	switch command := args[0]; command {
	case "bundle":
		return write(*root, contract, out, onlyBundle)
	case "generate":
		return write(*root, contract, out, everything)
	case "check":
		return errors.Join(checkCommitted(*root, contract), contract.checkExamples())
	case "examples":
		return contract.checkExamples()
	default:
		return fmt.Errorf("apigen: unknown command %q", command)
	}
}

// output is one file that apigen writes.
type output struct {
	path      string
	committed bool
	render    func(*contract) ([]byte, error)
}

var (
	onlyBundle = []output{{"openapi.yaml", true, renderBundle}}
	everything = []output{
		{"openapi.yaml", true, renderBundle},
		{"internal/api/openapi.gen.json", true, renderJSON},
		{"internal/api/spec.gen.go", true, renderSpec},
		{"internal/api/interfaces.gen.go", true, renderInterfaces},
		{"internal/api/operations.gen.go", true, renderOperations},
		{".build/openapi.codegen.yaml", false, renderCodegenInput},
	}
)

func write(root string, c *contract, out io.Writer, outputs []output) error {
	for _, o := range outputs {
		content, err := o.render(c)
		if err != nil {
			return fmt.Errorf("%s: %w", o.path, err)
		}
		path := filepath.Join(root, o.path)
		if present, err := os.ReadFile(path); err == nil && bytes.Equal(present, content) {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
		fmt.Fprintln(out, "wrote", o.path)
	}
	return nil
}

func checkCommitted(root string, c *contract) error {
	var problems []error
	for _, o := range everything {
		if !o.committed {
			continue
		}
		want, err := o.render(c)
		if err != nil {
			return fmt.Errorf("%s: %w", o.path, err)
		}
		have, err := os.ReadFile(filepath.Join(root, o.path))
		switch {
		case err != nil:
			problems = append(problems, err)
		case !bytes.Equal(have, want):
			problems = append(problems, fmt.Errorf("%s is not what api/*.yaml gives: run make generate and commit", o.path))
		}
	}
	return errors.Join(problems...)
}
