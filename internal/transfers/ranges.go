package transfers

import (
	"os"
	"strconv"
	"strings"

	"github.com/parvis-crm/parvis/internal/fault"
)

// rangeOf is the part of a file that is asked for, nil for all of it: also where
// the request is for parts of an older archive, or is none that can be read (RFC
// 9110 §14.2 and §13.1.5). A part beyond the file is a 416.
func rangeOf(file *os.File, asked, ifRange *string, tag string) (*string, error) {
	if asked == nil || ifRange != nil && *ifRange != `"`+tag+`"` {
		return nil, nil
	}
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	within, readable := satisfiable(*asked, info.Size())
	if !readable {
		return nil, nil
	}
	if !within {
		size := strconv.FormatInt(info.Size(), 10)
		return nil, fault.New(fault.OutOfRange, "range-not-satisfiable").With("size", size).Header("Content-Range", "bytes */"+size)
	}
	return asked, nil
}

// satisfiable reports whether any of the ranges begins within a file of a size, and
// whether they can be read at all.
func satisfiable(asked string, size int64) (within, readable bool) {
	list, ok := strings.CutPrefix(asked, "bytes=")
	if !ok {
		return false, false
	}
	for part := range strings.SplitSeq(list, ",") {
		from, to, ok := strings.Cut(strings.TrimSpace(part), "-")
		first, err := strconv.ParseInt(from, 10, 64)
		last, errLast := strconv.ParseInt(to, 10, 64)
		switch {
		case !ok || from == "" && errLast != nil || from != "" && err != nil || to != "" && (errLast != nil || from != "" && last < first):
			return false, false
		case from == "":
			within = within || last > 0 && size > 0
		default:
			within = within || first < size
		}
	}
	return within, true
}
