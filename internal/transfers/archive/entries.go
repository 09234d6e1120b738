package archive

import (
	"archive/zip"
	"cmp"
	"path"
	"slices"
	"strings"
)

const (
	// maxEntries is far above one data file, one schema and one list of marks for
	// each table.
	maxEntries = 10_000
	// maxRatio is how many times its own size an archive may unpack to, above what
	// any may. Records shrink to a tenth or so; a bomb is made of nothing.
	maxRatio = 200
	maxFree  = 64 << 20
)

// enter takes in the directory of the zip, and refuses one that was not written
// by an export: names that lead out of the archive or are there twice, things
// that are not files, files that lie in each other, sizes that no records have.
func (a *Archive) enter(size int64) error {
	if len(a.zip.File) > maxEntries {
		return flaw(ManifestPath, 0, "the archive has more files (%d) than any export", len(a.zip.File))
	}
	var unpacked uint64
	most := uint64(size)*maxRatio + maxFree
	for _, f := range a.zip.File {
		switch {
		case path.Clean(f.Name) != f.Name, strings.HasPrefix(f.Name, "/"), strings.HasPrefix(f.Name, ".."), strings.ContainsAny(f.Name, "\\:\x00"):
			return flaw(f.Name, 0, "a path that leaves the archive")
		case a.entries[f.Name] != nil:
			return flaw(f.Name, 0, "is there twice")
		case !f.Mode().IsRegular():
			return flaw(f.Name, 0, "is not a file")
		case f.Flags&1 != 0:
			return flaw(f.Name, 0, "is encrypted; an archive is not")
		case f.UncompressedSize64 > most-unpacked:
			return flaw(f.Name, 0, "unpacks to more than %d times the size of the archive", maxRatio)
		}
		unpacked += f.UncompressedSize64
		a.entries[f.Name] = f
	}
	return apart(a.zip.File)
}

// apart refuses files that share bytes of the archive.
func apart(files []*zip.File) error {
	type place struct {
		from, to int64
		name     string
	}
	places := make([]place, 0, len(files))
	for _, f := range files {
		from, err := f.DataOffset()
		if err != nil {
			return flaw(f.Name, 0, "cannot be found in the archive: it was cut short or altered")
		}
		places = append(places, place{from, from + int64(f.CompressedSize64), f.Name})
	}
	slices.SortFunc(places, func(x, y place) int { return cmp.Compare(x.from, y.from) })
	for i := 1; i < len(places); i++ {
		if places[i].from < places[i-1].to {
			return flaw(places[i].name, 0, "lies inside another file of the archive")
		}
	}
	return nil
}
