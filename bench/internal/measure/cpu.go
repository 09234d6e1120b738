// Package measure reads what processes have cost, from /proc.
package measure

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of processor times in /proc (USER_HZ), the same on every
// Linux that Go runs on.
const tick = 10 * time.Millisecond

type stat struct {
	parent        int
	own, children time.Duration
}

func read(pid int) (stat, error) {
	raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return stat{}, err
	}
	_, rest, ok := strings.Cut(string(raw), ") ")
	if !ok {
		return stat{}, fmt.Errorf("measure: /proc/%d/stat cannot be read", pid)
	}
	f := strings.Fields(rest)
	n := func(i int) time.Duration {
		v, _ := strconv.ParseInt(f[i], 10, 64)
		return time.Duration(v) * tick
	}
	parent, err := strconv.Atoi(f[1])
	return stat{parent: parent, own: n(11) + n(12), children: n(13) + n(14)}, err
}

// Process is the processor time a process has used so far.
func Process(pid int) time.Duration {
	s, _ := read(pid)
	return s.own
}

// Family is the processor time of a process and of all its children, those that
// have ended included: a PostgreSQL server with its backends.
func Family(pid int) time.Duration {
	s, err := read(pid)
	if err != nil {
		return 0
	}
	total := s.own + s.children
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return total
	}
	for _, e := range entries {
		child, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if c, err := read(child); err == nil && c.parent == pid {
			total += c.own + c.children
		}
	}
	return total
}

// Resident is the memory of a process, in bytes.
func Resident(pid int) int64 {
	raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0
	}
	for line := range strings.SplitSeq(string(raw), "\n") {
		if v, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(v)[0], 10, 64)
			return kb << 10
		}
	}
	return 0
}

// Median of a series; zero of none.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	v := slices.Clone(values)
	slices.Sort(v)
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}
