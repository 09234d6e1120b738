package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/labstack/echo/v4"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
)

// KeepAnswers is how long the answer to an Idempotency-Key is kept: longer than
// the longest retry of a vendor that we know of.
const KeepAnswers = 7 * 24 * time.Hour

// keptHeaders are the response headers that belong to a kept answer.
var keptHeaders = []string{"Content-Type", "Content-Language", "Content-Location", "Location", "Etag", "Link", "Preference-Applied", "Parvis-Upsert-Result", "Parvis-Sequence"}

// Idempotency answers a repeated request with its first answer
// (draft-ietf-httpapi-idempotency-key-header). The key, the effect and the
// answer are committed in one transaction: a crash leaves all or nothing.
//
// Answers are kept sealed: some show a secret once, most hold personal data.
type Idempotency struct {
	DB  *pg.DB
	Log *slog.Logger
	Box AnswerBox
	// Subjects, Classes and Reads hold a repeated answer to what a fresh one would
	// give; without Subjects it is given as it was kept.
	Subjects Subjects
	Classes  *FieldClasses
	Reads    ReadLog
}

// AnswerBox seals kept answers, each for the row it is in, as part of the
// request's transaction.
type AnswerBox interface {
	Seal(ctx context.Context, db pg.DBTX, tenant uuid.UUID, row string, plain []byte) ([]byte, error)
	Open(ctx context.Context, db pg.DBTX, tenant uuid.UUID, row string, sealed []byte) ([]byte, error)
}

// answerRow is the text form of a kept answer's key.
func answerRow(hash []byte) string { return `\x` + hex.EncodeToString(hash) }

// Guard is the middleware of one operation.
func (i Idempotency) Guard(op api.OperationSpec) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		if op.Idempotency == "none" || op.Public {
			return next
		}
		return func(c echo.Context) error {
			header := c.Request().Header.Get("Idempotency-Key")
			if header == "" {
				if op.Idempotency == "required" {
					return fault.New(fault.Malformed, "idempotency-key-required").AtHeader("Idempotency-Key", "required")
				}
				return next(c)
			}
			key, ok := idempotencyKey(header)
			if !ok {
				return fault.New(fault.Malformed, "idempotency-key-invalid").AtHeader("Idempotency-Key", "format", "want", "1-255 ASCII")
			}
			return i.once(c, op, key, next)
		}
	}
}

// idempotencyKey accepts the structured-field form (quoted) and the bare one.
func idempotencyKey(header string) (string, bool) {
	key := header
	if inner, ok := strings.CutPrefix(key, `"`); ok {
		if inner, ok = strings.CutSuffix(inner, `"`); !ok {
			return "", false
		}
		key = inner
	}
	if len(key) < 1 || len(key) > 255 {
		return "", false
	}
	for _, b := range []byte(key) {
		if b < 0x21 || b > 0x7e {
			return "", false
		}
	}
	return key, true
}

type keptAnswer struct {
	fingerprint []byte
	status      int
	headers     map[string]string
	body        []byte
}

func (i Idempotency) once(c echo.Context, op api.OperationSpec, key string, next echo.HandlerFunc) error {
	ctx := c.Request().Context()
	actor, err := ActorFrom(ctx)
	if err != nil {
		return err
	}
	hash := sha256.Sum256([]byte(strings.Join([]string{string(actor.Kind), actor.ID, op.ID, key}, "\x00")))
	sent := fingerprint(c)

	tx, err := i.DB.BeginRequest(ctx, actor.Tenant, int64(binary.BigEndian.Uint64(hash[:])))
	if err != nil {
		return err
	}
	defer tx.Rollback(ctx)
	kept, locked, err := claim(ctx, tx.Tx(), actor.Tenant, hash[:])
	if err != nil {
		return err
	}
	if kept != nil {
		if kept.body, err = i.Box.Open(ctx, tx.Tx(), actor.Tenant, answerRow(hash[:]), kept.body); err != nil {
			return err
		}
		if !bytes.Equal(kept.fingerprint, sent) {
			return fault.New(fault.Refused, "idempotency-mismatch").AtHeader("Idempotency-Key", "no-match")
		}
		if err := i.refresh(tx.Context(ctx), c, op, kept); err != nil {
			return err
		}
		return replay(c, kept)
	}
	if !locked {
		f := fault.New(fault.Conflict, "idempotency-in-progress")
		f.RetryAfter = time.Second
		return f
	}
	answer, recorded, err := i.run(c, tx.Context(ctx), next)
	// Whatever was written went into memory: echo may still answer otherwise.
	c.Response().Committed, c.Response().Size, c.Response().Status = false, 0, 0
	if err != nil {
		return err
	}
	if answer.status >= 400 {
		if err := tx.UndoEffect(ctx); err != nil {
			return err
		}
	}
	if storable(answer.status) {
		headers, err := json.Marshal(answer.headers)
		if err != nil {
			return err
		}
		sealed, err := i.Box.Seal(ctx, tx.Tx(), actor.Tenant, answerRow(hash[:]), answer.body)
		if err != nil {
			return err
		}
		if err := tx.Commit(ctx, keepAnswer, actor.Tenant, hash[:], sent, answer.status, headers, sealed); err != nil {
			return err
		}
	}
	c.Response().WriteHeader(answer.status)
	_, err = c.Response().Write(recorded.body.Bytes())
	return err
}

