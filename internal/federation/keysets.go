package federation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/parvis-crm/parvis/internal/access/jwk"
	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/egress"
)

const (
	// keepKeys is how long keys are believed, forgetKeys how long they are where
	// the provider cannot be asked.
	keepKeys   = 10 * time.Minute
	forgetKeys = 12 * time.Hour
	// askAgain is how often at most an unknown key id, or a failure, makes us ask.
	askAgain = time.Minute
	// largestDocument of a provider, in bytes.
	largestDocument = 512 << 10
)

var errNoKey = errors.New("federation: the provider has no such key")

// keySets keeps the keys of providers by where they are.
type keySets struct {
	client *egress.Client
	clock  clock.Clock
	mu     sync.Mutex
	by     map[string]*keySet
}

type keySet struct {
	mu      sync.Mutex // held while the provider is asked: once for all who wait
	keys    map[string]jwk.Key
	fetched time.Time
	asked   time.Time
}

func newKeySets(client *egress.Client, c clock.Clock) *keySets {
	return &keySets{client: client, clock: c, by: map[string]*keySet{}}
}

// find gives the key of an id. Where it is unknown the provider is asked, at
// most once a minute however many tokens name whatever keys.
func (k *keySets) find(ctx context.Context, p Provider, kid string) (jwk.Key, error) {
	name := "issuer " + p.Issuer
	if p.JwksUri != nil {
		name = *p.JwksUri
	}
	k.mu.Lock()
	set := k.by[name]
	if set == nil {
		set = &keySet{}
		k.by[name] = set
	}
	k.mu.Unlock()
	set.mu.Lock()
	defer set.mu.Unlock()
	now := k.clock.Now()
	key, known := set.keys[kid]
	age := now.Sub(set.fetched)
	if (!known || age >= keepKeys) && now.Sub(set.asked) >= askAgain {
		set.asked = now
		keys, err := k.fetch(ctx, p)
		if err == nil {
			set.keys, set.fetched, age = keys, now, 0
			key, known = keys[kid]
		} else if !known || age >= forgetKeys {
			return jwk.Key{}, err
		}
	}
	if !known || age >= forgetKeys {
		return jwk.Key{}, errNoKey
	}
	return key, nil
}

// fetch asks the provider for its keys.
func (k *keySets) fetch(ctx context.Context, p Provider) (map[string]jwk.Key, error) {
	// What one request started serves all that wait for it.
	ctx = context.WithoutCancel(ctx)
	at := ""
	if p.JwksUri != nil {
		at = *p.JwksUri
	} else {
		var doc struct {
			Issuer string `json:"issuer"`
			Keys   string `json:"jwks_uri"`
		}
		if err := k.get(ctx, strings.TrimRight(p.Issuer, "/")+"/.well-known/openid-configuration", &doc); err != nil {
			return nil, err
		}
		if doc.Issuer != p.Issuer || doc.Keys == "" {
			return nil, fmt.Errorf("federation: the discovery document is of %q and not of %q", doc.Issuer, p.Issuer)
		}
		at = doc.Keys
	}
	var set jwk.Set
	if err := k.get(ctx, at, &set); err != nil {
		return nil, err
	}
	out, of := map[string]jwk.Key{}, map[string]int{}
	for _, key := range set.Keys {
		_, algorithm, err := key.Decode()
		if err != nil {
			continue
		}
		if key.ID != "" {
			out[key.ID] = key
		}
		of[algorithm]++
		out[sole(algorithm)] = key
	}
	for algorithm, n := range of {
		if n > 1 {
			delete(out, sole(algorithm))
		}
	}
	return out, nil
}

// sole names the only key of an algorithm, for what names none.
func sole(algorithm string) string { return "the only one of " + algorithm }

func (k *keySets) get(ctx context.Context, at string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "application/json")
	response, err := k.client.HTTP().Do(request)
	if err != nil {
		return err
	}
	body, cut, err := egress.ReadBody(response, largestDocument)
	switch {
	case err != nil:
		return err
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("federation: %s answers %d", at, response.StatusCode)
	case cut:
		return egress.ErrBodyTooLarge
	}
	return json.Unmarshal(body, into)
}
