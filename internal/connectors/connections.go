package connectors

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/connectors/internal/connectorsdb"
	"github.com/parvis-crm/parvis/internal/connectors/port"
	"github.com/parvis-crm/parvis/internal/egress"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// Connection is how a source is reached, and how that goes.
type Connection struct {
	connectorsdb.ConnectorConnection
	State           connectorsdb.ConnectorState
	Streams         []connectorsdb.ConnectorStream
	PendingMessages int64
	PendingFetches  int64
	OpenDeadLetters int64
	// MainStream is the one by which lag is told.
	MainStream string
}

// NewConnection describes how a source is to be reached. A secret that is nil is
// removed; one that is absent stays.
type NewConnection struct {
	Connector string
	BaseURL   *string
	Settings  map[string]any
	Secrets   map[string]*string
	Enabled   bool
}

// Connect makes or replaces the connection of a source.
func (s *Service) Connect(ctx context.Context, reference string, in NewConnection, want *int64) (Connection, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Connection{}, err
	}
	src, err := s.source(ctx, s.DB.Tenant(actor.Tenant), actor, reference)
	if err != nil {
		return Connection{}, err
	}
	connector, base, err := s.checkConnection(ctx, in)
	if err != nil {
		return Connection{}, err
	}
	settings, err := json.Marshal(in.Settings)
	if err != nil {
		return Connection{}, err
	}
	err = pg.InTx(ctx, s.DB, actor.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		before, err := s.q.LockConnection(ctx, tx, actor.Tenant, src.ID)
		fresh := pg.IsNoRows(err)
		if err != nil && !fresh {
			return err
		}
		if fresh && want != nil && *want != 0 {
			return fault.New(fault.Stale, "stale-version")
		}
		if !fresh {
			if err := web.CheckVersion(want, before.Version); err != nil {
				return err
			}
		}
		plain, err := s.openSecrets(ctx, tx, actor.Tenant, src.ID, before.Secrets)
		if err != nil {
			return err
		}
		if !fresh && before.Connector != in.Connector {
			plain.Values = map[string]string{}
		}
		plain.change(in.Secrets)
		if err := s.checkSecrets(connector.Describe(), plain); err != nil {
			return err
		}
		if _, err := connector.Open(s.describe(src, base, settings, plain)); err != nil {
			return settingsFault(err)
		}
		sealed, err := s.sealSecrets(ctx, tx, actor.Tenant, src.ID, plain)
		if err != nil {
			return err
		}
		hash := sha256.Sum256([]byte(plain.HookKey))
		names := slices.Sorted(maps.Keys(plain.Values))
		var after connectorsdb.ConnectorConnection
		if fresh {
			after, err = s.q.InsertConnection(ctx, tx, connectorsdb.InsertConnectionParams{
				TenantID: actor.Tenant, SourceID: src.ID, Connector: in.Connector, BaseURL: base, Settings: settings, Secrets: sealed, SecretNames: names, IsEnabled: in.Enabled, HookHash: hash[:],
			})
		} else {
			p := connectorsdb.UpdateConnectionParams{
				TenantID: actor.Tenant, SourceID: src.ID, Connector: in.Connector, BaseURL: base, Settings: settings, Secrets: sealed, SecretNames: names, IsEnabled: in.Enabled,
				HookHash: hash[:], HookVendorID: before.HookVendorID,
			}
			if before.Connector != in.Connector || before.BaseURL != base {
				p.HookVendorID = nil
			}
			after, err = s.q.UpdateConnection(ctx, tx, p)
		}
		if err != nil {
			return err
		}
		if err := s.arrive(ctx, tx, src, before, after, connector.Describe()); err != nil {
			return err
		}
		if fresh {
			return recordConnection(ctx, tx, "ticketing.connection.created", src, nil, after)
		}
		return recordConnection(ctx, tx, "ticketing.connection.updated", src, &before, after)
	})
	if err != nil {
		return Connection{}, err
	}
	s.forget(src.ID)
	s.ring()
	return s.Connection(ctx, reference)
}

