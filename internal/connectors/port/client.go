package port

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/parvis-crm/parvis/internal/clock"
)

// Client calls a vendor's JSON interface and turns what goes wrong into the
// errors of this package. Its errors never hold an address, a header or a body.
type Client struct {
	HTTP Doer
	Base *url.URL
	// Authorize puts the credentials on a request; nil: there are none.
	Authorize func(*http.Request)
	// Pace bounds requests a minute; nil: none of ours.
	Pace *Pace
	Now  func() time.Time
}

// Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// JSON reads the body.
func (a Answer) JSON(into any) error {
	d := json.NewDecoder(bytes.NewReader(a.Body))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return &UnexpectedError{"the body is not the JSON it should be"}
	}
	return nil
}

// Object reads the body, which is one object. named reports, once it is read,
// whether it has the name by which its kind is known: a notice of maintenance has
// none.
func (a Answer) Object(into any, named func() bool) error {
	if err := a.JSON(into); err != nil {
		return err
	}
	if !named() {
		return &UnexpectedError{"an answer does not name what it is of"}
	}
	return nil
}

// Get reads an address: a path below the base, or a whole one of the same host.
func (c *Client) Get(ctx context.Context, address string, query url.Values) (Answer, error) {
	return c.Do(ctx, http.MethodGet, address, query, nil, nil)
}

// Do sends a request: a body is JSON, or a form where it is url.Values. 2xx and
// 304 are answers; all else is an error.
func (c *Client) Do(ctx context.Context, method, address string, query url.Values, body any, header http.Header) (Answer, error) {
	target, err := c.resolve(address, query)
	if err != nil {
		return Answer{}, err
	}
	if err := c.Pace.Wait(ctx); err != nil {
		return Answer{}, err
	}
	var payload io.Reader
	content := "application/json"
	if form, ok := body.(url.Values); ok {
		payload, content = strings.NewReader(form.Encode()), "application/x-www-form-urlencoded"
	} else if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return Answer{}, err
		}
		payload = bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(ctx, method, target.String(), payload)
	if err != nil {
		return Answer{}, &UnexpectedError{"an address cannot be called"}
	}
	maps.Copy(r.Header, header)
	r.Header.Set("Accept", "application/json")
	if body != nil {
		r.Header.Set("Content-Type", content)
	}
	if c.Authorize != nil {
		c.Authorize(r)
	}
	response, err := c.HTTP.Do(r)
	if err != nil {
		if ctx.Err() != nil {
			return Answer{}, ctx.Err()
		}
		// It holds the address, which may hold a secret.
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err
		}
		return Answer{}, &UnreachableError{Cause: err}
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		if ctx.Err() != nil {
			return Answer{}, ctx.Err()
		}
		return Answer{}, &UnreachableError{Cause: err}
	}
	return c.judge(Answer{response.StatusCode, response.Header, raw})
}

func (c *Client) judge(a Answer) (Answer, error) {
	switch {
	case a.Status >= 200 && a.Status < 300, a.Status == http.StatusNotModified:
		return a, nil
	case a.Status == http.StatusUnauthorized:
		return a, ErrRefused
	case a.Status == http.StatusForbidden:
		return a, ErrForbidden
	case a.Status == http.StatusNotFound, a.Status == http.StatusGone:
		return a, ErrGone
	case a.Status == http.StatusTooManyRequests:
		return a, &ThrottledError{c.wait(a.Header)}
	case a.Status >= 500:
		if a.Status == http.StatusServiceUnavailable && a.Header.Get("Retry-After") != "" {
			return a, &ThrottledError{c.wait(a.Header)}
		}
		return a, &UnreachableError{Status: a.Status}
	case a.Status >= 300 && a.Status < 400:
		return a, &UnexpectedError{"the vendor redirects; the base address is not the right one"}
	}
	return a, &RejectedError{Status: a.Status}
}

// wait reads Retry-After, in seconds or as a date (RFC 9110 §10.2.3); a minute
// where there is none, and never longer than an hour.
func (c *Client) wait(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	wait := time.Minute
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds >= 0 {
		wait = time.Duration(seconds * float64(time.Second))
	} else if at, err := http.ParseTime(text); err == nil {
		wait = at.Sub(c.Now())
	}
	return min(max(wait, 100*time.Millisecond), time.Hour)
}

// resolve keeps a request on the host of the connection, whatever the vendor's
// answers name.
func (c *Client) resolve(address string, query url.Values) (*url.URL, error) {
	target, err := url.Parse(address)
	if err != nil {
		return nil, &UnexpectedError{"an address cannot be read"}
	}
	if target.Host == "" {
		joined := *c.Base
		joined.Path = strings.TrimSuffix(c.Base.Path, "/") + "/" + strings.TrimPrefix(target.Path, "/")
		joined.RawPath, joined.RawQuery = "", target.RawQuery
		target = &joined
	} else {
		// Behind a proxy a vendor may name itself by another scheme or name than it is
		// reached by: only what follows is taken.
		moved := *c.Base
		moved.Path, moved.RawPath, moved.RawQuery = target.Path, target.RawPath, target.RawQuery
		target = &moved
	}
	if query != nil {
		target.RawQuery = query.Encode()
	}
	return target, nil
}

// Pace spreads requests so that no more than so many go out in any minute. One
// without a limit, and a nil one, let everything through.
type Pace struct {
	mu   sync.Mutex
	most int
	sent []time.Time
}

// Limit sets how many requests a minute are allowed, and returns the pace.
func (p *Pace) Limit(most int) *Pace {
	if p == nil {
		p = &Pace{}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.most = most
	return p
}

// Wait waits for leave to send one request.
func (p *Pace) Wait(ctx context.Context) error {
	if p == nil {
		return ctx.Err()
	}
	for {
		wait := p.take(clock.Mark())
		if wait == 0 {
			return ctx.Err()
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// take spends one request of the minute, or says how long to wait for one.
func (p *Pace) take(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.most <= 0 {
		return 0
	}
	for len(p.sent) > 0 && now.Sub(p.sent[0]) >= time.Minute {
		p.sent = p.sent[1:]
	}
	if len(p.sent) < p.most {
		p.sent = append(p.sent, now)
		return 0
	}
	return time.Minute - now.Sub(p.sent[0])
}

// Doer sends requests: the guarded client.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}
