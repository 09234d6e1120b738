package register

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/register/internal/registerdb"
	"github.com/parvis-crm/parvis/internal/web"
)

// Purpose is a purpose as the register lists it.
type Purpose struct {
	ID                     uuid.UUID
	Code, Name, LegalBasis string
	Archived               bool
}

// Servant is something that is configured and handles personal data.
type Servant struct{ Kind, ID, Name string }

// Entry is an activity with what it rests on, what serves it, and what art. 30
// asks for and nobody wrote down.
type Entry struct {
	Activity
	Purposes []Purpose
	ServedBy []Servant
	Gaps     []string
}

// Document is the register at an instant.
type Document struct {
	Institution string
	At          time.Time
	Entries     []Entry
	// Unassigned serves no activity in force; Idle are purposes of none.
	Unassigned []Servant
	Idle       []Purpose
}

// Render makes the register from what is configured now, so that it cannot say
// anything else than what is done.
func (s *Service) Render(ctx context.Context) (Document, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Document{}, err
	}
	d := Document{At: s.clock.Now()}
	err = pg.Snapshot(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		if d.Institution, err = s.q.InstitutionName(ctx, tx, actor.Tenant); err != nil {
			return err
		}
		purposes, err := s.q.ListRegisteredPurposes(ctx, tx, actor.Tenant)
		if err != nil {
			return err
		}
		servants, err := s.q.ListServants(ctx, tx, actor.Tenant)
		if err != nil {
			return err
		}
		rows, err := s.q.ListAllActivities(ctx, tx, actor.Tenant)
		if err != nil {
			return err
		}
		activities, err := s.all(ctx, tx, actor.Tenant, rows)
		if err != nil {
			return err
		}
		d.fill(activities, purposes, servants, s.mailHost)
		return nil
	})
	return d, err
}

func (d *Document) fill(activities []Activity, purposes []registerdb.ListRegisteredPurposesRow, servants []registerdb.ListServantsRow, mailHost string) {
	served := map[Servant]bool{}
	pursued := map[uuid.UUID]bool{}
	for _, a := range activities {
		e := Entry{Activity: a, Purposes: []Purpose{}, ServedBy: []Servant{}}
		for _, p := range purposes {
			if slices.Contains(a.PurposeIDs, p.ID) {
				e.Purposes = append(e.Purposes, purposeOf(p))
				pursued[p.ID] = pursued[p.ID] || a.Status == Active
			}
		}
		for _, v := range servants {
			servant := Servant{v.Kind, v.ID, shown(v.Kind, v.Name)}
			if a.serves(v, e.Purposes) {
				e.ServedBy = append(e.ServedBy, servant)
				served[servant] = served[servant] || a.Status == Active
			}
		}
		if mailHost != "" && a.SendsMail {
			e.ServedBy = append(e.ServedBy, Servant{"mail_host", mailHost, mailHost})
			served[Servant{"mail_host", mailHost, mailHost}] = a.Status == Active || served[Servant{"mail_host", mailHost, mailHost}]
		}
		e.Gaps = e.gaps()
		d.Entries = append(d.Entries, e)
	}
	for _, v := range servants {
		if servant := (Servant{v.Kind, v.ID, shown(v.Kind, v.Name)}); !served[servant] {
			d.Unassigned = append(d.Unassigned, servant)
		}
	}
	if host := (Servant{"mail_host", mailHost, mailHost}); mailHost != "" && !served[host] {
		d.Unassigned = append(d.Unassigned, host)
	}
	for _, p := range purposes {
		if !pursued[p.ID] && p.ArchivedAt == nil {
			d.Idle = append(d.Idle, purposeOf(p))
		}
	}
}

