package accounts

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The vectors of RFC 6238 appendix B for SHA-1, of which six digits are shown.
func TestCodesAreThoseOfTheStandard(t *testing.T) {
	t.Parallel()
	secret := []byte("12345678901234567890")
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130"} {
		require.Equal(t, want, code(secret, at/totpStep))
		for _, drift := range []int64{-30, 0, 30} {
			step, ok := matchingStep(secret, want, time.Unix(at+drift, 0))
			require.True(t, ok)
			require.Equal(t, at/totpStep, step)
		}
		for _, drift := range []int64{-90, 60} {
			_, ok := matchingStep(secret, want, time.Unix(at+drift, 0))
			require.False(t, ok)
		}
	}
}
