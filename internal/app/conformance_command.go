package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/parvis-crm/parvis/internal/conformance"
	"github.com/parvis-crm/parvis/internal/conformance/report"
	"github.com/parvis-crm/parvis/internal/ids"
)

// ConformanceCommand is `parvis conformance`: trying out a vendor's connector,
// and checking the report of such a trial.
type ConformanceCommand struct {
	Run    ConformanceRunCommand    `cmd:"" help:"Try out a ticketing vendor's connector in a sandbox and write the signed report."`
	Verify ConformanceVerifyCommand `cmd:"" help:"Check the signature of a report and say what it found."`
	List   ConformanceListCommand   `cmd:"" help:"List the scenarios."`
}

// ConformanceRunCommand is `parvis conformance run`.
type ConformanceRunCommand struct {
	Hook      string        `required:"" help:"Address at which the vendor's test system is told what happens."`
	Connector string        `required:"" help:"Name of the connector."`
	Release   string        `required:"" help:"Version of the connector."`
	URL       string        `default:"http://127.0.0.1:8080" help:"Address of the server."`
	KeyFile   string        `required:"" type:"existingfile" help:"File with an API key of a sandbox."`
	Scenarios []string      `help:"Only these scenarios, separated by commas."`
	Patience  time.Duration `default:"30s" help:"How long the connector may take for what it has to do."`
	Parallel  int           `default:"1" help:"How many scenarios at a time."`
	Output    string        `short:"o" default:"report.json" type:"path" help:"The report to write."`
}

// errNotConforming makes the command fail without repeating itself.
var errNotConforming = errors.New("the connector did not pass")

// Run implements the command.
func (c ConformanceRunCommand) Run(ctx context.Context) error { return c.run(ctx, os.Stdout) }

func (c ConformanceRunCommand) run(ctx context.Context, out io.Writer) error {
	key, err := os.ReadFile(c.KeyFile)
	if err != nil {
		return err
	}
	server := remote{url: strings.TrimSuffix(c.URL, "/"), key: strings.TrimSpace(string(key))}
	in := map[string]any{
		"hook_url": c.Hook, "connector": map[string]any{"name": c.Connector, "version": c.Release},
		"patience_seconds": int(c.Patience / time.Second), "parallel": c.Parallel,
	}
	if len(c.Scenarios) > 0 {
		in["scenarios"] = c.Scenarios
	}
	var o struct {
		ID       string `json:"id"`
		Status   string `json:"status"`
		Progress struct {
			Done  int64  `json:"done"`
			Total *int64 `json:"total"`
		} `json:"progress"`
		Problem struct {
			Title  string `json:"title"`
			Detail string `json:"detail"`
		} `json:"problem"`
	}
	if err := server.ask(ctx, http.MethodPost, "/v1/conformance-runs", in, &o); err != nil {
		return err
	}
	bar := newProgress(os.Stderr, "conformance")
	for o.Status == "queued" || o.Status == "running" {
		select {
		case <-ctx.Done():
			bar.end()
			return fmt.Errorf("the run goes on as operation %s; its report will be at /v1/conformance-runs/%s", o.ID, o.ID)
		case <-time.After(time.Second):
		}
		if err := server.ask(ctx, http.MethodGet, "/v1/operations/"+o.ID, nil, &o); err != nil {
			bar.end()
			return err
		}
		if o.Progress.Total != nil {
			if err := bar.set(o.Progress.Done, *o.Progress.Total); err != nil {
				return err
			}
		}
	}
	bar.end()
	if o.Status != "succeeded" {
		return fmt.Errorf("the run ended %s: %s", o.Status, o.Problem.Detail)
	}
	var run struct {
		Report json.RawMessage `json:"report"`
	}
	if err := server.ask(ctx, http.MethodGet, "/v1/conformance-runs/"+o.ID, nil, &run); err != nil {
		return err
	}
	var text bytes.Buffer
	if err := json.Indent(&text, run.Report, "", "  "); err != nil {
		return err
	}
	text.WriteByte('\n')
	if err := os.WriteFile(c.Output, text.Bytes(), 0o644); err != nil {
		return err
	}
	var r report.Report
	if err := json.Unmarshal(run.Report, &r); err != nil {
		return err
	}
	tellReport(out, r)
	if _, err := fmt.Fprintf(out, "The signed report is in %s.\n", c.Output); err != nil {
		return err
	}
	if r.Verdict != report.Passed {
		return errNotConforming
	}
	return nil
}

