package envelope

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
)

// Cache remembers what unwrapping gave, so that the key management service is
// asked once a key and process. It answers only those who hold the wrapped form,
// which is read from the database each time: a key that was destroyed there is
// gone here at once.
type Cache struct {
	mu   sync.Mutex
	keys map[[sha256.Size]byte]*[KeySize]byte
	most int
}

// NewCache makes a cache of at most so many keys.
func NewCache(most int) *Cache {
	return &Cache{keys: map[[sha256.Size]byte]*[KeySize]byte{}, most: most}
}

// cacheID also covers what the key is bound to: a wrapped key that was moved to
// another row is none there.
func cacheID(about, wrapped []byte) [sha256.Size]byte {
	h := sha256.New()
	_, _ = h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(about))))
	_, _ = h.Write(about)
	_, _ = h.Write(wrapped)
	return [sha256.Size]byte(h.Sum(nil))
}

// Get returns a copy, which whoever asks clears.
func (c *Cache) Get(about, wrapped []byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if key := c.keys[cacheID(about, wrapped)]; key != nil {
		return append(make([]byte, 0, KeySize), key[:]...)
	}
	return nil
}

// Put keeps a copy. A full cache gives up a part of what it has, which the map's
// own order chooses.
func (c *Cache) Put(about, wrapped, key []byte) {
	if len(key) != KeySize {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.keys) >= c.most {
		drop := c.most/8 + 1
		for id, old := range c.keys {
			clear(old[:])
			delete(c.keys, id)
			if drop--; drop == 0 {
				break
			}
		}
	}
	own := new([KeySize]byte)
	copy(own[:], key)
	c.keys[cacheID(about, wrapped)] = own
}

// Forget clears every key.
func (c *Cache) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, key := range c.keys {
		clear(key[:])
		delete(c.keys, id)
	}
}
