package egress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// WebhookBodyLimit is how much of a webhook receiver's answer is worth reading,
// in bytes.
const WebhookBodyLimit = 16 << 10

// ErrBodyTooLarge says that a response body has more bytes than
// [Config.MaxBody].
var ErrBodyTooLarge = errors.New("egress: response body too large")

// guard applies to each request the rules that ValidateURL applies to a URL, so
// that a caller who skipped it, or a library that builds URLs of its own, gets
// no further.
type guard struct {
	client  *Client
	next    *http.Transport
	maxBody int64
}

// RoundTrip implements [http.RoundTripper].
func (g *guard) RoundTrip(request *http.Request) (*http.Response, error) {
	found, err := inspect(request.URL)
	if err == nil {
		found.excused = g.client.unexcused(found)
	}
	if err == nil && found.excused != nil && len(g.client.allow) == 0 {
		err = found.excused
	}
	if err != nil {
		if request.Body != nil {
			_ = request.Body.Close()
		}
		return nil, err
	}
	// Connections are pooled by scheme, host and port, which is all that an
	// admission depends on.
	ctx := context.WithValue(request.Context(), admissionKey{}, admission{excused: found.excused})
	guarded := request.WithContext(ctx)
	guarded.URL = found.normal(request.URL)
	response, err := g.next.RoundTrip(guarded)
	if err != nil {
		return nil, err
	}
	response.Request = request
	response.Body = &boundedBody{ReadCloser: response.Body, left: g.maxBody}
	return response, nil
}

// CloseIdleConnections lets [http.Client] reach the pool.
func (g *guard) CloseIdleConnections() { g.next.CloseIdleConnections() }

// boundedBody fails once more than left bytes have come.
type boundedBody struct {
	io.ReadCloser
	left int64
}

func (b *boundedBody) Read(buffer []byte) (int, error) {
	if b.left < 0 {
		return 0, ErrBodyTooLarge
	}
	// One byte more than allowed is asked for, to tell the end from too much.
	if int64(len(buffer)) > b.left+1 {
		buffer = buffer[:b.left+1]
	}
	count, err := b.ReadCloser.Read(buffer)
	b.left -= int64(count)
	if b.left < 0 {
		return count - 1, ErrBodyTooLarge
	}
	return count, err
}

// ReadBody reads at most limit bytes of a body, says whether there was more,
// and closes it. What is beyond is not fetched: an answer of any size costs no
// more than that.
func ReadBody(response *http.Response, limit int64) (body []byte, truncated bool, err error) {
	defer func() { _ = response.Body.Close() }()
	body, err = io.ReadAll(io.LimitReader(response.Body, limit+1))
	if int64(len(body)) > limit {
		return body[:limit], true, nil
	}
	if errors.Is(err, ErrBodyTooLarge) {
		return body, true, nil
	}
	if err != nil {
		return body, false, fmt.Errorf("egress: read response: %w", err)
	}
	return body, false, nil
}
