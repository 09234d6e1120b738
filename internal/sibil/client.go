package sibil

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// What a conversation with SIBIL ends by.
var (
	// errRefused: the user name or the password is not taken.
	errRefused = errors.New("sibil: the credentials are refused")
	// errUnreachable: no answer, or none that helps, however often it was tried.
	errUnreachable = errors.New("sibil: no answer")
	// errUnexpected: an answer that is not as published.
	errUnexpected = errors.New("sibil: unexpected answer")
)

// longestPause is the longest that is waited because SIBIL asks for it.
const longestPause = 2 * time.Minute

// client speaks with SIBIL during one run.
type client struct {
	http               doer
	base               string
	username, password string
	pauses             []time.Duration
	// mayGo says before a declaration is sent, and before anything is tried again,
	// whether it still may be; nil: it may.
	mayGo   func(context.Context) error
	token   string
	domains map[string]int64
}

// outcome is SIBIL's word on one declaration.
type outcome struct {
	Status string // accepted, duplicate, rejected
	ID     *int64
	Detail string
}

// problem is what SIBIL answers to a request that it refuses.
type problem struct {
	Title  string `json:"title"`
	Detail string `json:"detail"`
}

// alreadyDeclared is how the title begins by which SIBIL says that it has the
// same show at the same time under another key. It has no code of its own.
const alreadyDeclared = "une déclaration existe déjà"

// login asks for a token.
func (c *client) login(ctx context.Context) error {
	c.token = ""
	status, raw, err := c.ask(ctx, http.MethodPost, "/api/v2/authenticate", map[string]string{"username": c.username, "password": c.password})
	if err != nil {
		return err
	}
	var answer struct {
		Token string `json:"id_token"`
		Type  string `json:"typeError"`
	}
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusBadRequest:
		return errRefused
	case status != http.StatusOK || json.Unmarshal(raw, &answer) != nil:
		return fmt.Errorf("%w: %d to a sign-in", errUnexpected, status)
	case answer.Type != "AUTHENTICATED" || answer.Token == "":
		return errRefused
	}
	c.token = answer.Token
	return nil
}

// domain is the number of a domain, by the label that it has there: labels and
// numbers differ between SIBIL's environments, so they are asked once a run.
func (c *client) domain(ctx context.Context, label string) (int64, bool, error) {
	if c.domains == nil {
		status, raw, err := c.signed(ctx, http.MethodGet, "/api/v2/domaine-representations?sansPagination=true", nil)
		if err != nil {
			return 0, false, err
		}
		var list []struct {
			ID     int64  `json:"id"`
			Label  string `json:"libelle"`
			Active *bool  `json:"actif"`
		}
		if status == http.StatusForbidden {
			return 0, false, errRefused // who may not ask this may declare nothing
		}
		if status != http.StatusOK || json.Unmarshal(raw, &list) != nil {
			return 0, false, fmt.Errorf("%w: %d to a question for domains", errUnexpected, status)
		}
		c.domains = map[string]int64{}
		for _, d := range list {
			if d.Active == nil || *d.Active {
				c.domains[folded(d.Label)] = d.ID
			}
		}
	}
	id, ok := c.domains[folded(label)]
	return id, ok, nil
}

func folded(label string) string { return strings.ToLower(strings.Join(strings.Fields(label), " ")) }

