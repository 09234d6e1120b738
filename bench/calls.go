package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pgembed"
)

// call sends a request with the bench's key and reads the JSON of its answer,
// if into is not nil.
func (e *environment) call(ctx context.Context, method, path, body, etag string, into any) error {
	request, err := http.NewRequestWithContext(ctx, method, "http://"+e.address+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+e.key)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Idempotency-Key", ids.New().String())
	}
	if etag != "" {
		request.Header.Set("If-Match", etag)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode > 299 {
		return fmt.Errorf("%s %s answers %s: %.600s", method, path, response.Status, raw)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(raw, into)
}

// owner connects to the data set as its owner.
func (e *environment) owner(ctx context.Context) (*pgx.Conn, error) {
	return pgx.Connect(ctx, e.pg.URL(pgembed.Superuser, e.database)+"&options=-csearch_path%3Dcrm")
}

// settle waits until all events have their number, so that what one measurement
// left to do does not weigh on the next.
func (e *environment) settle(ctx context.Context, conn *pgx.Conn) error {
	return until(ctx, 2*time.Minute, "the queue of events to empty", func() (bool, error) {
		var waiting bool
		err := conn.QueryRow(ctx, "select exists (select from event_queue)").Scan(&waiting)
		return !waiting, err
	})
}

// until asks again and again, every few milliseconds.
func until(ctx context.Context, longest time.Duration, what string, done func() (bool, error)) error {
	for deadline := time.Now().Add(longest); ; {
		if ok, err := done(); ok || err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("waited %s in vain for %s", longest, what)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}
