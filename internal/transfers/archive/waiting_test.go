package archive

import (
	"bytes"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// What does not fit into memory waits in a file, and comes back as it was.
func TestWhatWaitsComesBack(t *testing.T) {
	t.Parallel()
	w := newWaiting()
	defer w.close()
	const n = 40
	record := func(i int) []byte { return bytes.Repeat([]byte{byte(i)}, 1<<20+i) }
	id := func(i int) uuid.UUID { return uuid.UUID{15: byte(i)} }
	for i := range n {
		require.NoError(t, w.add(id(i), record(i)))
	}
	require.Equal(t, n, w.len())
	require.NotEmpty(t, w.spilt)
	require.LessOrEqual(t, w.bytes, waitInMemory)
	for i := n - 1; i >= 0; i-- {
		got, ok, err := w.take(id(i))
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, record(i), got)
		_, ok, err = w.take(id(i))
		require.NoError(t, err)
		require.False(t, ok, "it was given out twice")
	}
	require.Zero(t, w.len())
	require.Zero(t, w.bytes)
}
