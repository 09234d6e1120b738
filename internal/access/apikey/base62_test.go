package apikey

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// A source that yields each byte value once must yield each character four
// times: 248 values taken, eight thrown away.
func TestRandomBase62IsUnbiased(t *testing.T) {
	t.Parallel()
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	text, err := randomBase62(bytes.NewReader(bytes.Repeat(every, 2)), 248)
	require.NoError(t, err)
	for _, character := range alphabet {
		require.Equal(t, 4, strings.Count(text, string(character)), "%c", character)
	}
}

func TestRandomBase62ReportsADrySource(t *testing.T) {
	t.Parallel()
	broken := errors.New("no entropy")
	_, err := randomBase62(iotest.ErrReader(broken), 4)
	require.ErrorIs(t, err, broken)
	_, err = randomBase62(bytes.NewReader([]byte{255, 255, 255, 255, 1}), 4)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

func TestEncodeBase62(t *testing.T) {
	t.Parallel()
	for number, want := range map[uint32]string{0: "000000", 61: "00000z", 62: "000010", math.MaxUint32: "4gfFC3"} {
		require.Equal(t, want, encodeBase62(number))
	}
}