// checkConnection decides on what the contract alone cannot: the connector, its
// settings, the address.
func (s *Service) checkConnection(ctx context.Context, in NewConnection) (port.Connector, string, error) {
	connector, ok := s.connectors[in.Connector]
	if !ok {
		return nil, "", fault.Invalid().At("#/connector", "unknown-connector", "known", strings.Join(slices.Sorted(maps.Keys(s.connectors)), ", "))
	}
	d := connector.Describe()
	settings := in.Settings
	if settings == nil {
		settings = map[string]any{}
	}
	if err := s.Schemas.Check(d.SettingsSchema, settings); err != nil {
		return nil, "", below(err, "#/settings")
	}
	base := d.BaseURL
	if in.BaseURL != nil {
		base = *in.BaseURL
	}
	if base == "" {
		return nil, "", fault.Invalid().At("#/base_url", "required")
	}
	checked, err := s.Client.ValidateURLContext(ctx, base)
	if refused, ok := errors.AsType[*egress.Error](err); ok {
		return nil, "", fault.Invalid().At("#/base_url", strings.ReplaceAll(string(refused.Code), "_", "-"))
	}
	if err != nil {
		return nil, "", err
	}
	if checked.RawQuery != "" {
		return nil, "", fault.Invalid().At("#/base_url", "url-invalid")
	}
	return connector, strings.TrimSuffix(checked.String(), "/"), nil
}

func (s *Service) checkSecrets(d port.Description, plain secrets) error {
	f := fault.Invalid()
	known := map[string]bool{}
	for _, secret := range d.Secrets {
		known[secret.Name] = true
		if secret.Required && plain.Values[secret.Name] == "" {
			f.At("#/secrets/"+secret.Name, "required")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(plain.Values)) {
		if !known[name] {
			f.At("#/secrets/"+name, "unknown-property")
		}
	}
	return f.OrNil()
}

// settingsFault lets a connector say what is wrong with its settings.
func settingsFault(err error) error {
	if _, ok := fault.As(err); ok {
		return err
	}
	return fault.Invalid().Because(err).At("#/settings", "no-match")
}

func below(err error, place string) error {
	f, ok := fault.As(err)
	if !ok {
		return err
	}
	for i := range f.Violations {
		if rest, found := strings.CutPrefix(f.Violations[i].Pointer, "#"); found {
			f.Violations[i].Pointer = place + rest
		}
	}
	return f
}

// prepareState makes the source due with the streams of its connector.
func (s *Service) prepareState(ctx context.Context, tx pgx.Tx, c connectorsdb.ConnectorConnection, d port.Description) error {
	if err := s.q.EnsureState(ctx, tx, c.TenantID, c.SourceID); err != nil {
		return err
	}
	var streams []string
	for _, stream := range d.Streams {
		streams = append(streams, stream.Name)
	}
	if err := s.q.DropStreams(ctx, tx, c.TenantID, c.SourceID, streams); err != nil {
		return err
	}
	if err := s.q.EnsureStreams(ctx, tx, c.TenantID, c.SourceID, streams); err != nil {
		return err
	}
	if err := s.q.WakeStreams(ctx, tx, c.TenantID, c.SourceID, streams); err != nil {
		return err
	}
	return s.q.Restart(ctx, tx, c.IsEnabled, c.TenantID, c.SourceID)
}

// Connection reads the connection of a source.
func (s *Service) Connection(ctx context.Context, reference string) (Connection, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Connection{}, err
	}
	db := s.DB.Tenant(actor.Tenant)
	src, err := s.source(ctx, db, actor, reference)
	if err != nil {
		return Connection{}, err
	}
	row, err := s.q.GetConnection(ctx, db, actor.Tenant, src.ID)
	if err != nil {
		return Connection{}, err
	}
	out := Connection{ConnectorConnection: row}
	if c, ok := s.connectors[row.Connector]; ok && len(c.Describe().Streams) > 0 {
		out.MainStream = c.Describe().Streams[0].Name
	}
	if out.State, err = s.q.GetState(ctx, db, actor.Tenant, src.ID); err != nil {
		return out, err
	}
	if out.Streams, err = s.q.ListStreams(ctx, db, actor.Tenant, src.ID); err != nil {
		return out, err
	}
	if out.PendingMessages, err = s.q.CountPendingMessages(ctx, db, actor.Tenant, src.ID); err != nil {
		return out, err
	}
	if out.PendingFetches, err = s.q.CountFetches(ctx, db, actor.Tenant, src.ID); err != nil {
		return out, err
	}
	out.OpenDeadLetters, err = s.q.CountDeadLetters(ctx, db, actor.Tenant, src.ID)
	return out, err
}

