package apikey

import (
	"io"
	"strings"
)

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// unbiased is the largest multiple of 62 that a byte can count to. Bytes from
// there on are drawn again: taking them modulo 62 would favour the first eight
// characters.
const unbiased = 256 / len(alphabet) * len(alphabet)

// randomBase62 draws length characters, each equally likely.
func randomBase62(source io.Reader, length int) (string, error) {
	drawn := make([]byte, 0, length)
	buffer := make([]byte, length)
	for len(drawn) < length {
		if _, err := io.ReadFull(source, buffer); err != nil {
			return "", err
		}
		for _, b := range buffer {
			if int(b) < unbiased && len(drawn) < length {
				drawn = append(drawn, alphabet[int(b)%len(alphabet)])
			}
		}
	}
	return string(drawn), nil
}

// encodeBase62 writes a number in six digits, zero-padded: 62⁶ exceeds 2³².
func encodeBase62(number uint32) string {
	var digits [checksumLength]byte
	for i := checksumLength - 1; i >= 0; i-- {
		digits[i] = alphabet[number%uint32(len(alphabet))]
		number /= uint32(len(alphabet))
	}
	return string(digits[:])
}

func isBase62(text string) bool {
	return strings.Trim(text, alphabet) == ""
}
