package ticketing

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
	"github.com/parvis-crm/parvis/internal/web"
)

func idOf(n nullable.Nullable[uuid.UUID]) *uuid.UUID {
	if v, err := n.Get(); err == nil {
		return &v
	}
	return nil
}

func evidenceToAPI(ctx context.Context, codes []string) []api.MatchEvidence {
	return web.Map(codes, func(code string) api.MatchEvidence {
		return api.MatchEvidence{Code: code, Text: evidenceText(web.Language(ctx), code)}
	})
}

func orderMatchToAPI(ctx context.Context, o Order, review *uuid.UUID) api.OrderMatch {
	lang := web.Language(ctx)
	out := api.OrderMatch{
		OrderID: o.ID, ContactID: web.Nullable(o.ContactID), Rule: web.Nullable(o.MatchRule), Confidence: web.Nullable(o.MatchScore), InputsDigest: web.Nullable(o.MatchInputs),
		MatchedAt: web.Nullable(o.MatchedAt), Evidence: evidenceToAPI(ctx, o.MatchEvidence), Explanation: explain(lang, or(o.MatchRule, "anonymous"), o.MatchScore, o.MatchEvidence),
		ReviewID: web.Nullable(review), Holders: []api.HolderMatch{},
	}
	for _, l := range o.Lines {
		if l.HolderRule == nil {
			continue
		}
		out.Holders = append(out.Holders, api.HolderMatch{
			TicketID: l.TicketID, ExternalID: l.ExternalID, ContactID: web.Nullable(l.HolderContactID), Rule: *l.HolderRule, Confidence: web.Nullable(l.HolderScore),
			InputsDigest: web.Nullable(l.HolderInputs), Evidence: evidenceToAPI(ctx, l.HolderEvidence), Explanation: explain(lang, *l.HolderRule, l.HolderScore, l.HolderEvidence),
		})
	}
	return out
}

func reviewToAPI(ctx context.Context, r Review) api.MatchReview {
	return api.MatchReview{
		ID: r.ID, Object: api.MatchReviewObjectMatchReview, SourceID: r.SourceID, SubjectKind: r.SubjectKind, SubjectID: r.SubjectID, Reason: r.Reason, Score: r.Score, Status: r.Status,
		ContactID: web.Nullable(r.ContactID), DecisionID: web.Nullable(r.DecisionID), Person: object(r.Person),
		Candidates: web.Map(r.Candidates, func(c ticketingdb.FindCandidatesRow) api.MatchCandidate {
			return api.MatchCandidate{ContactID: c.ContactID, DisplayName: c.DisplayName, Score: c.Score, Rule: c.Rule, Evidence: evidenceToAPI(ctx, c.Evidence),
				Explanation: explain(web.Language(ctx), c.Rule, &c.Score, c.Evidence)}
		}),
		Orders: web.Map(r.Orders, func(o ticketingdb.FindOrdersOfReviewRow) api.MatchReviewOrder {
			return api.MatchReviewOrder{ID: o.ID, Number: web.Nullable(o.Number)}
		}),
		DecidedAt: web.Nullable(r.DecidedAt), CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, Version: r.Version,
	}
}

func answersToAPI(ctx context.Context, named []uuid.UUID, problems []error) api.MatchReviewResults {
	out := api.MatchReviewResults{Results: make([]api.MatchReviewResult, 0, len(named))}
	for i, id := range named {
		r := api.MatchReviewResult{Index: int32(i), ReviewID: id, Status: "decided", Problem: nullable.NewNullNullable[api.Problem]()}
		if f, ok := fault.As(problems[i]); ok {
			raw, err := json.Marshal(web.Problem(ctx, f))
			var p api.Problem
			if err == nil && json.Unmarshal(raw, &p) == nil {
				r.Problem = nullable.NewNullableWithValue(p)
			}
			r.Status = "failed"
		}
		out.Results = append(out.Results, r)
	}
	return out
}

func decisionToAPI(d Decision) api.MatchDecision {
	out := api.MatchDecision{
		ID: d.ID, Object: api.MatchDecisionObjectMatchDecision, Scope: d.Scope, Action: d.Action, ContactID: web.Nullable(d.ContactID), Origin: d.Origin, ReviewID: web.Nullable(d.ReviewID),
		OrderID: web.Nullable(d.OrderID), RevertsID: web.Nullable(d.Reverts), Reason: web.Nullable(d.Reason), DecidedAt: d.DecidedAt,
		SubjectID: nullable.NewNullNullable[uuid.UUID](), InputsDigest: nullable.NewNullNullable[string](),
	}
	out.Actor.Kind, out.Actor.ID = d.ActorKind, d.ActorID
	if id, err := uuid.Parse(d.Key); err == nil && d.Scope != scopeInputs {
		out.SubjectID = nullable.NewNullableWithValue(id)
	} else {
		out.InputsDigest = nullable.NewNullableWithValue(d.Key)
	}
	return out
}

func proposalToAPI(p Proposal) api.HouseholdProposal {
	return api.HouseholdProposal{
		ID: p.ID, Object: api.HouseholdProposalObjectHouseholdProposal, ContactID: p.ContactID, OtherContactID: p.OtherID, Reason: p.Reason, OrderID: web.Nullable(p.OrderID), Status: p.Status,
		DecidedAt: web.Nullable(p.DecidedAt), CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt, Version: p.Version,
	}
}

func mailboxToAPI(m Mailbox) api.GenericMailbox {
	return api.GenericMailbox{Mailbox: m.Pattern, Object: api.GenericMailboxObjectGenericMailbox, IsGeneric: m.IsGeneric, Origin: m.Origin, Reason: web.Nullable(m.Note), CreatedAt: m.CreatedAt, UpdatedAt: m.UpdatedAt}
}

func profileToAPI(p Profile) api.ContactProfile {
	return api.ContactProfile{
		ContactID: p.ID, Kind: p.Kind, DisplayName: p.DisplayName, GivenName: web.Nullable(p.GivenName), FamilyName: web.Nullable(p.FamilyName), PostalCode: web.Nullable(p.PostalCode),
		IsArchived: p.ArchivedAt != nil, IsMinor: web.Nullable(p.Minor), HasBought: p.LastOrderAt != nil, LastOrderAt: web.Nullable(p.LastOrderAt),
	}
}
