package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// violation is one thing that is wrong with the contract.
type violation struct {
	file  string
	line  int
	where string
	text  string
}

func (v violation) String() string {
	if v.where == "" {
		return fmt.Sprintf("%s:%d: %s", v.file, v.line, v.text)
	}
	return fmt.Sprintf("%s:%d: %s: %s", v.file, v.line, v.where, v.text)
}

type violations []violation

// addf notes a violation; where names the operation or the component.
func (all *violations) addf(file string, line int, where, format string, args ...any) {
	*all = append(*all, violation{file, line, where, fmt.Sprintf(format, args...)})
}

// err gives all violations, sorted by file and line, each once.
func (all *violations) err() error {
	if len(*all) == 0 {
		return nil
	}
	sorted := slices.Clone(*all)
	slices.SortFunc(sorted, func(a, b violation) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line), cmp.Compare(a.where, b.where), cmp.Compare(a.text, b.text))
	})
	sorted = slices.Compact(sorted)
	lines := make([]string, 0, len(sorted)+1)
	for _, v := range sorted {
		lines = append(lines, "api/"+v.String())
	}
	lines = append(lines, fmt.Sprintf("%d violations of the contract's rules", len(sorted)))
	return errors.New(strings.Join(lines, "\n"))
}
