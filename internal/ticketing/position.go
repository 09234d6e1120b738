package ticketing

import (
	"cmp"
	"time"
)

// position says where a message stands among all messages about one record.
// It is a total order, so that the newest is the same one whatever the order of
// arrival: by version, then by the time of the change, then by the hash of the
// content. An absent version is older than any version, an absent time older
// than any time.
type position struct {
	version    *int64
	modifiedAt *time.Time
	hash       string
}

// deletionHash stands above every hexadecimal hash: of a description and a
// deletion at the same position the deletion holds.
const deletionHash = "~"

func (p position) compare(q position) int {
	if c := compareOptional(p.version, q.version, cmp.Compare[int64]); c != 0 {
		return c
	}
	if c := compareOptional(p.modifiedAt, q.modifiedAt, time.Time.Compare); c != 0 {
		return c
	}
	return cmp.Compare(p.hash, q.hash)
}

func compareOptional[T any](a, b *T, compare func(T, T) int) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return compare(*a, *b)
}

// contentPosition is the position of the newest description, nil before any.
func contentPosition(r *Record) *position {
	if r.ContentHash == nil {
		return nil
	}
	return &position{r.ContentVersion, r.ContentModifiedAt, *r.ContentHash}
}

func deletionPosition(r *Record) *position {
	if r.DeletionVersion == nil && r.DeletionModifiedAt == nil {
		return nil
	}
	return &position{r.DeletionVersion, r.DeletionModifiedAt, deletionHash}
}

// settleDeleted derives whether the record is deleted.
func settleDeleted(r *Record) {
	content, deletion := contentPosition(r), deletionPosition(r)
	r.Deleted = deletion != nil && (content == nil || deletion.compare(*content) > 0)
}

func sameTime(a, b *time.Time) bool {
	return a == nil && b == nil || a != nil && b != nil && a.Equal(*b)
}
