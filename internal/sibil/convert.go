package sibil

import (
	"encoding/json"
	"time"

	"github.com/oapi-codegen/runtime/types"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/web"
)

func settingsToAPI(s Settings) api.SibilSettings {
	var created, updated *time.Time
	if s.Version > 0 {
		created, updated = &s.CreatedAt, &s.UpdatedAt
	}
	return api.SibilSettings{
		Object: api.SibilSettingsObjectSibilSettings, BaseURL: web.Nullable(s.BaseURL), Username: web.Nullable(s.Username), HasPassword: s.Password != nil,
		MultipleManagers: s.MultipleManagers, Registers: s.Registers, DomainLabels: s.Labels, IsEnabled: s.IsEnabled,
		CreatedAt: web.Nullable(created), UpdatedAt: web.Nullable(updated), Version: s.Version,
	}
}

func patchFromAPI(p api.SibilSettingsPatch) SettingsPatch {
	return SettingsPatch{
		BaseURL: p.BaseURL, Username: p.Username, Password: p.Password, MultipleManagers: p.MultipleManagers, Registers: p.Registers, IsEnabled: p.IsEnabled,
		DomainLabels: p.DomainLabels,
	}
}

func summaryToAPI(s Summary) api.SibilQuarter {
	return api.SibilQuarter{
		Object: api.SibilQuarterObjectSibilQuarter, Quarter: s.Quarter.String(), StartsOn: types.Date{Time: s.Quarter.First()}, EndsOn: types.Date{Time: s.Quarter.After().AddDate(0, 0, -1)},
		DueBefore: types.Date{Time: s.Quarter.DueBefore()}, IsClosed: s.Closed, IsReady: s.Ready(), Declarations: s.Declarations, BlockedDeclarations: s.Blocked, BlockingAnomalies: s.Blocking,
		Anomalies: web.Map(s.Anomalies, func(c AnomalyCount) api.SibilAnomalyCount {
			return api.SibilAnomalyCount{Code: c.Code, IsBlocking: c.Blocking, Declarations: c.Declarations}
		}),
		Undeclared: s.Undeclared, Declared: s.Declared, Changed: s.Changed, Obsolete: s.Obsolete, Tickets: s.Tickets, PaidTickets: s.Paid, ExemptTickets: s.Tickets - s.Paid,
		Revenue: amount(s.Revenue), SpreadRefunds: amount(s.Spread), Currency: api.SibilQuarterCurrencyEUR,
	}
}

func declarationToAPI(d Declaration) api.SibilDeclaration {
	return api.SibilDeclaration{
		ID: d.ID, Object: api.SibilDeclarationObjectSibilDeclaration, Quarter: d.Quarter.String(), ExternalKey: d.Statement.Key, Source: d.Source, ExternalID: d.ExternalID,
		StartsAt: *d.StartsAt, LocalStart: d.LocalStart().Format("2006-01-02T15:04"), TimeZone: d.TimeZone, Title: web.Nullable(d.Title), Domain: web.Nullable(d.Label),
		YoungAudience: d.YoungAudience, VenueID: web.Nullable(d.VenueID), VenueName: web.Nullable(present(d.Venue.Name)), VenueStreet: web.Nullable(present(d.Venue.Street)),
		VenuePostalCode: web.Nullable(present(d.Venue.PostalCode)), VenueCity: web.Nullable(present(d.Venue.City)), VenueSiret: web.Nullable(present(d.Venue.SIRET)),
		VenueType: web.Nullable(present(d.Venue.Type)), Capacity: web.Nullable(d.Capacity),
		Tickets: d.Tickets, PaidTickets: d.Paid, FullPriceTickets: d.FullPrice, ReducedTickets: d.Paid - d.FullPrice - d.Subscription, SubscriptionTickets: d.Subscription,
		ExemptTickets: d.Tickets - d.Paid, Revenue: amount(d.Revenue), FullPriceRevenue: amount(d.FullRevenue), ReducedRevenue: amount(d.Revenue - d.FullRevenue - d.SubscriptionRevenue),
		SubscriptionRevenue: amount(d.SubscriptionRevenue), AveragePrice: amount(d.Statement.Average), FullPriceAverage: amount(d.Statement.FullAverage), SpreadRefunds: amount(d.Spread),
		Currency: api.SibilDeclarationCurrencyEUR, BlockingAnomalies: int32(d.Blocking()), Anomalies: web.Map(d.Anomalies, anomalyToAPI), Status: d.Status,
		SibilID: web.Nullable(d.SibilID), DeclaredAt: web.Nullable(d.DeclaredAt),
	}
}

func anomalyToAPI(a Anomaly) api.SibilAnomaly {
	return api.SibilAnomaly{Code: a.Code, IsBlocking: a.Blocking, Fields: append([]string{}, a.Fields...), Count: a.Count}
}

func submissionToAPI(s Submission) api.SibilSubmission {
	return api.SibilSubmission{
		ID: s.ID, Object: api.SibilSubmissionObjectSibilSubmission, Quarter: s.Quarter, OperationID: s.OperationID, Status: s.Status, ProblemCode: web.Nullable(problemCode(s)),
		Declarations: s.Declarations, Pending: s.Pending, Created: s.Created, Updated: s.Updated, Unchanged: s.Unchanged, Duplicate: s.Duplicate, Rejected: s.Rejected,
		CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt, FinishedAt: web.Nullable(finishedAt(s)), Version: s.Version,
	}
}

func withResultsToAPI(s Submission, results []Result) api.SibilSubmissionWithResults {
	return api.SibilSubmissionWithResults{
		ID: s.ID, Object: api.SibilSubmissionWithResultsObjectSibilSubmission, Quarter: s.Quarter, OperationID: s.OperationID, Status: s.Status, ProblemCode: web.Nullable(problemCode(s)),
		Declarations: s.Declarations, Pending: s.Pending, Created: s.Created, Updated: s.Updated, Unchanged: s.Unchanged, Duplicate: s.Duplicate, Rejected: s.Rejected,
		CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt, FinishedAt: web.Nullable(finishedAt(s)), Version: s.Version,
		Results: web.Map(results, func(r Result) api.SibilResult {
			return api.SibilResult{
				PerformanceID: r.PerformanceID, ExternalKey: r.ExternalKey, Status: r.Status, SibilID: web.Nullable(r.SibilID), Detail: web.Nullable(r.Detail), AnsweredAt: web.Nullable(r.AnsweredAt),
			}
		}),
	}
}

// finishedAt is when a submission ended: by itself, or with its operation, which
// may have failed, or been cancelled before it began. Work that had not ended when
// the institution moved here left no operation, and does not go on.
func finishedAt(s Submission) *time.Time {
	switch {
	case s.FinishedAt != nil:
		return s.FinishedAt
	case s.EndedAt == nil && s.Status == "failed":
		return &s.UpdatedAt
	}
	return s.EndedAt
}

// problemCode is why the operation of a submission failed.
func problemCode(s Submission) *string {
	var p struct {
		Code string `json:"code"`
	}
	if s.Problem == nil || json.Unmarshal(s.Problem, &p) != nil {
		return nil
	}
	return present(p.Code)
}

func present(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
