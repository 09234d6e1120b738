package contacts

import (
	"strconv"
	"strings"

	"github.com/parvis-crm/parvis/internal/fault"
)

func itoa(i int) string { return strconv.Itoa(i) }

// reanchor moves the pointers of a fault to where its document stands in a
// larger one.
func reanchor(err error, base string) error { return reanchorFrom(err, "#", base) }

func reanchorFrom(err error, from, to string) error {
	f, ok := fault.As(err)
	if !ok {
		return err
	}
	for i, v := range f.Violations {
		if rest, ok := strings.CutPrefix(v.Pointer, from); ok {
			f.Violations[i].Pointer = to + rest
		}
	}
	return err
}
