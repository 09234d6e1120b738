package privacy

import (
	"maps"
	"slices"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/privacy/internal/privacydb"
	"github.com/parvis-crm/parvis/internal/web"
)

// why says why something stays, by what it is.
func why(kind string) string {
	switch kind {
	case theConsents:
		return "proof"
	case theNames:
		return "no_return"
	case theOppositions:
		return "opposition"
	}
	return "accounting"
}

func toAPI(e Erasure) api.ContactErasure {
	out := api.ContactErasure{
		ID: e.ID, Object: api.ContactErasureObjectContactErasure, ContactID: e.ContactID, ErasedAt: e.ErasedAt, Reason: e.Reason, InstructionReference: e.InstructionReference,
		Erased: []api.ErasureCount{}, Kept: []api.ErasureKept{}, Sources: web.Map(e.Notices, toNotice),
	}
	out.Actor.Kind, out.Actor.ID = e.ActorKind, e.ActorID
	for _, kind := range slices.Sorted(maps.Keys(e.Erased)) {
		if n := e.Erased[kind]; n > 0 {
			out.Erased = append(out.Erased, api.ErasureCount{Kind: kind, Count: n})
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(e.Kept)) {
		if n := e.Kept[kind]; n > 0 {
			out.Kept = append(out.Kept, api.ErasureKept{Kind: kind, Count: n, Reason: why(kind)})
		}
	}
	return out
}

func toNotice(n privacydb.ListNoticesRow) api.ErasureNotice {
	return api.ErasureNotice{SourceID: n.SourceID, SourceCode: n.SourceCode, Status: n.Status, Code: web.Nullable(n.Code), CommandID: web.Nullable(n.CommandID), UpdatedAt: n.UpdatedAt}
}
