package connectors

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/vault"
)

// SealedSecrets describes the credentials at vendors.
func SealedSecrets() vault.Column {
	return vault.Column{Table: "connector_connections", Column: "secrets", Key: "source_id", KeyType: "uuid"}
}

// SealedMessages describes what vendors sent.
func SealedMessages() vault.Column {
	return vault.Column{Table: "connector_messages", Column: "body", Key: "id", KeyType: "uuid"}
}

// SealedDeadLetters describes what could not be taken in.
func SealedDeadLetters() vault.Column {
	return vault.Column{Table: "connector_dead_letters", Column: "record", Key: "id", KeyType: "uuid"}
}

// secrets are what is sealed of a connection.
type secrets struct {
	Values map[string]string `json:"values"`
	// HookKey is the secret part of the address at which the vendor calls.
	HookKey string `json:"hook_key,omitempty"`
}

// change sets what was given and removes what is nil.
func (plain *secrets) change(given map[string]*string) {
	for name, value := range given {
		if value == nil {
			delete(plain.Values, name)
		} else {
			plain.Values[name] = *value
		}
	}
	if plain.HookKey == "" {
		plain.HookKey = newHookKey()
	}
}

func (s *Service) sealSecrets(ctx context.Context, db pg.DBTX, tenant, source uuid.UUID, plain secrets) ([]byte, error) {
	raw, err := json.Marshal(plain)
	if err != nil {
		return nil, err
	}
	return s.Secrets.Seal(ctx, db, tenant, source.String(), raw)
}

func (s *Service) openSecrets(ctx context.Context, db pg.DBTX, tenant, source uuid.UUID, sealed []byte) (secrets, error) {
	out := secrets{Values: map[string]string{}}
	if sealed == nil {
		return out, nil
	}
	raw, err := s.Secrets.Open(ctx, db, tenant, source.String(), sealed)
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		return out, err
	}
	if out.Values == nil {
		out.Values = map[string]string{}
	}
	return out, nil
}

// header is what is kept of a call besides its body: a message opens with it.
type message struct {
	Header map[string][]string `json:"header"`
	Body   []byte              `json:"body"`
}
