package docs

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"
)

// representation is one resource in the form in which it is sent most: gzip.
// The plain form is made for the rare client that cannot read it.
type representation struct {
	mediaType string
	zipped    []byte
	digest    string // of the zipped form, hexadecimal; equal digests, equal content
}

func newRepresentation(mediaType string, content []byte) *representation {
	var zipped bytes.Buffer
	writer, _ := gzip.NewWriterLevel(&zipped, gzip.BestCompression) // fails for an unknown level only
	_, _ = writer.Write(content)                                    // a buffer takes everything
	_ = writer.Close()
	return newZippedRepresentation(mediaType, zipped.Bytes())
}

func newZippedRepresentation(mediaType string, zipped []byte) *representation {
	sum := sha256.Sum256(zipped)
	return &representation{mediaType: mediaType, zipped: zipped, digest: hex.EncodeToString(sum[:12])}
}

// serve answers with the encoding the client accepts, or with 304 when it has
// the resource already. The two encodings have different tags, as strong
// validators must (RFC 9110 section 8.8.3).
func (r *representation) serve(c echo.Context) error {
	header := c.Response().Header()
	header.Add(echo.HeaderVary, echo.HeaderAcceptEncoding)
	zipped := acceptsGzip(c.Request().Header.Values(echo.HeaderAcceptEncoding))
	tag := `"` + r.digest + `"`
	if zipped {
		tag = `"` + r.digest + `-gzip"`
	}
	header.Set("ETag", tag)
	if matches(c.Request().Header.Values("If-None-Match"), tag) {
		return c.NoContent(http.StatusNotModified)
	}

	content := r.zipped
	if zipped {
		header.Set(echo.HeaderContentEncoding, "gzip")
	} else {
		reader, err := gzip.NewReader(bytes.NewReader(r.zipped))
		if err != nil {
			return err
		}
		if content, err = io.ReadAll(reader); err != nil {
			return err
		}
	}
	header.Set(echo.HeaderContentLength, strconv.Itoa(len(content)))
	return c.Blob(http.StatusOK, r.mediaType, content)
}

// acceptsGzip reads Accept-Encoding (RFC 9110 section 12.5.3). A coding named
// on its own wins over the wildcard.
func acceptsGzip(values []string) bool {
	accepted := false
	for entry := range strings.SplitSeq(strings.Join(values, ","), ",") {
		coding, parameters, _ := strings.Cut(entry, ";")
		weight := 1.0
		if name, value, found := strings.Cut(strings.TrimSpace(parameters), "="); found && strings.EqualFold(name, "q") {
			parsed, err := strconv.ParseFloat(value, 64)
			if err != nil {
				continue
			}
			weight = parsed
		}
		switch strings.ToLower(strings.TrimSpace(coding)) {
		case "gzip":
			return weight > 0
		case "*":
			accepted = weight > 0
		}
	}
	return accepted
}

// matches reads If-None-Match, which compares weakly (RFC 9110 section 13.1.2).
func matches(values []string, tag string) bool {
	for candidate := range strings.SplitSeq(strings.Join(values, ","), ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == "*" || strings.TrimPrefix(candidate, "W/") == tag {
			return true
		}
	}
	return false
}
