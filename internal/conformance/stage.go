package conformance

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/parvis-crm/parvis/internal/conformance/report"
)

const (
	largestRequest = 8 << 20
	// most deliveries are judged; a connector that sends more is stopped.
	mostDeliveries = 2000
	evidenceKept   = 40
)

// record is one record as the connector sent it.
type record struct {
	Kind, ExternalID string
	Delete           bool
	Version          *int64
	ModifiedAt       string
	Data             map[string]any
	// Status is what became of it, as the connector was told; empty where it was
	// told nothing.
	Status string
}

// delivery is one request of the connector.
type delivery struct {
	at      time.Time
	done    time.Time
	method  string
	path    string
	header  http.Header
	body    []byte
	records []*record
	batch   bool
	status  int
	staged  bool // answered by the stage, not by the API
	code    string
}

func (d *delivery) names(kind, externalID string) *record {
	for _, r := range d.records {
		if r.Kind == kind && r.ExternalID == externalID {
			return r
		}
	}
	return nil
}

func (d *delivery) carries(kind string) bool {
	return slices.ContainsFunc(d.records, func(r *record) bool { return r.Kind == kind })
}

func (d *delivery) key() string { return d.header.Get("Idempotency-Key") }

// answer is what the connector gets.
type answer struct {
	status int
	header http.Header
	body   []byte
	drop   bool // the connection is closed instead
}

// rule is what a scenario does to a delivery. It gives nil to leave it alone;
// forward hands the request to the API.
type rule func(d *delivery, forward func() answer) *answer

// stage is the address of one scenario.
type stage struct {
	api    http.Handler
	clock  func() time.Time
	mutex  sync.Mutex
	rules  []rule
	all    []*delivery
	flying int
	last   time.Time
	news   chan struct{}
	closed bool
}

func newStage(api http.Handler, now func() time.Time) *stage {
	return &stage{api: api, clock: now, news: make(chan struct{}, 1), last: now()}
}

// on adds a rule for what comes from now on.
func (s *stage) on(r rule) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.rules = append(s.rules, r)
}

// deliveries are all so far that have been answered.
func (s *stage) deliveries() []*delivery {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.DeleteFunc(slices.Clone(s.all), func(d *delivery) bool { return d.done.IsZero() })
}

// quietFor tells for how long nothing has come.
func (s *stage) quietFor() time.Duration {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.flying > 0 {
		return 0
	}
	return s.clock().Sub(s.last)
}

// full reports whether so much has come that nothing more is taken in.
func (s *stage) full() bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return len(s.all) >= mostDeliveries
}

func (s *stage) close() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.closed = true
}

func (s *stage) begin(d *delivery) ([]rule, bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.closed || len(s.all) >= mostDeliveries {
		return nil, false
	}
	s.all = append(s.all, d)
	s.flying++
	return slices.Clone(s.rules), true
}

func (s *stage) end(d *delivery, a answer) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.flying--
	s.last = s.clock()
	d.done, d.status = s.last, a.status
	if a.drop {
		d.status = 0
	}
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// serve takes in one request, whose path is what follows the address of the
// stage.
func (s *stage) serve(w http.ResponseWriter, r *http.Request, path string) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largestRequest))
	if err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			problem(http.StatusRequestEntityTooLarge, "payload-too-large").write(w)
		}
		return
	}
	d := &delivery{at: s.clock(), method: r.Method, path: path, header: r.Header.Clone(), body: body}
	d.understand(path)
	rules, open := s.begin(d)
	if !open {
		problem(http.StatusGone, "gone").write(w)
		return
	}
	// What is held on the way arrives after its connection is closed.
	ctx := context.WithoutCancel(r.Context())
	forward := func() answer {
		return allowed(func() answer {
			return call(ctx, s.api, d.method, d.path, r.URL.RawQuery, d.header, d.body, r.RemoteAddr)
		})
	}
	var a *answer
	for _, rule := range rules {
		if a = rule(d, forward); a != nil {
			d.staged = true
			break
		}
	}
	if a == nil {
		got := forward()
		a = &got
	}
	d.learn(*a)
	s.end(d, *a)
	if a.drop {
		panic(http.ErrAbortHandler) //nolint:forbidigo // the one that may be thrown: the connection drops, as the scenario asks
	}
	a.write(w)
}

func (a answer) write(w http.ResponseWriter) {
	maps.Copy(w.Header(), a.header)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}

// problem is an answer in the API's own form (RFC 9457).
func problem(status int, code string) answer {
	body, _ := json.Marshal(map[string]any{"type": "https://parvis.example/docs/problems/" + code, "title": http.StatusText(status), "status": status, "code": code}) //nolint:errchkjson // texts and a number
	return answer{status: status, header: http.Header{"Content-Type": {"application/problem+json"}}, body: body}
}

