// Package load sends requests to a server in a closed loop with as little work
// of its own as it can, since it shares the processors with what it measures.
package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Result is what a run of requests came to.
type Result struct {
	Requests  int
	Failures  int // answers that were not 2xx
	Seconds   float64
	Latencies []time.Duration // sorted
	Sample    string          // the first failing answer
}

// Rate is requests a second.
func (r Result) Rate() float64 { return float64(r.Requests) / r.Seconds }

// Percentile of the latencies, p between 0 and 1.
func (r Result) Percentile(p float64) time.Duration {
	if len(r.Latencies) == 0 {
		return 0
	}
	return r.Latencies[min(len(r.Latencies)-1, int(p*float64(len(r.Latencies))))]
}

// Next writes the n-th request of a worker, whole, into b.
type Next func(b *bytes.Buffer, worker, n int)

// Request writes an HTTP/1.1 request.
func Request(b *bytes.Buffer, method, host, path, key string, headers, body string) {
	b.WriteString(method)
	b.WriteByte(' ')
	b.WriteString(path)
	b.WriteString(" HTTP/1.1\r\nHost: ")
	b.WriteString(host)
	b.WriteString("\r\nAuthorization: Bearer ")
	b.WriteString(key)
	b.WriteString("\r\n")
	b.WriteString(headers)
	if body != "" {
		b.WriteString("Content-Length: ")
		b.WriteString(strconv.Itoa(len(body)))
		b.WriteString("\r\n")
	}
	b.WriteString("\r\n")
	b.WriteString(body)
}

// Run keeps conns connections busy for d.
func Run(ctx context.Context, address string, conns int, d time.Duration, next Next) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, d+time.Minute)
	defer cancel()
	var mu sync.Mutex
	var total Result
	var failed error
	var wg sync.WaitGroup
	start := time.Now()
	end := start.Add(d)
	for w := range conns {
		wg.Go(func() {
			r, err := worker(ctx, address, w, end, next)
			mu.Lock()
			defer mu.Unlock()
			total.Requests += r.Requests
			total.Failures += r.Failures
			total.Latencies = append(total.Latencies, r.Latencies...)
			if total.Sample == "" {
				total.Sample = r.Sample
			}
			failed = errors.Join(failed, err)
		})
	}
	wg.Wait()
	total.Seconds = time.Since(start).Seconds()
	slices.Sort(total.Latencies)
	return total, failed
}

func worker(ctx context.Context, address string, w int, end time.Time, next Next) (Result, error) {
	var r Result
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return r, err
	}
	defer func() { _ = conn.Close() }()
	reader := bufio.NewReaderSize(conn, 64<<10)
	var b bytes.Buffer
	for n := 0; ; n++ {
		now := time.Now()
		if now.After(end) {
			return r, nil
		}
		b.Reset()
		next(&b, w, n)
		if _, err := conn.Write(b.Bytes()); err != nil {
			return r, err
		}
		status, body, err := answer(reader, r.Sample == "")
		if err != nil {
			return r, fmt.Errorf("load: reading an answer: %w", err)
		}
		r.Latencies = append(r.Latencies, time.Since(now))
		r.Requests++
		if status < 200 || status > 299 {
			r.Failures++
			if r.Sample == "" {
				r.Sample = fmt.Sprintf("%d %s", status, body)
			}
		}
	}
}

// answer reads one response; the body is kept only of failures, for the report.
func answer(r *bufio.Reader, keep bool) (status int, body string, err error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return 0, "", err
	}
	if len(line) < 12 {
		return 0, "", fmt.Errorf("unexpected %q", line)
	}
	status, err = strconv.Atoi(string(line[9:12]))
	if err != nil {
		return 0, "", err
	}
	length, chunked := 0, false
	for {
		line, err = r.ReadSlice('\n')
		if err != nil {
			return 0, "", err
		}
		if len(line) <= 2 {
			break
		}
		if v, ok := header(line, "Content-Length:"); ok {
			if length, err = strconv.Atoi(v); err != nil {
				return 0, "", err
			}
		} else if v, ok := header(line, "Transfer-Encoding:"); ok {
			chunked = v == "chunked"
		}
	}
	keep = keep && (status < 200 || status > 299)
	var kept bytes.Buffer
	take := func(n int) error {
		if keep {
			_, err := io.CopyN(&kept, r, int64(n))
			return err
		}
		_, err := r.Discard(n)
		return err
	}
	if !chunked {
		err = take(length)
		return status, kept.String(), err
	}
	for {
		line, err = r.ReadSlice('\n')
		if err != nil {
			return 0, "", err
		}
		n, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 16, 64)
		if err != nil {
			return 0, "", err
		}
		if n == 0 {
			_, err = r.Discard(2)
			return status, kept.String(), err
		}
		if err := take(int(n)); err != nil {
			return 0, "", err
		}
		if _, err := r.Discard(2); err != nil {
			return 0, "", err
		}
	}
}

func header(line []byte, name string) (string, bool) {
	if len(line) > len(name) && bytes.EqualFold(line[:len(name)], []byte(name)) {
		return string(bytes.TrimSpace(line[len(name):])), true
	}
	return "", false
}