// shown leaves out of an address what may be a secret: a credential, a path
// that nobody is to guess.
func shown(kind, name string) string {
	if kind != "webhook_endpoint" {
		return name
	}
	u, err := url.Parse(name)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

func purposeOf(p registerdb.ListRegisteredPurposesRow) Purpose {
	return Purpose{ID: p.ID, Code: p.Code, Name: p.Name, LegalBasis: p.LegalBasis, Archived: p.ArchivedAt != nil}
}

// serves reports whether something handles data for an activity: because it is
// named there, or because it names a purpose of it.
func (a Activity) serves(v registerdb.ListServantsRow, purposes []Purpose) bool {
	switch v.Kind {
	case "ticketing_source":
		return slices.Contains(a.SourceCodes, v.ID)
	case "webhook_endpoint":
		return slices.ContainsFunc(a.WebhookEndpointIds, func(id uuid.UUID) bool { return id.String() == v.ID })
	}
	return slices.ContainsFunc(purposes, func(p Purpose) bool { return slices.Contains(v.Purposes, p.Code) })
}

// gaps are what art. 30(1) asks of a controller, and art. 30(2) of a processor,
// and is empty.
func (e Entry) gaps() []string {
	out := []string{}
	missing := func(pointer string, is bool) {
		if is {
			out = append(out, pointer)
		}
	}
	party := func(role string) bool {
		return slices.ContainsFunc(e.Parties, func(p Party) bool { return p.Role == role && (p.Email != "" || p.Phone != "" || p.Address != "") })
	}
	missing("/parties/controller", !party("controller"))
	missing("/parties/dpo", !party("dpo"))
	missing("/security_measures", len(e.SecurityMeasures) == 0)
	if e.Role == Processor {
		missing("/parties/processor", !party("processor"))
		missing("/data_categories", len(e.DataCategories) == 0 && len(e.FieldClasses) == 0)
	} else {
		missing("/purpose_ids", len(e.Purposes) == 0)
		missing("/person_categories", len(e.PersonCategories) == 0)
		missing("/field_classes", len(e.FieldClasses) == 0)
		missing("/recipients", len(e.Recipients) == 0)
		missing("/retention", len(e.Retention) == 0)
	}
	for _, r := range e.Recipients {
		missing("/recipients/"+r.Name+"/safeguards", r.Country != "" && !inEEA(r.Country) && r.Safeguards == "")
	}
	for _, p := range e.Processors {
		missing("/processors/"+p.Name+"/country", p.Country == "")
	}
	return out
}

// inEEA: the countries between which personal data moves freely.
func inEEA(country string) bool {
	const eea = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK"
	return slices.Contains(strings.Fields(eea), country)
}

// Table is the register as a sheet: one row an activity.
func (d *Document) Table() [][]string {
	out := [][]string{{
		"register", "code", "name", "status", "version", "description", "parties", "purposes_and_legal_bases", "person_categories", "field_classes", "data_categories",
		"recipients", "retention", "security_measures", "processors", "served_by", "gaps",
	}}
	join := func(parts []string) string { return strings.Join(parts, "\n") }
	for _, e := range d.Entries {
		out = append(out, []string{
			e.Role, e.Code, e.Name, e.Status, decimal(e.Version), deref(e.Description),
			join(web.Map(e.Parties, func(p Party) string { return p.Role + ": " + words(", ", p.Name, p.Address, p.Email, p.Phone) })),
			join(web.Map(e.Purposes, func(p Purpose) string { return p.Name + " (" + p.Code + "): " + p.LegalBasis })),
			join(e.PersonCategories), join(e.FieldClasses), join(e.DataCategories),
			join(web.Map(e.Recipients, func(r Recipient) string { return words(", ", r.Name, r.Country, r.Safeguards) })),
			join(web.Map(e.Retention, func(r Retention) string { return r.What + ": " + r.Period })),
			join(e.SecurityMeasures),
			join(web.Map(e.Processors, func(p ProcessorOf) string { return words(", ", p.Name, p.Service, p.Country, p.OwnerCountry) })),
			join(web.Map(e.ServedBy, func(v Servant) string { return v.Kind + ": " + v.Name })),
			join(e.Gaps),
		})
	}
	for _, v := range d.Unassigned {
		row := make([]string, len(out[0]))
		row[0], row[2], row[15], row[16] = "unassigned", v.Name, v.Kind+": "+v.Name, "/activity"
		out = append(out, row)
	}
	for _, p := range d.Idle {
		row := make([]string, len(out[0]))
		row[0], row[1], row[2], row[7], row[16] = "purpose", p.Code, p.Name, p.LegalBasis, "/activity"
		out = append(out, row)
	}
	return out
}
