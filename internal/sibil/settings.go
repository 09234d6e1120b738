package sibil

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/egress"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/sibil/internal/sibildb"
	"github.com/parvis-crm/parvis/internal/web"
)

// Settings is a row of the table; version 0 where nobody set anything.
type Settings struct {
	sibildb.SibilSetting
	// Labels are what the institution's words for domains are called at SIBIL.
	Labels map[string]string
}

func settingsOf(row sibildb.SibilSetting) (Settings, error) {
	out := Settings{SibilSetting: row, Labels: map[string]string{}}
	if row.DomainLabels == nil {
		return out, nil
	}
	return out, json.Unmarshal(row.DomainLabels, &out.Labels)
}

// Settings returns the settings of the actor's institution.
func (s *Service) Settings(ctx context.Context) (Settings, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Settings{}, err
	}
	return s.settings(ctx, s.DB.Tenant(actor.Tenant), actor.Tenant)
}

func (s *Service) settings(ctx context.Context, db pg.DBTX, tenant uuid.UUID) (Settings, error) {
	row, err := s.q.GetSettings(ctx, db, tenant)
	if pg.IsNoRows(err) {
		return settingsOf(sibildb.SibilSetting{TenantID: tenant, Registers: true})
	}
	if err != nil {
		return Settings{}, err
	}
	return settingsOf(row)
}

// SettingsPatch changes what is given; null clears.
type SettingsPatch struct {
	BaseURL, Username, Password            nullable.Nullable[string]
	MultipleManagers, Registers, IsEnabled *bool
	// DomainLabels adds, changes and, where nil, removes labels.
	DomainLabels map[string]*string
}

// UpdateSettings changes the settings of the actor's institution.
func (s *Service) UpdateSettings(ctx context.Context, p SettingsPatch, version *int64) (Settings, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Settings{}, err
	}
	base := p.BaseURL
	if text, err := base.Get(); err == nil {
		if text, err = s.checkAddress(ctx, text); err != nil {
			return Settings{}, err
		}
		base = nullable.NewNullableWithValue(text)
	}
	return pg.InTxValue(ctx, s.DB, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Settings, error) {
		if err := s.q.EnsureSettings(ctx, tx, actor.Tenant); err != nil {
			return Settings{}, err
		}
		row, err := s.q.LockSettings(ctx, tx, actor.Tenant)
		if err != nil {
			return Settings{}, err
		}
		if err := web.CheckVersion(version, row.Version); err != nil {
			return Settings{}, err
		}
		before, err := settingsOf(row)
		if err != nil {
			return Settings{}, err
		}
		after := before
		assign(&after.BaseURL, base)
		assign(&after.Username, p.Username)
		set(&after.MultipleManagers, p.MultipleManagers)
		set(&after.Registers, p.Registers)
		set(&after.IsEnabled, p.IsEnabled)
		after.Labels = relabelled(before.Labels, p.DomainLabels)
		if p.Password.IsSpecified() {
			after.Password = nil
			if plain, err := p.Password.Get(); err == nil {
				if after.Password, err = s.Passwords.Seal(ctx, tx, actor.Tenant, actor.Tenant.String(), []byte(plain)); err != nil {
					return Settings{}, err
				}
			}
		}
		if err := complete(after); err != nil {
			return Settings{}, err
		}
		changes, err := events.Diff(recordOf(before), recordOf(after))
		if err != nil || (len(changes) == 0 && before.Version > 0 && !p.Password.IsSpecified()) {
			return before, err
		}
		labels, err := json.Marshal(after.Labels)
		if err != nil {
			return Settings{}, err
		}
		row, err = s.q.UpdateSettings(ctx, tx, sibildb.UpdateSettingsParams{
			TenantID: actor.Tenant, BaseURL: after.BaseURL, Username: after.Username, Password: after.Password, MultipleManagers: after.MultipleManagers,
			Registers: after.Registers, DomainLabels: labels, IsEnabled: after.IsEnabled,
		})
		if err != nil {
			return Settings{}, err
		}
		if after, err = settingsOf(row); err != nil {
			return Settings{}, err
		}
		return after, events.RecordTx(ctx, tx, events.Entry{
			Type: "statutory.sibil.settings_updated", Subject: events.Subject{Kind: "sibil_settings", ID: actor.Tenant, Version: after.Version}, Changes: changes,
			Facts: map[string]any{"is_enabled": after.IsEnabled, "password_changed": p.Password.IsSpecified()},
		})
	})
}

func (s *Service) checkAddress(ctx context.Context, text string) (string, error) {
	checked, err := s.Client.ValidateURLContext(ctx, text)
	if refused, ok := errors.AsType[*egress.Error](err); ok {
		return "", fault.Invalid().At("#/base_url", strings.ReplaceAll(string(refused.Code), "_", "-"))
	}
	if err != nil {
		return "", err
	}
	if checked.RawQuery != "" {
		return "", fault.Invalid().At("#/base_url", "url-invalid")
	}
	return strings.TrimSuffix(checked.String(), "/"), nil
}

// complete refuses to switch on what could not be used.
func complete(s Settings) error {
	if !s.IsEnabled {
		return nil
	}
	f := fault.Invalid()
	if s.BaseURL == nil {
		f.At("#/base_url", "required")
	}
	if s.Username == nil {
		f.At("#/username", "required")
	}
	if s.Password == nil {
		f.At("#/password", "required")
	}
	return f.OrNil()
}

func relabelled(before map[string]string, changes map[string]*string) map[string]string {
	out := maps.Clone(before)
	for word, label := range changes {
		if label == nil {
			delete(out, word)
			continue
		}
		out[word] = *label
	}
	return out
}

type record struct {
	BaseURL          *string           `json:"base_url"`
	Username         *string           `json:"username"`
	HasPassword      bool              `json:"has_password"`
	MultipleManagers bool              `json:"multiple_managers"`
	Registers        bool              `json:"registers"`
	DomainLabels     map[string]string `json:"domain_labels"`
	IsEnabled        bool              `json:"is_enabled"`
}

func recordOf(s Settings) record {
	return record{s.BaseURL, s.Username, s.Password != nil, s.MultipleManagers, s.Registers, s.Labels, s.IsEnabled}
}

// assign carries one member of a merge patch over: absent keeps, null clears.
func assign[T any](to **T, from nullable.Nullable[T]) {
	if !from.IsSpecified() {
		return
	}
	*to = nil
	if value, err := from.Get(); err == nil {
		*to = &value
	}
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}
