package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// ownCPU is the time this process has computed.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// backendsCPU is the time that the processes behind our connections have
// computed, as Linux tells it in hundredths of a second. Connections live as
// long as the benchmark, so that the sum never falls.
func (b *bench) backendsCPU(ctx context.Context) (time.Duration, error) {
	rows, err := b.plain.Query(ctx, "select pid from pg_stat_activity where backend_type = 'client backend'")
	if err != nil {
		return 0, err
	}
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		return 0, err
	}
	var total int64
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return 0, fmt.Errorf("the processor time of PostgreSQL can be told on Linux only: %w", err)
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest)
		if len(fields) < 13 {
			return 0, fmt.Errorf("/proc/%d/stat has another form than expected", pid)
		}
		for _, field := range fields[11:13] { // utime, stime
			ticks, err := strconv.ParseInt(field, 10, 64)
			if err != nil {
				return 0, err
			}
			total += ticks
		}
	}
	return time.Duration(total) * 10 * time.Millisecond, nil
}