// heldAtMost is how long the API's own quotas may hold a request up.
const heldAtMost = 10 * time.Second

// allowed makes a request again when the API's quotas refuse it, once they allow
// it: a trial is about the connector, and what it may do when it is refused is
// what scenarios refuse it for.
func allowed(request func() answer) answer {
	for held := time.Duration(0); ; {
		a := request()
		seconds, err := strconv.Atoi(a.header.Get("Retry-After"))
		wait := max(time.Duration(seconds)*time.Second, 100*time.Millisecond)
		if a.status != http.StatusTooManyRequests || err != nil || held+wait > heldAtMost {
			return a
		}
		held += wait
		time.Sleep(wait)
	}
}

// call makes a request of the API within the program.
func call(ctx context.Context, api http.Handler, method, path, query string, header http.Header, body []byte, remote string) answer {
	r, err := http.NewRequestWithContext(ctx, method, "http://localhost"+path, bytes.NewReader(body))
	if err != nil {
		return problem(http.StatusBadRequest, "invalid-request")
	}
	r.URL.RawQuery, r.Header, r.RemoteAddr, r.RequestURI = query, header.Clone(), remote, r.URL.RequestURI()
	r.Header.Del("Accept-Encoding")
	r.TLS = &tls.ConnectionState{} // it never leaves this process
	w := &recorder{header: http.Header{}}
	api.ServeHTTP(w, r)
	if w.status == 0 {
		w.status = http.StatusOK
	}
	w.header.Del("Content-Length")
	return answer{status: w.status, header: w.header, body: w.body.Bytes()}
}

// recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(p)
}

type sent struct {
	Kind       string         `json:"kind"`
	Op         string         `json:"op"`
	ExternalID string         `json:"external_id"`
	Version    *int64         `json:"source_version"`
	ModifiedAt string         `json:"source_modified_at"`
	Data       map[string]any `json:"data"`
}

func (in sent) record() *record {
	return &record{Kind: in.Kind, ExternalID: in.ExternalID, Delete: in.Op == "delete", Version: in.Version, ModifiedAt: in.ModifiedAt, Data: in.Data}
}

// understand finds the records of a request, as far as it can be read.
func (d *delivery) understand(path string) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if len(parts) < 5 || parts[0] != "v1" || parts[1] != "ticketing" || parts[2] != "sources" {
		return
	}
	switch {
	case parts[4] == "batches" && d.method == http.MethodPost:
		var batch struct {
			Records []sent `json:"records"`
		}
		d.batch = true
		if json.Unmarshal(d.body, &batch) != nil {
			return
		}
		for _, in := range batch.Records {
			d.records = append(d.records, in.record())
		}
	case parts[4] == "records" && len(parts) >= 7:
		name, err := url.PathUnescape(parts[6])
		if err != nil || (d.method != http.MethodPut && d.method != http.MethodDelete) {
			return
		}
		var in sent
		_ = json.Unmarshal(d.body, &in)
		r := in.record()
		r.Kind, r.ExternalID, r.Delete = parts[5], name, d.method == http.MethodDelete
		d.records = []*record{r}
	}
}

// learn notes what the connector was told.
func (d *delivery) learn(a answer) {
	if a.drop {
		return
	}
	var said struct {
		Code    string `json:"code"`
		Status  any    `json:"status"`
		Results []struct {
			Status string `json:"status"`
		} `json:"results"`
	}
	_ = json.Unmarshal(a.body, &said)
	d.code = said.Code
	for i := range said.Results {
		if d.batch && i < len(d.records) {
			d.records[i].Status = said.Results[i].Status
		}
	}
	if text, ok := said.Status.(string); ok && !d.batch && len(d.records) == 1 {
		d.records[0].Status = text
	}
}

// evidence is what the report tells of the last deliveries.
func (s *stage) evidence() (int, []report.Delivery) {
	all := s.deliveries()
	out := []report.Delivery{}
	for _, d := range all[max(0, len(all)-evidenceKept):] {
		sum := sha256.Sum256(d.body)
		by := "api"
		if d.staged {
			by = "stage"
		}
		out = append(out, report.Delivery{
			AfterMS: d.at.Sub(all[0].at).Milliseconds(), Method: d.method, Path: shorten(d.path), Records: len(d.records),
			BodySHA256: hex.EncodeToString(sum[:]), Status: d.status, AnsweredBy: by,
		})
	}
	return len(all), out
}

func shorten(text string) string {
	if len(text) > 300 {
		return text[:300]
	}
	return text
}