// run lets the operation answer into memory, so that nothing reaches the client
// before it is durable.
func (i Idempotency) run(c echo.Context, ctx context.Context, next echo.HandlerFunc) (keptAnswer, *recorder, error) {
	original := c.Response().Writer
	rec := &recorder{header: original.Header(), status: http.StatusOK}
	c.Response().Writer = rec
	defer func() { c.Response().Writer = original }()
	request := c.Request()
	c.SetRequest(request.WithContext(ctx))
	defer c.SetRequest(request)
	if err := next(c); err != nil {
		if pg.Unreachable(err) {
			return keptAnswer{}, nil, err
		}
		if err := WriteProblem(c, err, i.Log); err != nil {
			return keptAnswer{}, nil, err
		}
	}
	a := keptAnswer{status: rec.status, body: rec.body.Bytes(), headers: map[string]string{}}
	if a.body == nil {
		a.body = []byte{}
	}
	for _, name := range keptHeaders {
		if value := rec.header.Get(name); value != "" {
			a.headers[name] = value
		}
	}
	return a, rec, nil
}

// storable: success and the faults of business. What a client can mend by
// sending again, or what was our fault, is tried anew.
func storable(status int) bool {
	return status < 400 || slices.Contains([]int{404, 409, 410, 412, 422}, status)
}

func fingerprint(c echo.Context) []byte {
	r := c.Request()
	h := sha256.New()
	h.Write([]byte(r.Method + "\x00" + r.URL.Path + "\x00" + r.URL.Query().Encode() + "\x00"))
	if b, ok := r.Body.(checkedBody); ok {
		h.Write(b.raw)
	} else if r.ContentLength > 0 || r.Header.Get("Content-Digest") != "" {
		// A file is not read before it is known whether it is wanted (RFC 9530 names it).
		h.Write([]byte(r.Header.Get(echo.HeaderContentType) + "\x00" + strconv.FormatInt(r.ContentLength, 10) + "\x00" + r.Header.Get("Content-Digest")))
	}
	return h.Sum(nil)
}

// keepAnswer replaces an answer whose time is over.
const keepAnswer = `
insert into idempotency_keys (tenant_id, key_hash, fingerprint, status, headers, body) values ($1, $2, $3, $4, $5, $6)
on conflict (tenant_id, key_hash) do update
set fingerprint = excluded.fingerprint, status = excluded.status, headers = excluded.headers, body = excluded.body, created_at = now()`

// claim looks for a kept answer and tells whether this request holds the key.
func claim(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, hash []byte) (*keptAnswer, bool, error) {
	var a keptAnswer
	var locked bool
	var status *int
	var headers []byte
	err := tx.QueryRow(ctx, `
		select `+pg.RequestLocked+`, k.fingerprint, k.status, k.headers, k.body
		from (values (1)) as one
		left join idempotency_keys k on k.tenant_id = $1 and k.key_hash = $2 and k.created_at > now() - $3::interval`,
		tenant, hash, KeepAnswers).Scan(&locked, &a.fingerprint, &status, &headers, &a.body)
	if err != nil || status == nil {
		return nil, locked, err
	}
	a.status = *status
	return &a, locked, json.Unmarshal(headers, &a.headers)
}

func replay(c echo.Context, a *keptAnswer) error {
	h := c.Response().Header()
	for name, value := range a.headers {
		h.Set(name, value)
	}
	h.Set("Idempotency-Replayed", "true")
	c.Response().WriteHeader(a.status)
	_, err := c.Response().Write(a.body)
	return err
}

// recorder keeps an answer until it may be sent.
type recorder struct {
	header http.Header
	status int
	wrote  bool
	body   bytes.Buffer
	out    []byte // room for what is made of the body
}

var recorders = sync.Pool{New: func() any { return &recorder{} }}

// mostKeptRoom bounds the buffers that wait for their next use.
const mostKeptRoom = 64 << 10

// borrowRecorder gives a recorder for one answer, to be given back when nothing
// of it is needed any more.
func borrowRecorder(h http.Header) *recorder {
	r := recorders.Get().(*recorder)
	r.header, r.status, r.wrote = h, http.StatusOK, false
	return r
}

func (r *recorder) giveBack() {
	if r.body.Cap() > mostKeptRoom || cap(r.out) > mostKeptRoom {
		return
	}
	r.body.Reset()
	r.header = nil
	recorders.Put(r)
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if !r.wrote {
		r.wrote, r.status = true, status
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.wrote = true
	return r.body.Write(p)
}