// declare sends a declaration. One that SIBIL is known to have is changed; and
// since it takes a new one under a key that it has for a change, nothing is there
// twice after an answer that was lost.
func (c *client) declare(ctx context.Context, b body, known *int64) (outcome, error) {
	status, raw := 0, []byte(nil)
	var err error
	if known != nil {
		b.ID = known
		status, raw, err = c.signed(ctx, http.MethodPut, "/api/v2/declarations", b)
	}
	if known == nil || (err == nil && (status == http.StatusNotFound || status == http.StatusMethodNotAllowed)) {
		b.ID = nil
		status, raw, err = c.signed(ctx, http.MethodPost, "/api/v2/declarations", b)
	}
	if err != nil {
		return outcome{}, err
	}
	if status == http.StatusOK || status == http.StatusCreated {
		var answer struct {
			ID  *int64 `json:"id"`
			Key string `json:"idExtBilletterie"`
		}
		if json.Unmarshal(raw, &answer) != nil || answer.ID == nil || answer.Key != b.Key {
			return outcome{}, fmt.Errorf("%w to a declaration", errUnexpected)
		}
		return outcome{Status: "accepted", ID: answer.ID}, nil
	}
	if status < http.StatusBadRequest {
		return outcome{}, fmt.Errorf("%w: %d to a declaration", errUnexpected, status)
	}
	var p problem
	_ = json.Unmarshal(raw, &p) // an answer without a reason is a refusal as well
	out := outcome{Status: "rejected", Detail: p.Title}
	if strings.HasPrefix(strings.ToLower(strings.TrimSpace(p.Title)), alreadyDeclared) {
		out.Status = "duplicate"
	}
	if p.Detail != "" {
		out.Detail = strings.TrimSpace(out.Detail + " " + p.Detail)
	}
	if out.Detail == "" {
		out.Detail = "HTTP " + strconv.Itoa(status)
	}
	out.Detail = shortened(out.Detail)
	return out, nil
}

// shortened keeps what fits, in whole characters.
func shortened(text string) string {
	const longest = 500
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "")
	if utf8.RuneCountInString(text) <= longest {
		return text
	}
	return string([]rune(text)[:longest])
}

// signed sends a request with the token. A token that has run out meanwhile is
// asked for anew, once. What is forbidden to a fresh one is the answer to this
// request, and says nothing of the next.
func (c *client) signed(ctx context.Context, method, path string, payload any) (int, []byte, error) {
	for again := true; ; again = false {
		status, raw, err := c.ask(ctx, method, path, payload)
		switch {
		case err != nil || (status != http.StatusUnauthorized && status != http.StatusForbidden):
			return status, raw, err
		case again:
		case status == http.StatusForbidden:
			return status, raw, nil
		default:
			return 0, nil, errRefused
		}
		if err := c.login(ctx); err != nil {
			return 0, nil, err
		}
	}
}

// ask sends a request until there is an answer that trying again would not
// change.
func (c *client) ask(ctx context.Context, method, path string, payload any) (int, []byte, error) {
	var raw []byte
	if payload != nil {
		var err error
		if raw, err = json.Marshal(payload); err != nil {
			return 0, nil, err
		}
	}
	for try := 0; ; try++ {
		if try > 0 && c.mayGo != nil {
			if err := c.mayGo(ctx); err != nil {
				return 0, nil, err
			}
		}
		status, answer, pause, err := c.once(ctx, method, path, raw)
		if ctx.Err() != nil {
			return 0, nil, ctx.Err()
		}
		if err == nil && status < http.StatusInternalServerError && status != http.StatusTooManyRequests && status != http.StatusRequestTimeout {
			return status, answer, nil
		}
		if try == len(c.pauses) {
			if err != nil {
				return 0, nil, fmt.Errorf("%w: %w", errUnreachable, err)
			}
			return 0, nil, fmt.Errorf("%w: %d", errUnreachable, status)
		}
		if err := wait(ctx, max(pause, c.pauses[try])); err != nil {
			return 0, nil, err
		}
	}
}

// once sends a request one time. The address is not repeated in the error.
func (c *client) once(ctx context.Context, method, path string, payload []byte) (status int, answer []byte, pause time.Duration, err error) {
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(payload))
	if err != nil {
		return 0, nil, 0, err
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "parvis")
	if payload != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return 0, nil, 0, err
	}
	defer func() { _ = response.Body.Close() }()
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
		pause = min(time.Duration(seconds)*time.Second, longestPause)
	}
	answer, err = io.ReadAll(response.Body)
	return response.StatusCode, answer, pause, err
}

func wait(ctx context.Context, pause time.Duration) error {
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
