package ticketing

import (
	"context"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/web"
)

var _ api.MatchingOperations = (*Handlers)(nil)

// ExplainOrderMatch implements GET /v1/ticketing/orders/{order_id}/match.
func (h *Handlers) ExplainOrderMatch(ctx context.Context, r api.ExplainOrderMatchRequestObject) (api.ExplainOrderMatchResponseObject, error) {
	o, review, err := h.service.Explain(ctx, r.OrderID)
	if err != nil {
		return nil, err
	}
	return api.ExplainOrderMatch200JSONResponse(orderMatchToAPI(ctx, o, review)), nil
}

// RelinkOrder implements POST /v1/ticketing/orders/{order_id}/relink.
func (h *Handlers) RelinkOrder(ctx context.Context, r api.RelinkOrderRequestObject) (api.RelinkOrderResponseObject, error) {
	want, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	o, err := h.service.RelinkOrder(ctx, r.OrderID, idOf(r.Body.ContactID), r.Body.Reason, want)
	if err != nil {
		return nil, err
	}
	return api.RelinkOrder200JSONResponse{Body: orderToAPI(o), Headers: api.RelinkOrder200ResponseHeaders{ETag: web.ETag(o.Version)}}, nil
}

// RelinkTicket implements POST /v1/ticketing/orders/{order_id}/tickets/{ticket_id}/relink.
func (h *Handlers) RelinkTicket(ctx context.Context, r api.RelinkTicketRequestObject) (api.RelinkTicketResponseObject, error) {
	want, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	o, err := h.service.RelinkTicket(ctx, r.OrderID, r.TicketID, idOf(r.Body.ContactID), r.Body.Reason, want)
	if err != nil {
		return nil, err
	}
	return api.RelinkTicket200JSONResponse{Body: orderToAPI(o), Headers: api.RelinkTicket200ResponseHeaders{ETag: web.ETag(o.Version)}}, nil
}

// ClaimOrder implements POST /v1/ticketing/order-claims.
func (h *Handlers) ClaimOrder(ctx context.Context, r api.ClaimOrderRequestObject) (api.ClaimOrderResponseObject, error) {
	proof := r.Body.Proof
	o, err := h.service.ClaimOrder(ctx, Claim{Source: r.Body.Source, Number: r.Body.OrderNumber, ContactID: r.Body.ContactID, Secret: proof.Secret, Email: proof.Email, Reason: proof.Reason})
	if err != nil {
		return nil, err
	}
	return api.ClaimOrder200JSONResponse{Body: orderToAPI(o), Headers: api.ClaimOrder200ResponseHeaders{ETag: web.ETag(o.Version)}}, nil
}

// ListMatchReviews implements GET /v1/ticketing/reviews.
func (h *Handlers) ListMatchReviews(ctx context.Context, r api.ListMatchReviewsRequestObject) (api.ListMatchReviewsResponseObject, error) {
	f := ReviewFilter{Status: plainText(r.Params.Status), Source: r.Params.Source}
	walk := walkOf("match-reviews", f, r.Params.Fields)
	var after uuid.UUID
	if _, err := h.cursors.Decode(r.Params.Cursor, walk, &after); err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.ListReviews(ctx, f, after, limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(r Review) any { return r.ID })
	return api.ListMatchReviews200JSONResponse{
		Body:    api.MatchReviewList{Data: web.Map(page.Items, func(r Review) api.MatchReview { return reviewToAPI(ctx, r) }), NextCursor: page.Next},
		Headers: api.ListMatchReviews200ResponseHeaders{Link: page.Link(ctx)},
	}, err
}

// GetMatchReview implements GET /v1/ticketing/reviews/{review_id}.
func (h *Handlers) GetMatchReview(ctx context.Context, r api.GetMatchReviewRequestObject) (api.GetMatchReviewResponseObject, error) {
	review, err := h.service.GetReview(ctx, r.ReviewID)
	if err != nil {
		return nil, err
	}
	return api.GetMatchReview200JSONResponse{Body: reviewToAPI(ctx, review), Headers: api.GetMatchReview200ResponseHeaders{ETag: web.ETag(review.Version)}}, nil
}

// DecideMatchReview implements POST /v1/ticketing/reviews/{review_id}/decide.
func (h *Handlers) DecideMatchReview(ctx context.Context, r api.DecideMatchReviewRequestObject) (api.DecideMatchReviewResponseObject, error) {
	want, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	review, err := h.service.DecideReview(ctx, r.ReviewID, Answer{Action: string(r.Body.Action), ContactID: r.Body.ContactID, Reason: r.Body.Reason}, want)
	if err != nil {
		return nil, err
	}
	return api.DecideMatchReview200JSONResponse{Body: reviewToAPI(ctx, review), Headers: api.DecideMatchReview200ResponseHeaders{ETag: web.ETag(review.Version)}}, nil
}

// DecideMatchReviews implements POST /v1/ticketing/reviews/decide.
func (h *Handlers) DecideMatchReviews(ctx context.Context, r api.DecideMatchReviewsRequestObject) (api.DecideMatchReviewsResponseObject, error) {
	var named []uuid.UUID
	var answers []Answer
	for i, a := range r.Body.Answers {
		named, answers = append(named, a.ReviewID), append(answers, Answer{Action: string(a.Action), ContactID: a.ContactID, Reason: a.Reason, Refused: web.RefusedItem(ctx, i)})
	}
	problems, err := h.service.DecideReviews(ctx, named, answers)
	if err != nil {
		return nil, err
	}
	return api.DecideMatchReviews207JSONResponse(answersToAPI(ctx, named, problems)), nil
}

