package port

import (
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"
)

// Clip bounds a text to n characters, without what is blank around it.
func Clip(s string, n int) string {
	s = strings.TrimSpace(s)
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n])
}

// Cents is an amount in hundredths, such as vendors write it. What is no whole
// number stays as it came, and is then refused with the record that it is of:
// one bad amount must not keep a list from being read.
type Cents string

// UnmarshalJSON implements json.Unmarshaler.
func (c *Cents) UnmarshalJSON(raw []byte) error {
	*c = Cents(strings.Trim(string(raw), `"`))
	if *c == "null" {
		*c = ""
	}
	return nil
}

// Int gives the number of hundredths; false: it is no whole number.
func (c Cents) Int() (int64, bool) {
	digits := strings.TrimPrefix(string(c), "-")
	if digits == "" || len(digits) > 15 || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	n := int64(0)
	for _, d := range digits {
		n = n*10 + int64(d-'0')
	}
	if len(digits) < len(c) {
		n = -n
	}
	return n, true
}

// Decimal writes the amount with a point; nothing where there is none.
func (c Cents) Decimal() string {
	n, ok := c.Int()
	if !ok {
		return string(c)
	}
	return Decimal(n)
}

// Decimal writes hundredths as a decimal.
func Decimal(n int64) string {
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	digits := []byte{byte('0' + n/10%10), byte('0' + n%10)}
	whole := n / 100
	text := ""
	for {
		text = string(byte('0'+whole%10)) + text
		if whole /= 10; whole == 0 {
			return sign + text + "." + string(digits)
		}
	}
}

// Decode reads one object of a list. What cannot be read at all is an answer that
// nobody documents.
func Decode[T any](raw json.RawMessage) (T, error) {
	var out T
	if err := json.Unmarshal(raw, &out); err != nil {
		return out, &UnexpectedError{"an object of a list has another form than documented"}
	}
	return out, nil
}

// Local reads a time without an offset, which is that of the clocks of a zone.
// Where clocks are put back an hour is there twice: the first is taken. Zeros
// instead of a date, and what is no time, are nil.
func Local(text string, zone *time.Location) *time.Time {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "0000") {
		return nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04", "2006-01-02"} {
		t, err := time.ParseInLocation(layout, text, zone)
		if err != nil {
			continue
		}
		if earlier := t.Add(-time.Hour); layout != time.RFC3339Nano && sameClock(earlier, t) {
			t = earlier
		}
		return &t
	}
	return nil
}

func sameClock(a, b time.Time) bool {
	return a.Format(time.DateTime) == b.Format(time.DateTime)
}

// Latest is the last of some times; nil: there is none.
func Latest(times ...*time.Time) *time.Time {
	var last *time.Time
	for _, t := range times {
		if t != nil && (last == nil || t.After(*last)) {
			last = t
		}
	}
	return last
}

// Answered is when the vendor made an answer, by its own clock as far as it says;
// a minute is taken off, since what it holds was looked up before.
func (a Answer) Answered(now time.Time) time.Time {
	if t, err := time.Parse(time.RFC1123, a.Header.Get("Date")); err == nil {
		now = t.UTC()
	}
	return now.Add(-time.Minute)
}

// Loose is a value that a vendor writes now as text, now as a number, now as true
// or false: its text.
type Loose string

// UnmarshalJSON implements json.Unmarshaler.
func (l *Loose) UnmarshalJSON(raw []byte) error {
	*l = ""
	text := ""
	if json.Unmarshal(raw, &text) == nil {
		*l = Loose(strings.TrimSpace(text))
	} else if s := string(raw); s != "null" && !strings.HasPrefix(s, "{") && !strings.HasPrefix(s, "[") {
		*l = Loose(s)
	}
	return nil
}

// Yes reports whether the value says so.
func (l Loose) Yes() bool { return l != "" && l != "0" && l != "false" }

// Amount is the value as a decimal with two digits; what is none stays as it
// came, and is refused with its record.
func (l Loose) Amount() string {
	n, ok := l.Hundredths()
	if !ok {
		return string(l)
	}
	return Decimal(n)
}

// Hundredths of a decimal with a point or a comma; false: it is none, or has more
// than two digits that count.
func (l Loose) Hundredths() (int64, bool) {
	whole, part, _ := strings.Cut(strings.Replace(string(l), ",", ".", 1), ".")
	part = strings.TrimRight(part, "0")
	if len(part) > 2 || whole == "" || whole == "-" {
		return 0, false
	}
	return Cents(whole + (part + "00")[:2]).Int()
}