// tellReport says in lines what a report found.
func tellReport(out io.Writer, r report.Report) {
	for _, s := range r.Scenarios {
		_, _ = fmt.Fprintf(out, "%2d  %-26s %s\n", s.Number, s.ID, s.Verdict)
		for _, f := range s.Findings {
			_, _ = fmt.Fprintf(out, "      %s: %s\n", f.Code, f.Text)
		}
	}
	complete := ""
	if !r.Complete {
		complete = ", of a choice of scenarios"
	}
	_, _ = fmt.Fprintf(out, "%s %s: %s (%d passed, %d failed%s), %s, contract %s.\n",
		r.Connector.Name, r.Connector.Version, r.Verdict, r.Passed, r.Failed, complete, r.FinishedAt.Format(time.RFC3339), r.Contract)
}

// ConformanceVerifyCommand is `parvis conformance verify`.
type ConformanceVerifyCommand struct {
	File   string `arg:"" type:"existingfile" help:"The report."`
	Keys   string `xor:"who" help:"File with the key set of the installation that made it."`
	Issuer string `xor:"who" help:"Public address of that installation, whose key set is read there."`
}

const keySetPath = "/.well-known/conformance-keys.json"

// Run implements the command.
func (c ConformanceVerifyCommand) Run(ctx context.Context) error { return c.run(ctx, os.Stdout) }

func (c ConformanceVerifyCommand) run(ctx context.Context, out io.Writer) error {
	raw, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	var keys report.KeySet
	said := ""
	switch {
	case c.Keys != "":
		file, err := os.ReadFile(c.Keys)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(file, &keys); err != nil {
			return fmt.Errorf("%s is not a key set: %w", c.Keys, err)
		}
		said = "the keys in " + c.Keys
	case c.Issuer != "":
		if err := (remote{url: strings.TrimSuffix(c.Issuer, "/")}).ask(ctx, http.MethodGet, keySetPath, nil, &keys); err != nil {
			return err
		}
		said = c.Issuer
	default:
		return errors.New("say whom you trust: --issuer https://…, or --keys with its key set")
	}
	r, err := report.Verify(raw, keys)
	if err != nil {
		return err
	}
	tellReport(out, r)
	_, err = fmt.Fprintf(out, "Signed by %s, unaltered.\n", said)
	return err
}

// ConformanceListCommand is `parvis conformance list`.
type ConformanceListCommand struct{}

// Run implements the command.
func (ConformanceListCommand) Run(context.Context) error {
	for _, s := range conformance.Scenarios() {
		fmt.Printf("%2d  %-26s %s\n", s.Number, s.ID, s.Title)
	}
	return nil
}

// remote is a server that is asked as any client would.
type remote struct{ url, key string }

// ask sends JSON and reads JSON; a problem becomes an error that people can read.
func (s remote) ask(ctx context.Context, method, path string, in, out any) error {
	if u, err := url.Parse(s.url); err != nil || u.Host == "" {
		return fmt.Errorf("%q is not the address of a server", s.url)
	}
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(ctx, method, s.url+path, body)
	if err != nil {
		return err
	}
	if s.key != "" {
		r.Header.Set("Authorization", "Bearer "+s.key)
	}
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", ids.New().String())
	}
	r.Header.Set("Accept-Language", "en")
	client := http.Client{Timeout: time.Minute}
	w, err := client.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = w.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(w.Body, 16<<20))
	if err != nil {
		return err
	}
	if w.StatusCode > 299 {
		var problem struct {
			Title  string `json:"title"`
			Detail string `json:"detail"`
		}
		_ = json.Unmarshal(raw, &problem)
		return fmt.Errorf("%s answered %d: %s %s", s.url, w.StatusCode, problem.Title, problem.Detail)
	}
	return json.Unmarshal(raw, out)
}
