package docs

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"path"
	"strings"

	"github.com/labstack/echo/v4"
)

//go:embed assets/vendor/*.gz assets/own/* assets/NOTICE
var embedded embed.FS

// assets holds the embedded files. Their addresses carry a digest of all of
// them, so a browser may keep them for ever and never mixes two releases.
type assets struct {
	revision string
	base     string // "/docs/assets/<revision>"
	files    map[string]*representation
}

func newAssets() *assets {
	a := &assets{files: map[string]*representation{}}
	digest := sha256.New()
	// The tree is compiled in and walked in lexical order: it cannot fail, and
	// gives the same revision in every process of a release.
	_ = fs.WalkDir(embedded, "assets", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := embedded.ReadFile(file)
		if err != nil {
			return err
		}
		name, zipped := strings.CutSuffix(path.Base(file), ".gz")
		if zipped {
			a.files[name] = newZippedRepresentation(mediaType(name), content)
		} else {
			a.files[name] = newRepresentation(mediaType(name), content)
		}
		digest.Write([]byte(name + "\x00" + a.files[name].digest + "\n"))
		return nil
	})
	a.revision = hex.EncodeToString(digest.Sum(nil)[:6])
	a.base = "/docs/assets/" + a.revision
	return a
}

func mediaType(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".png":
		return "image/png"
	case ".jpg":
		return "image/jpeg"
	default:
		return "text/plain; charset=utf-8"
	}
}

// serve answers for any revision, because a page and its files may come from
// two releases while one replaces the other; only the right one may be kept.
func (a *assets) serve(c echo.Context) error {
	file, found := a.files[c.Param("name")]
	if !found {
		return echo.ErrNotFound
	}
	cache := "public, max-age=31536000, immutable"
	if c.Param("revision") != a.revision {
		cache = "no-cache"
	}
	c.Response().Header().Set(echo.HeaderCacheControl, cache)
	return file.serve(c)
}
