package connectors

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/connectors/internal/connectorsdb"
	"github.com/parvis-crm/parvis/internal/connectors/port"
)

// kept is a session that the next turn of its source goes on with.
type kept struct {
	version int64
	session port.Session
}

// describe is what a connector is told of a connection.
func (s *Service) describe(src source, base string, settings []byte, plain secrets) port.Connection {
	zone, err := time.LoadLocation(src.TimeZone)
	if err != nil {
		zone = time.UTC
	}
	address, err := url.Parse(base)
	if err != nil {
		address = &url.URL{}
	}
	return port.Connection{
		Source: src.Code, TimeZone: zone, Currency: src.Currency, BaseURL: address, Settings: settings, Secrets: plain.Values,
		HTTP: s.Client.HTTP(), Now: s.Clock.Now, Pace: s.pace(src.ID),
	}
}

// pace is shared by everything that calls the vendor for one source in this
// process.
func (s *Service) pace(source uuid.UUID) *port.Pace {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.paces[source]
	if p == nil {
		p = &port.Pace{}
		s.paces[source] = p
	}
	return p
}

// open makes a session of a connection.
func (s *Service) open(ctx context.Context, db connectorsdb.DBTX, src source, row connectorsdb.ConnectorConnection) (port.Session, error) {
	connector, ok := s.connectors[row.Connector]
	if !ok {
		return nil, fmt.Errorf("connectors: %q is not in this program", row.Connector)
	}
	plain, err := s.openSecrets(ctx, db, row.TenantID, row.SourceID, row.Secrets)
	if err != nil {
		return nil, err
	}
	return connector.Open(s.describe(src, row.BaseURL, row.Settings, plain))
}

// turnSession is the session for turns, which keeps what it learnt of the vendor.
func (s *Service) turnSession(ctx context.Context, db connectorsdb.DBTX, src source, row connectorsdb.ConnectorConnection) (port.Session, error) {
	s.mu.Lock()
	have, ok := s.sessions[row.SourceID]
	s.mu.Unlock()
	if ok && have.version == row.Version {
		return have.session, nil
	}
	session, err := s.open(ctx, db, src, row)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.sessions[row.SourceID] = kept{row.Version, session}
	s.mu.Unlock()
	return session, nil
}
