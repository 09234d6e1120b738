package forms

import (
	"encoding/json"
	"math"
	"strconv"

	"github.com/parvis-crm/parvis/internal/fault"
)

// limits are the least and the greatest number of a field: what its schema says,
// and in any case what the programs that read submissions can hold.
func (s FieldSchema) limits() (least, greatest json.Number) {
	greatest = json.Number(strconv.FormatFloat(math.MaxFloat64, 'g', -1, 64))
	least = "-" + greatest
	if s.Type == "integer" {
		least, greatest = json.Number(strconv.Itoa(math.MinInt64)), json.Number(strconv.Itoa(math.MaxInt64))
	}
	if s.Minimum != nil && decimalOf(*s.Minimum).compare(decimalOf(least)) > 0 {
		least = *s.Minimum
	}
	if s.Maximum != nil && decimalOf(*s.Maximum).compare(decimalOf(greatest)) < 0 {
		greatest = *s.Maximum
	}
	return least, greatest
}

// checkBounds refuses bounds of other fields than numbers, those that a page
// would read as another number, and those that leave none.
func (s FieldSchema) checkBounds(f *fault.Error, at string) {
	if s.Minimum == nil && s.Maximum == nil {
		return
	}
	if s.Type != "integer" && s.Type != "number" {
		f.At(at, "keyword-of-another-type")
		return
	}
	held := true
	for name, bound := range map[string]*json.Number{"minimum": s.Minimum, "maximum": s.Maximum} {
		if bound == nil {
			continue
		}
		if _, exactly := double(*bound); !exactly {
			f.At(at+"/"+name, "not-a-double")
			held = false
		}
	}
	if held && s.excludesAll() {
		name := "minimum"
		if s.Minimum == nil {
			name = "maximum"
		}
		f.At(at+"/"+name, "bounds-exclude-all")
	}
}

// excludesAll expects bounds that doubles hold.
func (s FieldSchema) excludesAll() bool {
	least, greatest := -math.MaxFloat64, math.MaxFloat64
	if s.Type == "integer" {
		least, greatest = math.MinInt64, 1<<63-1024 // the greatest double that is one
	}
	if s.Minimum != nil {
		value, _ := double(*s.Minimum)
		least = max(least, value)
	}
	if s.Maximum != nil {
		value, _ := double(*s.Maximum)
		greatest = min(greatest, value)
	}
	if s.Type == "integer" {
		least, greatest = math.Ceil(least), math.Floor(greatest)
	}
	return least > greatest
}