// Disconnect removes the connection of a source; what was received stays.
func (s *Service) Disconnect(ctx context.Context, reference string, want *int64) error {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return err
	}
	if want == nil {
		return fault.New(fault.PreconditionRequired, "precondition-required")
	}
	src, err := s.source(ctx, s.DB.Tenant(actor.Tenant), actor, reference)
	if err != nil {
		return err
	}
	err = pg.InTx(ctx, s.DB, actor.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		before, err := s.q.LockConnection(ctx, tx, actor.Tenant, src.ID)
		if err != nil {
			return err
		}
		if err := web.CheckVersion(want, before.Version); err != nil {
			return err
		}
		if _, err := s.q.DeleteConnection(ctx, tx, actor.Tenant, src.ID); err != nil {
			return err
		}
		if err := s.leave(ctx, tx, actor.Tenant, src, "The connection was removed before it was sent."); err != nil {
			return err
		}
		before.Version++
		return recordConnection(ctx, tx, "ticketing.connection.deleted", src, nil, before)
	})
	s.forget(src.ID)
	return err
}

// NewHookAddress replaces the secret part of the address at which the vendor
// calls, and gives the whole of it.
func (s *Service) NewHookAddress(ctx context.Context, reference string) (string, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return "", err
	}
	src, err := s.source(ctx, s.DB.Tenant(actor.Tenant), actor, reference)
	if err != nil {
		return "", err
	}
	address := ""
	err = pg.InTx(ctx, s.DB, actor.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		before, err := s.q.LockConnection(ctx, tx, actor.Tenant, src.ID)
		if err != nil {
			return err
		}
		plain, err := s.openSecrets(ctx, tx, actor.Tenant, src.ID, before.Secrets)
		if err != nil {
			return err
		}
		plain.HookKey = newHookKey()
		sealed, err := s.sealSecrets(ctx, tx, actor.Tenant, src.ID, plain)
		if err != nil {
			return err
		}
		hash := sha256.Sum256([]byte(plain.HookKey))
		after, err := s.q.UpdateConnection(ctx, tx, connectorsdb.UpdateConnectionParams{
			TenantID: actor.Tenant, SourceID: src.ID, Connector: before.Connector, BaseURL: before.BaseURL, Settings: before.Settings, Secrets: sealed,
			SecretNames: before.SecretNames, IsEnabled: before.IsEnabled, HookHash: hash[:], HookVendorID: before.HookVendorID,
		})
		if err != nil {
			return err
		}
		address = s.hookAddress(before.Connector, plain.HookKey)
		return recordConnection(ctx, tx, "ticketing.connection.updated", src, &before, after)
	})
	s.forget(src.ID)
	return address, err
}

func (s *Service) hookAddress(connector, key string) string {
	return strings.TrimSuffix(s.o.PublicURL, "/") + "/v1/ticketing/hooks/" + connector + "/" + key
}

// newHookKey is 24 random bytes: nobody finds an address by trying.
func newHookKey() string {
	raw := make([]byte, 24)
	_, _ = rand.Read(raw) // never fails since Go 1.24: it ends the program instead
	return base64.RawURLEncoding.EncodeToString(raw)
}

// told is what the log says of a connection.
type told struct {
	Connector   string          `json:"connector"`
	BaseURL     string          `json:"base_url"`
	Settings    json.RawMessage `json:"settings"`
	SecretNames []string        `json:"secret_names"`
	IsEnabled   bool            `json:"is_enabled"`
}

func toldOf(c connectorsdb.ConnectorConnection) told {
	return told{c.Connector, c.BaseURL, c.Settings, c.SecretNames, c.IsEnabled}
}

// recordConnection writes the event. What is secret is in no event: neither the
// values nor the address.
func recordConnection(ctx context.Context, tx pgx.Tx, kind string, src source, before *connectorsdb.ConnectorConnection, after connectorsdb.ConnectorConnection) error {
	var was any
	if before != nil {
		was = toldOf(*before)
	}
	changes, err := events.Diff(was, toldOf(after))
	if err != nil {
		return err
	}
	return events.RecordTx(ctx, tx, events.Entry{
		Type: kind, Subject: events.Subject{Kind: "ticketing_connection", ID: src.ID, Version: after.Version},
		Changes: changes, Facts: map[string]any{"code": src.Code, "connector": after.Connector, "is_enabled": after.IsEnabled},
	})
}

// forget drops what this process remembers of a source.
func (s *Service) forget(source uuid.UUID) {
	s.mu.Lock()
	delete(s.sessions, source)
	s.mu.Unlock()
	s.routes.forget(source)
}
