package readmetest

import (
	"fmt"
	"regexp"
	"strings"
)

// step is one thing a reader of the page does: commands to type, or a deed in
// the browser that the page describes in words.
type step struct {
	line       int
	commands   string
	background bool
	deed       string           // name of what the test does in the reader's place
	shows      []*regexp.Regexp // what the reader is told to see
}

var marker = regexp.MustCompile(`^<!-- (run|deed|shows): ?(.*?) ?-->$`)

// steps reads a page. Every `sh` block is run in order; a comment before it can
// say `run: background` (it stays up) or `run: skip`; `deed: NAME` stands for
// what a person does by hand; `shows: REGEXP` after a step is what must be seen.
func steps(page string) ([]step, error) {
	var out []step
	var block *step
	mode := ""
	for i, line := range strings.Split(page, "\n") {
		if block != nil {
			if strings.TrimSpace(line) == "```" {
				if mode != "skip" {
					out = append(out, *block)
				}
				block, mode = nil, ""
				continue
			}
			block.commands += line + "\n"
			continue
		}
		if strings.TrimSpace(line) == "```sh" {
			block = &step{line: i + 1, background: mode == "background"}
			continue
		}
		m := marker.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		switch m[1] {
		case "run":
			mode = m[2]
		case "deed":
			out = append(out, step{line: i + 1, deed: m[2]})
		case "shows":
			re, err := regexp.Compile(m[2])
			if err != nil || len(out) == 0 {
				return nil, fmt.Errorf("line %d: %q: %w", i+1, m[2], err)
			}
			last := &out[len(out)-1]
			last.shows = append(last.shows, re)
		}
	}
	return out, nil
}
