package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
)

// Chain is what every operation passes through before its handler, in this
// order: representation, address, credential, scope, verbs, purpose, quota, contract,
// classes of fields, repetition.
type Chain struct {
	Auth        Authenticator
	Limiter     *Limiter
	Validator   *Validator
	Classes     *FieldClasses
	Idempotency Idempotency
	Reads       ReadLog
	Refusals    Refusals
	Purposes    Purposes
	Clock       clock.Clock
	Log         *slog.Logger
	// Patience is how long a request may take; what works on many records at once
	// has three times as long, and files as long as it takes.
	Patience time.Duration
}

// Middlewares gives the chain of every operation of the contract, keyed as the
// generated registration wants it.
func (ch Chain) Middlewares(operations map[string]api.OperationSpec) map[string][]echo.MiddlewareFunc {
	out := make(map[string][]echo.MiddlewareFunc, len(operations))
	for id, op := range operations {
		chain := []echo.MiddlewareFunc{withOperation(op), ch.noteRefusals(op), refuseRepeated, negotiate(op), ch.inTime(op)}
		chain = append(chain, ch.Limiter.GuardAddress)
		if !op.Public {
			chain = append(chain, ch.authenticate, requireScope(op), requireVerbs(op), ch.bind(op), requireExport(op), declareMasked)
		}
		chain = append(chain, ch.Limiter.Guard(op), ch.Validator.Check(id), ch.Classes.guardWrites(op))
		if op.Purpose == "identifiable" {
			chain = append(chain, ch.logRead(op))
		}
		if op.Method == http.MethodGet {
			chain = append(chain, ch.Idempotency.Guard(op), conditional(op), preferMinimal(op), project(op), ch.Classes.mask(op), readOAuth(op))
		} else {
			// Outside of what is kept for repetition: rights may be fewer by then.
			chain = append(chain, ch.Classes.mask(op), ch.Idempotency.Guard(op), conditional(op), preferMinimal(op), project(op), readOAuth(op))
		}
		out[id] = chain
	}
	return out
}

func withOperation(op api.OperationSpec) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			c.Set(operationKey, op)
			if op.Public || slices.Contains(op.Scopes, "account:manage") {
				noteVisitor(c)
			}
			if !op.Public || op.Method != http.MethodGet {
				c.Response().Header().Set("Cache-Control", "private, no-store")
			}
			return next(c)
		}
	}
}

const operationKey = "operation"

// Operation is the operation of a request, once it has been routed.
func Operation(c echo.Context) (api.OperationSpec, bool) {
	op, ok := c.Get(operationKey).(api.OperationSpec)
	return op, ok
}

// authenticate reads the credential from the Authorization header, and from
// nowhere else.
func (ch Chain) authenticate(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		header := c.Request().Header.Get(echo.HeaderAuthorization)
		scheme, bearer, ok := strings.Cut(header, " ")
		if !ok || !strings.EqualFold(scheme, "Bearer") || bearer == "" || len(bearer) > 8192 {
			f := fault.New(fault.Unauthenticated, "unauthenticated")
			if header == "" {
				// RFC 6750 §3.1: no error code where no credential was offered.
				f.Header("WWW-Authenticate", `Bearer realm="parvis", resource_metadata="`+Origin(c.Request().Context())+`/.well-known/oauth-protected-resource"`)
			}
			return f
		}
		ctx := c.Request().Context()
		actor, err := ch.Auth.Authenticate(ctx, strings.TrimSpace(bearer), RemoteAddr(c))
		if err != nil {
			return err
		}
		c.SetRequest(c.Request().WithContext(WithActor(ctx, actor)))
		return next(c)
	}
}

func requireScope(op api.OperationSpec) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			actor, err := ActorFrom(c.Request().Context())
			if err != nil {
				return err
			}
			if !actor.Scopes.Allow(op.Scope) && actor.Withheld.Allow(op.Scope) {
				return fault.New(fault.Forbidden, actor.WithheldFor).Extra("required_scope", op.Scope)
			}
			if !actor.Scopes.Allow(op.Scope) {
				return fault.New(fault.Forbidden, "insufficient-scope").With("scope", op.Scope).Extra("required_scope", op.Scope)
			}
			return next(c)
		}
	}
}

// requireExport: a list of people that leaves as a file holds those only whom
// its reader may export.
func requireExport(op api.OperationSpec) echo.MiddlewareFunc {
	files := isList(op) && op.Purpose == "identifiable"
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		if !files {
			return next
		}
		return func(c echo.Context) error {
			if chosen, _ := c.Get(representationKey).(string); chosen != ndjsonType && chosen != csvType {
				return next(c)
			}
			ctx := c.Request().Context()
			actor, err := ActorFrom(ctx)
			if err != nil {
				return err
			}
			if !actor.Sight.HoldsAnywhere(pg.Export) {
				return fault.New(fault.Forbidden, "verb-not-held").With("verb", string(pg.Export)).Extra("required_verb", string(pg.Export))
			}
			actor.Sight = actor.Sight.For(pg.Export)
			c.SetRequest(c.Request().WithContext(WithActor(ctx, actor)))
			return next(c)
		}
	}
}

// requireVerbs refuses early what could succeed for no contact at all. Whether a
// verb is held on this contact is the database's to say.
func requireVerbs(op api.OperationSpec) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			actor, err := ActorFrom(c.Request().Context())
			if err != nil {
				return err
			}
			for _, verb := range op.Verbs {
				if !actor.Sight.HoldsAnywhere(pg.Verb(verb)) {
					return fault.New(fault.Forbidden, "verb-not-held").With("verb", verb).Extra("required_verb", verb)
				}
			}
			return next(c)
		}
	}
}

type originKey struct{}

// Origin is the address by which the outside reaches the server, without a slash
// at its end.
func Origin(ctx context.Context) string {
	text, _ := ctx.Value(originKey{}).(string)
	return text
}

var requestIDForm = regexp.MustCompile(`^[A-Za-z0-9._-]{8,128}$`)

// Arrival gives every request its id and language, and every answer the headers
// that do not depend on the operation. public is the address by which the outside
// reaches the server, configured or not: what an answer says of it comes from
// there and never from the request's Host, which is whatever the caller wrote.
// Where none is configured, links are relative (RFC 8288 §3).
func Arrival(version, public string, configured bool) echo.MiddlewareFunc {
	public = strings.TrimRight(public, "/")
	base := &url.URL{}
	if parsed, err := url.Parse(public); err == nil && configured {
		base = parsed
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			id := r.Header.Get("Request-Id")
			if !requestIDForm.MatchString(id) {
				id = ids.New().String()
			}
			address := url.URL{Scheme: base.Scheme, Host: base.Host, Path: base.Path + r.URL.Path, RawQuery: r.URL.RawQuery}
			ctx := WithAddress(WithLanguage(WithRequestID(r.Context(), id), negotiateLanguage(r.Header.Get("Accept-Language"))), &address)
			ctx = context.WithValue(ctx, originKey{}, public)
			r = r.WithContext(ctx)
			hurry(c, r)
			c.SetRequest(r)
			h := c.Response().Header()
			h.Set("Request-Id", id)
			h.Set("Parvis-Api-Version", version)
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
			h.Set("Referrer-Policy", "no-referrer")
			h.Add("Vary", "Accept, Accept-Language")
			return next(c)
		}
	}
}
