// Copyright the Parvis maintainers. Licensed under the Apache License 2.0.

package boxoffice

import "encoding/json"

// Step is one call of the hook and the records that a connector sends for it.
type Step struct {
	Action  string           `json:"action"`
	Facts   json.RawMessage  `json:"facts"`
	Records []map[string]any `json:"records"`
}

// Say gives the records for each step of a story, without sending anything.
func Say(story []Step) ([]Step, error) {
	var changed []name
	t := newTill(func(n name) { changed = append(changed, n) })
	o := &office{till: t, outbox: &outbox{till: t, wake: make(chan struct{}, 1)}}
	out := make([]Step, len(story))
	for i, step := range story {
		changed = nil
		if _, err := o.act(call{Action: step.Action, Facts: step.Facts}); err != nil {
			return nil, err
		}
		step.Records = []map[string]any{}
		for _, n := range changed {
			if r, known := t.record(n, Defects{}); known {
				step.Records = append(step.Records, r)
			}
		}
		out[i] = step
	}
	return out, nil
}
