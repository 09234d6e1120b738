package siem

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/audit"
	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/egress"
)

const (
	// facility is "log audit" (RFC 5424 §6.2.1).
	facility = 13
	warning  = 4
	notice   = 5
	// longestID is that of MSGID (RFC 5424 §6).
	longestID = 32
	// answerWithin bounds how long a receiver takes to say that it has all.
	answerWithin = 30 * time.Second
)

// errUnfinished: the connection ended before the receiver had all of a batch, or
// it did not say so.
var errUnfinished = errors.New("siem: the receiver did not take the batch to its end")

// syslog sends batches over TLS (RFC 5425), each in a connection of its own.
//
// The protocol has no acknowledgement, and what a socket has taken may be lost
// with the receiver. But a sender ends by close_notify (§4.4), and a receiver that
// is alive answers by ending its side when it has read everything up to there. So
// a batch counts as taken when, after our close_notify, the connection ends in
// order. A reset, an end before that, or silence counts as not taken, and the
// batch is sent again. Some receivers end without close_notify of their own; from
// one that is known to send it, its absence means that it was cut off too, and so
// it does from one of which nothing is known yet, the first time.
type syslog struct {
	client *egress.Client
	to     *url.URL
	config *tls.Config
	host   string // ours, as messages name it
	strict bool   // an end without close_notify is not believed
}

func (s *syslog) send(ctx context.Context, tenant uuid.UUID, entries []audit.Entry) (ordered bool, err error) {
	conn, err := s.client.DialTLS(ctx, s.to, s.config)
	if err != nil {
		return false, err
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(clock.Mark()) })
	defer stop()
	ended := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, conn) // a receiver of syslog says nothing
		ended <- err
	}()
	for _, e := range entries {
		frame, err := s.frame(tenant, e)
		if err != nil {
			return false, err
		}
		if err := conn.SetWriteDeadline(clock.Mark().Add(answerWithin)); err != nil {
			return false, err
		}
		if _, err := conn.Write(frame); err != nil {
			return false, err
		}
		select {
		case err := <-ended: // before it can have read everything
			return false, errors.Join(errUnfinished, err)
		default:
		}
	}
	if err := conn.CloseWrite(); err != nil {
		return false, err
	}
	timer := time.NewTimer(answerWithin)
	defer timer.Stop()
	select {
	case err = <-ended:
	case <-timer.C:
		err = errUnfinished
	case <-ctx.Done():
		err = ctx.Err()
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || (err == nil && conn.CutOff()) { // an end without close_notify
		if s.strict {
			return false, errors.Join(errUnfinished, err)
		}
		return false, nil
	}
	s.strict = s.strict || err == nil
	return err == nil, err
}

// frame is one message with its length (RFC 5425 §4.3).
func (s *syslog) frame(tenant uuid.UUID, e audit.Entry) ([]byte, error) {
	text, err := line(recordOf(tenant, e))
	if err != nil {
		return nil, err
	}
	severity := notice
	if e.Failed {
		severity = warning
	}
	message := fmt.Sprintf("<%d>1 %s %s parvis - %s - %s", facility*8+severity, e.At.UTC().Format("2006-01-02T15:04:05.000000Z"), s.host, e.Action[:min(len(e.Action), longestID)], text)
	return append([]byte(strconv.Itoa(len(message))+" "), message...), nil
}
