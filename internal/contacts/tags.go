package contacts

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/fault"
)

// grantable are the tags with these ids, held so that nobody archives or merges
// them meanwhile. Unknown and archived ones are refused at pointer.
func (s *Service) grantable(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, tagIDs []uuid.UUID, pointer string) ([]Tag, error) {
	if len(tagIDs) == 0 {
		return nil, nil
	}
	tags, err := s.q.ShareTags(ctx, tx, tenant, tagIDs)
	if err != nil {
		return nil, err
	}
	refused := fault.Invalid()
	for i, id := range tagIDs {
		at := slices.IndexFunc(tags, func(t Tag) bool { return t.ID == id })
		switch {
		case at < 0:
			refused.At(fmt.Sprintf("%s/%d", pointer, i), "unknown-reference")
		case tags[at].ArchivedAt != nil || tags[at].MergedInto != nil:
			refused.At(fmt.Sprintf("%s/%d", pointer, i), "archived-tag")
		}
	}
	return tags, refused.OrNil()
}
