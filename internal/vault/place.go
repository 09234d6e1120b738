package vault

import "github.com/parvis-crm/parvis/internal/vault/envelope"

// KeySize is the length of every key, in bytes (AES-256).
const KeySize = envelope.KeySize

// ErrOpen is returned for what was not sealed here: under another key, for
// another place, or altered since.
var ErrOpen = envelope.ErrOpen

// Place is where a sealed value belongs. A value opens nowhere else.
type Place = envelope.Place
