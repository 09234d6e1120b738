package register

import (
	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/register/internal/registerdb"
	"github.com/parvis-crm/parvis/internal/web"
)

func toAPI(a Activity) api.ProcessingActivity {
	return api.ProcessingActivity{
		ID: a.ID, Object: api.ProcessingActivityObjectProcessingActivity, Code: a.Code, Name: a.Name, Role: a.Role, Status: a.Status,
		Description: web.Nullable(a.Description), PurposeIds: listOf(a.PurposeIDs), Parties: web.Map(a.Parties, partyToAPI),
		PersonCategories: listOf(a.PersonCategories), FieldClasses: listOf(a.FieldClasses), DataCategories: listOf(a.DataCategories),
		Recipients: web.Map(a.Recipients, recipientToAPI), Retention: web.Map(a.Retention, func(r Retention) api.ProcessingRetention {
			return api.ProcessingRetention{What: r.What, Period: r.Period}
		}),
		SecurityMeasures: listOf(a.SecurityMeasures), Processors: web.Map(a.Processors, processorToAPI), SourceCodes: listOf(a.SourceCodes),
		WebhookEndpointIds: listOf(a.WebhookEndpointIds), SendsMail: a.SendsMail, CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt, Version: a.Version,
	}
}

func partyToAPI(p Party) api.ProcessingParty {
	return api.ProcessingParty{Role: api.ProcessingPartyRole(p.Role), Name: p.Name, Address: said(p.Address), Email: said(p.Email), Phone: said(p.Phone)}
}

func partyOf(p api.ProcessingParty) Party {
	return Party{Role: string(p.Role), Name: p.Name, Address: deref(p.Address), Email: deref(p.Email), Phone: deref(p.Phone)}
}

func recipientToAPI(r Recipient) api.ProcessingRecipient {
	return api.ProcessingRecipient{Name: r.Name, Country: said(r.Country), Safeguards: said(r.Safeguards)}
}

func recipientOf(r api.ProcessingRecipient) Recipient {
	return Recipient{Name: r.Name, Country: deref(r.Country), Safeguards: deref(r.Safeguards)}
}

func processorToAPI(p ProcessorOf) api.ProcessingProcessor {
	return api.ProcessingProcessor{Name: p.Name, Service: p.Service, Country: said(p.Country), OwnerCountry: said(p.OwnerCountry)}
}

func processorOf(p api.ProcessingProcessor) ProcessorOf {
	return ProcessorOf{Name: p.Name, Service: p.Service, Country: deref(p.Country), OwnerCountry: deref(p.OwnerCountry)}
}

func retentionOf(r api.ProcessingRetention) Retention {
	return Retention{What: r.What, Period: r.Period}
}

// said is nil where nothing was.
func said(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func created(b api.ProcessingActivityCreate) Activity {
	a := Activity{
		ProcessingActivity: registerdb.ProcessingActivity{
			Code: b.Code, Name: b.Name, Role: Controller, Status: Draft, Description: b.Description, PersonCategories: b.PersonCategories,
			FieldClasses: b.FieldClasses, DataCategories: b.DataCategories, SecurityMeasures: b.SecurityMeasures, SourceCodes: b.SourceCodes,
			WebhookEndpointIds: b.WebhookEndpointIds,
		},
		PurposeIDs: b.PurposeIds, Parties: web.Map(b.Parties, partyOf), Recipients: web.Map(b.Recipients, recipientOf),
		Retention: web.Map(b.Retention, retentionOf), Processors: web.Map(b.Processors, processorOf),
	}
	if b.Role != nil {
		a.Role = string(*b.Role)
	}
	if b.Status != nil {
		a.Status = string(*b.Status)
	}
	if b.SendsMail != nil {
		a.SendsMail = *b.SendsMail
	}
	return a
}

// changed carries a merge patch over: absent keeps, null clears.
func changed(b api.ProcessingActivityPatch) func(*Activity) {
	return func(a *Activity) {
		if b.Name != nil {
			a.Name = *b.Name
		}
		if b.Status != nil {
			a.Status = string(*b.Status)
		}
		if b.Description.IsSpecified() {
			a.Description = nil
			if text, err := b.Description.Get(); err == nil {
				a.Description = &text
			}
		}
		if b.SendsMail != nil {
			a.SendsMail = *b.SendsMail
		}
		replace(&a.PurposeIDs, b.PurposeIds)
		replace(&a.PersonCategories, b.PersonCategories)
		replace(&a.FieldClasses, b.FieldClasses)
		replace(&a.DataCategories, b.DataCategories)
		replace(&a.SecurityMeasures, b.SecurityMeasures)
		replace(&a.SourceCodes, b.SourceCodes)
		replace(&a.WebhookEndpointIds, b.WebhookEndpointIds)
		if b.Parties != nil {
			a.Parties = web.Map(b.Parties, partyOf)
		}
		if b.Recipients != nil {
			a.Recipients = web.Map(b.Recipients, recipientOf)
		}
		if b.Retention != nil {
			a.Retention = web.Map(b.Retention, retentionOf)
		}
		if b.Processors != nil {
			a.Processors = web.Map(b.Processors, processorOf)
		}
	}
}

func replace[T any](to *[]T, from []T) {
	if from != nil {
		*to = from
	}
}

func documentToAPI(d Document) api.ProcessingRegister {
	out := api.ProcessingRegister{
		Object: api.ProcessingRegisterObjectProcessingRegister, Institution: d.Institution, GeneratedAt: d.At,
		ControllerActivities: []api.RegisterEntry{}, ProcessorActivities: []api.RegisterEntry{},
		Unassigned: web.Map(d.Unassigned, servantToAPI), PurposesWithoutActivity: web.Map(d.Idle, purposeToAPI),
	}
	for _, e := range d.Entries {
		entry := api.RegisterEntry{Activity: toAPI(e.Activity), Purposes: web.Map(e.Purposes, purposeToAPI), ServedBy: web.Map(e.ServedBy, servantToAPI), Gaps: e.Gaps}
		if e.Role == Processor {
			out.ProcessorActivities = append(out.ProcessorActivities, entry)
		} else {
			out.ControllerActivities = append(out.ControllerActivities, entry)
		}
	}
	return out
}

func purposeToAPI(p Purpose) api.RegisteredPurpose {
	return api.RegisteredPurpose{ID: p.ID, Code: p.Code, Name: p.Name, LegalBasis: p.LegalBasis, Archived: p.Archived}
}

func servantToAPI(v Servant) api.RegisteredServant {
	return api.RegisteredServant{Kind: v.Kind, ID: v.ID, Name: v.Name}
}

func deploymentToAPI(d Deployment) api.Deployment {
	known := func(s string) nullable.Nullable[string] { return web.Nullable(said(s)) }
	return api.Deployment{
		Object:         api.DeploymentObjectDeployment,
		HostingCountry: known(d.Hosting.Country), HostingProvider: known(d.Hosting.Owner), HostingOwnerCountry: known(d.Hosting.OwnerCountry),
		Processors: web.Map(d.Processors, processorToAPI),
		OutgoingHosts: web.Map(d.Hosts, func(h Host) api.OutgoingHost {
			return api.OutgoingHost{Host: h.Name, Uses: h.Uses, Declared: h.Declared, Country: known(h.Country), Owner: known(h.Owner), OwnerCountry: known(h.OwnerCountry)}
		}),
	}
}
