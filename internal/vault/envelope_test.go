package vault

import (
	"bytes"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestAValueOpensOnlyWhereItBelongs(t *testing.T) {
	t.Parallel()
	key, place := newKey(), Place{uuid.New(), "mails", "body_sealed", "row 1"}
	sealed, err := sealValue(key, tenantClass, 7, place, []byte("a known text"))
	require.NoError(t, err)
	plain, err := openValue(key, place, sealed)
	require.NoError(t, err)
	require.Equal(t, "a known text", string(plain))
	class, version, ok := parse(sealed)
	require.True(t, ok)
	require.Equal(t, tenantClass, class)
	require.EqualValues(t, 7, version)

	elsewhere := map[string]Place{
		"tenant": {uuid.New(), "mails", "body_sealed", "row 1"},
		"table":  {place.Tenant, "mail", "body_sealed", "row 1"},
		"column": {place.Tenant, "mails", "body", "row 1"},
		"row":    {place.Tenant, "mails", "body_sealed", "row 2"},
		// The same letters, cut elsewhere.
		"boundary": {place.Tenant, "mails", "body_sealedr", "ow 1"},
	}
	for what, p := range elsewhere {
		_, err := openValue(key, p, sealed)
		require.ErrorIs(t, err, ErrOpen, what)
	}
	_, err = openValue(newKey(), place, sealed)
	require.ErrorIs(t, err, ErrOpen)
	for i := range sealed {
		altered := bytes.Clone(sealed)
		altered[i] ^= 1
		_, err := openValue(key, place, altered)
		require.ErrorIs(t, err, ErrOpen, "byte %d", i)
		_, err = openValue(key, place, sealed[:i])
		require.ErrorIs(t, err, ErrOpen, "cut at %d", i)
	}
	again, err := sealValue(key, tenantClass, 7, place, []byte("a known text"))
	require.NoError(t, err)
	require.NotEqual(t, sealed, again)
}

func TestTheCacheIsBoundedAndClearsWhatItGivesUp(t *testing.T) {
	t.Parallel()
	c := newKeyCache(16)
	for range 100 {
		c.put([]byte("about"), newKey(), newKey())
	}
	require.LessOrEqual(t, len(c.keys), 16)
	wrapped, key := newKey(), newKey()
	c.put([]byte("about"), wrapped, key)
	require.Equal(t, key, c.get([]byte("about"), wrapped))
	require.Nil(t, c.get([]byte("about another row"), wrapped), "a wrapped key that was moved")
	kept := c.keys[cacheID([]byte("about"), wrapped)]
	c.forget()
	require.Zero(t, *kept)
	require.Empty(t, c.keys)
}