// ListMatchDecisions implements GET /v1/ticketing/decisions.
func (h *Handlers) ListMatchDecisions(ctx context.Context, r api.ListMatchDecisionsRequestObject) (api.ListMatchDecisionsResponseObject, error) {
	walk := walkOf("match-decisions", r.Params.OrderID, r.Params.Fields)
	var before uuid.UUID
	resumed, err := h.cursors.Decode(r.Params.Cursor, walk, &before)
	if err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.ListDecisions(ctx, r.Params.OrderID, web.If(resumed, &before), limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(d Decision) any { return d.ID })
	return api.ListMatchDecisions200JSONResponse{
		Body:    api.MatchDecisionList{Data: web.Map(page.Items, decisionToAPI), NextCursor: page.Next},
		Headers: api.ListMatchDecisions200ResponseHeaders{Link: page.Link(ctx)},
	}, err
}

// RevertMatchDecision implements POST /v1/ticketing/decisions/{decision_id}/revert.
func (h *Handlers) RevertMatchDecision(ctx context.Context, r api.RevertMatchDecisionRequestObject) (api.RevertMatchDecisionResponseObject, error) {
	d, err := h.service.RevertDecision(ctx, r.DecisionID, r.Body.Reason)
	if err != nil {
		return nil, err
	}
	return api.RevertMatchDecision200JSONResponse(decisionToAPI(d)), nil
}

// ListHouseholdProposals implements GET /v1/ticketing/household-proposals.
func (h *Handlers) ListHouseholdProposals(ctx context.Context, r api.ListHouseholdProposalsRequestObject) (api.ListHouseholdProposalsResponseObject, error) {
	walk := walkOf("household-proposals", r.Params.Status, r.Params.ContactID, r.Params.Fields)
	var after uuid.UUID
	if _, err := h.cursors.Decode(r.Params.Cursor, walk, &after); err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.ListProposals(ctx, plainText(r.Params.Status), r.Params.ContactID, after, limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(p Proposal) any { return p.ID })
	return api.ListHouseholdProposals200JSONResponse{
		Body:    api.HouseholdProposalList{Data: web.Map(page.Items, proposalToAPI), NextCursor: page.Next},
		Headers: api.ListHouseholdProposals200ResponseHeaders{Link: page.Link(ctx)},
	}, err
}

// DecideHouseholdProposal implements POST /v1/ticketing/household-proposals/{household_proposal_id}/decide.
func (h *Handlers) DecideHouseholdProposal(ctx context.Context, r api.DecideHouseholdProposalRequestObject) (api.DecideHouseholdProposalResponseObject, error) {
	want, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	p, err := h.service.DecideProposal(ctx, r.HouseholdProposalID, string(r.Body.Status), want)
	if err != nil {
		return nil, err
	}
	return api.DecideHouseholdProposal200JSONResponse{Body: proposalToAPI(p), Headers: api.DecideHouseholdProposal200ResponseHeaders{ETag: web.ETag(p.Version)}}, nil
}

// ListGenericMailboxes implements GET /v1/ticketing/mailboxes.
func (h *Handlers) ListGenericMailboxes(ctx context.Context, r api.ListGenericMailboxesRequestObject) (api.ListGenericMailboxesResponseObject, error) {
	walk := walkOf("generic-mailboxes", r.Params.Fields)
	var after string
	if _, err := h.cursors.Decode(r.Params.Cursor, walk, &after); err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.ListMailboxes(ctx, after, limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(m Mailbox) any { return m.Pattern })
	return api.ListGenericMailboxes200JSONResponse{
		Body:    api.GenericMailboxList{Data: web.Map(page.Items, mailboxToAPI), NextCursor: page.Next},
		Headers: api.ListGenericMailboxes200ResponseHeaders{Link: page.Link(ctx)},
	}, err
}

// PutGenericMailbox implements PUT /v1/ticketing/mailboxes/{mailbox}.
func (h *Handlers) PutGenericMailbox(ctx context.Context, r api.PutGenericMailboxRequestObject) (api.PutGenericMailboxResponseObject, error) {
	m, err := h.service.SayMailbox(ctx, r.Mailbox, r.Body.IsGeneric, r.Body.Reason)
	if err != nil {
		return nil, err
	}
	return api.PutGenericMailbox200JSONResponse(mailboxToAPI(m)), nil
}

// DeleteGenericMailbox implements DELETE /v1/ticketing/mailboxes/{mailbox}.
func (h *Handlers) DeleteGenericMailbox(ctx context.Context, r api.DeleteGenericMailboxRequestObject) (api.DeleteGenericMailboxResponseObject, error) {
	return api.DeleteGenericMailbox204Response{}, h.service.ForgetMailbox(ctx, r.Mailbox)
}

// LookupContacts implements POST /v1/contacts/lookup.
func (h *Handlers) LookupContacts(ctx context.Context, r api.LookupContactsRequestObject) (api.LookupContactsResponseObject, error) {
	by := Lookup{Email: r.Body.Email, Phone: r.Body.Phone, Card: r.Body.CardNumber}
	if ref := r.Body.ExternalRef; ref != nil {
		by.Source, by.ExternalID = ref.Source, ref.ExternalID
	}
	on, found, err := h.service.LookUp(ctx, by)
	if err != nil {
		return nil, err
	}
	return api.LookupContacts200JSONResponse{MatchedOn: on, Data: web.Map(found, profileToAPI)}, nil
}
