package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const batchSize = 500

func main() {
	url := flag.String("url", "http://127.0.0.1:8080", "address of the server")
	keyFile := flag.String("key-file", ".parvis/admin.key", "file with the API key")
	source := flag.String("source", "demo", "code of the ticketing source, declared beforehand")
	shuffle := flag.Bool("shuffle", false, "send the records in a random order, some of them twice")
	input := flag.String("input", filepath.Join("examples", "ticketing-vendor", "testdata", "page*.json"), "pages of orders")
	flag.Parse()
	if err := run(*url, *keyFile, *source, *input, *shuffle, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "ticketing-vendor:", err)
		os.Exit(1)
	}
}

func run(url, keyFile, source, input string, shuffle bool, out io.Writer) error {
	key, err := os.ReadFile(keyFile)
	if err != nil {
		return err
	}
	records, total, err := read(input)
	if err != nil {
		return err
	}
	if shuffle {
		records = append(records, records[:len(records)/2]...)
		rand.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] }) //nolint:gosec // an order for a demonstration
	}
	endpoint := strings.TrimSuffix(url, "/") + "/v1/ticketing/sources/" + source + "/batches"
	for batch := range slices.Chunk(records, batchSize) {
		if err := send(endpoint, strings.TrimSpace(string(key)), batch, out); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(out, "%d orders read, %s EUR of tickets and fees.\n", len(records), total.FloatString(2))
	return err
}

// read maps every page and adds up what was sold, to the cent.
func read(pattern string) ([]object, *big.Rat, error) {
	total := new(big.Rat)
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		return nil, total, errors.Join(err, fmt.Errorf("no page matches %s", pattern))
	}
	var records []object
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, total, err
		}
		var p page
		if err := json.Unmarshal(raw, &p); err != nil {
			return nil, total, fmt.Errorf("%s: %w", file, err)
		}
		for _, o := range p.Results {
			records = append(records, o.record())
			for _, position := range o.Positions {
				add(total, position.Price)
			}
			for _, f := range o.Fees {
				add(total, f.Value)
			}
		}
	}
	return records, total, nil
}

func add(total *big.Rat, amount string) {
	if r, ok := new(big.Rat).SetString(amount); ok {
		total.Add(total, r)
	}
}

func send(endpoint, key string, batch []object, out io.Writer) error {
	body, err := json.Marshal(object{"records": batch, "sent_at": time.Now().UTC().Format(time.RFC3339)})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, endpoint, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+key)
	request.Header.Set("Content-Type", "application/json")
	client := http.Client{Timeout: time.Minute}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusMultiStatus {
		return fmt.Errorf("%s: %s", response.Status, answer)
	}
	var result struct {
		Results []struct {
			Index   int    `json:"index"`
			Status  string `json:"status"`
			Contact string `json:"contact_id"`
			Match   *struct {
				Rule string `json:"rule"`
			} `json:"match"`
			Problem json.RawMessage `json:"problem"`
		} `json:"results"`
	}
	if err := json.Unmarshal(answer, &result); err != nil {
		return err
	}
	for _, r := range result.Results {
		rule := ""
		if r.Match != nil {
			rule = r.Match.Rule
		}
		if _, err := fmt.Fprintf(out, "%-24v %-14s %-20s %s\n", batch[r.Index]["external_id"], r.Status, rule, r.Contact); err != nil {
			return err
		}
		if r.Status == "failed" {
			if _, err := fmt.Fprintf(out, "  %s\n", r.Problem); err != nil {
				return err
			}
		}
	}
	return nil
}
