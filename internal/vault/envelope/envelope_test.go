package envelope

import (
	"bytes"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestAValueOpensOnlyWhereItBelongs(t *testing.T) {
	t.Parallel()
	key, place := NewKey(), Place{uuid.New(), "mails", "body_sealed", "row 1"}
	sealed, err := Seal(key, TenantClass, 7, place, []byte("a known text"))
	require.NoError(t, err)
	plain, err := Open(key, place, sealed)
	require.NoError(t, err)
	require.Equal(t, "a known text", string(plain))
	class, version, ok := Parse(sealed)
	require.True(t, ok)
	require.Equal(t, TenantClass, class)
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
		_, err := Open(key, p, sealed)
		require.ErrorIs(t, err, ErrOpen, what)
	}
	_, err = Open(NewKey(), place, sealed)
	require.ErrorIs(t, err, ErrOpen)
	for i := range sealed {
		altered := bytes.Clone(sealed)
		altered[i] ^= 1
		_, err := Open(key, place, altered)
		require.ErrorIs(t, err, ErrOpen, "byte %d", i)
		_, err = Open(key, place, sealed[:i])
		require.ErrorIs(t, err, ErrOpen, "cut at %d", i)
	}
	again, err := Seal(key, TenantClass, 7, place, []byte("a known text"))
	require.NoError(t, err)
	require.NotEqual(t, sealed, again)
}

func TestTheCacheIsBoundedAndClearsWhatItGivesUp(t *testing.T) {
	t.Parallel()
	c := NewCache(16)
	for range 100 {
		c.Put([]byte("about"), NewKey(), NewKey())
	}
	require.LessOrEqual(t, len(c.keys), 16)
	wrapped, key := NewKey(), NewKey()
	c.Put([]byte("about"), wrapped, key)
	require.Equal(t, key, c.Get([]byte("about"), wrapped))
	require.Nil(t, c.Get([]byte("about another row"), wrapped), "a wrapped key that was moved")
	kept := c.keys[cacheID([]byte("about"), wrapped)]
	c.Forget()
	require.Zero(t, *kept)
	require.Empty(t, c.keys)
}
