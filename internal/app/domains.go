package app

import (
	"context"
	"crypto/ed25519"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/parvis-crm/parvis/db"
	"github.com/parvis-crm/parvis/internal/access"
	"github.com/parvis-crm/parvis/internal/accounts"
	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/audit"
	"github.com/parvis-crm/parvis/internal/conformance"
	"github.com/parvis-crm/parvis/internal/connectors"
	"github.com/parvis-crm/parvis/internal/consents"
	"github.com/parvis-crm/parvis/internal/contacts"
	"github.com/parvis-crm/parvis/internal/egress"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/federation"
	"github.com/parvis-crm/parvis/internal/forms"
	"github.com/parvis-crm/parvis/internal/forms/maildomain"
	"github.com/parvis-crm/parvis/internal/indicators"
	"github.com/parvis-crm/parvis/internal/mail"
	"github.com/parvis-crm/parvis/internal/operations"
	"github.com/parvis-crm/parvis/internal/preferences"
	"github.com/parvis-crm/parvis/internal/privacy"
	"github.com/parvis-crm/parvis/internal/quotas"
	"github.com/parvis-crm/parvis/internal/register"
	"github.com/parvis-crm/parvis/internal/rights"
	"github.com/parvis-crm/parvis/internal/scim"
	"github.com/parvis-crm/parvis/internal/sensitive"
	"github.com/parvis-crm/parvis/internal/sibil"
	"github.com/parvis-crm/parvis/internal/siem"
	"github.com/parvis-crm/parvis/internal/signin"
	"github.com/parvis-crm/parvis/internal/ticketing"
	"github.com/parvis-crm/parvis/internal/transfers"
	"github.com/parvis-crm/parvis/internal/vault"
	"github.com/parvis-crm/parvis/internal/web"
	"github.com/parvis-crm/parvis/internal/webhooks"
)

// Handlers of all domains are embedded under names of their own, since Go
// embeds by type name and every domain calls its type Handlers. If this does
// not compile, an operation of the contract has no handler, or two have it.
type (
	accessHandlers      = access.Handlers
	accountsHandlers    = accounts.Handlers
	federationHandlers  = federation.Handlers
	operationsHandlers  = operations.Handlers
	eventsHandlers      = events.Handlers
	auditHandlers       = audit.Handlers
	consentsHandlers    = consents.Handlers
	mailHandlers        = mail.Handlers
	quotasHandlers      = quotas.Handlers
	webhooksHandlers    = webhooks.Handlers
	ticketingHandlers   = ticketing.Handlers
	connectorsHandlers  = connectors.Handlers
	sibilHandlers       = sibil.Handlers
	indicatorsHandlers  = indicators.Handlers
	contactsHandlers    = contacts.Handlers
	formsHandlers       = forms.Handlers
	conformanceHandlers = conformance.Handlers
	transfersHandlers   = transfers.Handlers
	preferencesHandlers = preferences.Handlers
	privacyHandlers     = privacy.Handlers
	rightsHandlers      = rights.Handlers
	registerHandlers    = register.Handlers
	scimHandlers        = scim.Handlers
	signinHandlers      = signin.Handlers
	vaultHandlers       = vault.Handlers
	sensitiveHandlers   = sensitive.Handlers
	siemHandlers        = siem.Handlers
)

type handlers struct {
	*accessHandlers
	*rightsHandlers
	*registerHandlers
	*accountsHandlers
	*federationHandlers
	*signinHandlers
	*scimHandlers
	*operationsHandlers
	*eventsHandlers
	*auditHandlers
	*consentsHandlers
	*mailHandlers
	*quotasHandlers
	*webhooksHandlers
	*ticketingHandlers
	*indicatorsHandlers
	*connectorsHandlers
	*sibilHandlers
	*contactsHandlers
	*formsHandlers
	*conformanceHandlers
	*transfersHandlers
	*preferencesHandlers
	*privacyHandlers
	*vaultHandlers
	*sensitiveHandlers
	*siemHandlers
}

var _ api.StrictServerInterface = handlers{}

// domains are the services that others of the program need.
type domains struct {
	access      *access.Service
	accounts    *accounts.Service
	federation  *federation.Service
	signin      *signin.Service
	events      *events.Service
	reads       *audit.ReadLog
	refusals    *audit.RefusalLog
	operations  *operations.Service
	contacts    *contacts.Service
	consents    *consents.Service
	mail        *mail.Service
	transfers   *transfers.Engine
	exports     *transfers.Service
	webhooks    *webhooks.Service
	ticketing   *ticketing.Service
	backfill    *ticketing.Imports
	indicators  *indicators.Service
	connectors  *connectors.Service
	sibil       *sibil.Service
	forms       *forms.Service
	preferences *preferences.Service
	privacy     *privacy.Service
	rights      *rights.Service
	register    *register.Service
	auditing    *audit.Service
	siem        *siem.Service
	sensitive   *sensitive.Service
	conformance *conformance.Service
}

// wire builds every domain. Order follows the tiers; what a higher tier needs
// from a lower one is handed over here and nowhere else.
func (a *App) wire() (handlers, error) {
	schemas, err := web.ContractSchemas(append(slices.Collect(maps.Values(ticketing.RecordSchemas())), append([]string{ticketing.BatchRecordSchema}, append(connectors.SettingsSchemas(vendors()...), connectors.CommandSchemas()...)...)...)...)
	if err != nil {
		return handlers{}, err
	}
	cursors, err := web.NewCursors(a.master.Derive("cursors"))
	if err != nil {
		return handlers{}, err
	}
	a.hub = events.NewHub()
	a.sequencer = events.NewSequencer(a.DB, a.hub, a.Log)
	a.domains.events = events.NewService(a.DB, a.hub)
	a.domains.reads = audit.NewReadLog(a.DB, a.Clock, a.Log, filepath.Join(a.Config.DataDir, "reads"), audit.MostKept)
	auditKey := ed25519.NewKeyFromSeed(a.master.Derive("audit signature"))
	a.domains.reads.Sign(auditKey)
	a.domains.refusals = audit.NewRefusalLog(a.DB, a.Clock, a.Log, filepath.Join(a.Config.DataDir, "refusals"), audit.MostRefusalsKept, auditKey)
	a.domains.operations = operations.NewService(a.DB)
	a.vault.SetOperations(a.domains.operations)
	a.domains.contacts = contacts.NewService(a.DB, a.Clock)
	a.domains.contacts.SetErasureKeys(a.sealed(contacts.SealedErasureKeys()))
	a.domains.register = register.NewService(a.DB, a.Clock, siteOf(a.Config))
	a.domains.consents = consents.NewService(a.DB, a.Clock, a.domains.register.PurposesChange)
	a.domains.contacts.SetOpposed(opposed(a.domains.consents))
	a.domains.mail = mail.NewService(a.DB, a.Clock, a.Config.MailFrom, a.sealed(mail.Bodies()))
	a.domains.rights = rights.NewService(a.DB, a.Clock, a.domains.access, a.domains.mail, a.domains.register, a.Log)
	a.domains.accounts, err = accounts.NewService(a.DB, a.Clock, accounts.Needs{
		Access: a.domains.access, Mail: a.domains.mail, TOTPs: a.sealed(accounts.TOTPSecrets()), IDTokens: a.sealed(accounts.IDTokens()), Log: a.Log,
	}, a.accountsConfig())
	if err != nil {
		return handlers{}, err
	}
	a.domains.federation = federation.NewService(a.DB, a.Clock, federation.Needs{
		Access: a.domains.access, Rights: a.domains.rights, Log: a.Log, OwnIssuer: a.Config.Public(),
		Client: egress.New(egress.Config{AllowCIDRs: a.Config.WebhookAllowCIDRs}),
	})
	a.domains.access.SetTrustedIssuers(a.domains.federation)
	clientSecrets, clientKeys, idTokens, samlKeys := signin.Sealed()
	a.domains.signin = signin.NewService(a.DB, a.Clock, signin.Needs{
		Access: a.domains.access, Accounts: a.domains.accounts, Federation: a.domains.federation, Log: a.Log,
		Client:  egress.New(egress.Config{AllowCIDRs: a.Config.WebhookAllowCIDRs}),
		Secrets: a.sealed(clientSecrets), Keys: a.sealed(clientKeys), IDTokens: a.sealed(idTokens), SAMLKeys: a.sealed(samlKeys),
	}, signin.Config{Secret: a.master.Derive("sign-in"), PublicURL: a.Config.Public()})
	a.domains.rights.SetOwned(a.domains.contacts, a.domains.operations)
	facts := sensitive.NewService(a.DB, a.Clock, a.vault, a.domains.contacts)
	a.domains.sensitive = facts
	a.domains.transfers = transfers.NewEngine(transfers.Deps{
		DB: a.DB, Sequence: a.sequencer.Sequence, SealReads: a.domains.reads.Seal, Contract: api.SpecJSON, Version: Version, Schema: db.LastMigration(),
		SigningKey: ed25519.NewKeyFromSeed(a.master.Derive("archive signature")), Log: a.Log, Vault: a.vault, Sensitive: facts,
	})
	secrets, privateKeys := webhooks.SealedColumns(a.webhookKeys)
	a.domains.webhooks = webhooks.NewService(webhooks.Needs{
		DB: a.DB, Events: a.domains.events, Hub: a.hub, Operations: a.domains.operations, Mail: a.domains.mail, Log: a.Log, Acting: a.acting,
		Client:  egress.New(egress.Config{AllowCIDRs: a.Config.WebhookAllowCIDRs, MaxIdlePerHost: 64, MaxBody: egress.WebhookBodyLimit}),
		Secrets: a.sealed(secrets), PrivateKeys: a.sealed(privateKeys),
	}, webhooks.Options{Schedule: a.Config.WebhookSchedule, Origin: a.Config.PublicHost()})
	a.domains.ticketing = ticketing.NewService(a.DB, a.Clock, a.domains.contacts, schemas, a.master.Derive("ticketing"))
	a.domains.backfill = ticketing.NewImports(a.domains.ticketing, a.domains.operations, a.Config.DataDir)
	a.domains.ticketing.SetConsents(captures{a.domains.consents})
	a.domains.indicators = indicators.NewService(a.DB, a.Clock, indicators.Needs{Contacts: a.domains.contacts, Operations: a.domains.operations, Log: a.Log, Every: a.indicatorsEvery})
	a.domains.connectors = a.newConnectors(schemas)
	a.domains.sibil = sibil.NewService(sibil.Needs{
		DB: a.DB, Clock: a.Clock, Log: a.Log, Operations: a.domains.operations, Client: egress.New(egress.Config{AllowCIDRs: a.Config.WebhookAllowCIDRs, Timeout: declarationTimeout}),
		Passwords: a.sealed(sibil.SealedPasswords()), Tenants: a.domains.access.TenantIDs,
	})
	a.domains.conformance = a.newConformance()
	work, err := forms.NewWork(a.master.Derive("form work"), a.Config.FormWorkCost)
	if err != nil {
		return handlers{}, err
	}
	a.domains.forms = forms.NewService(a.DB, a.Clock,
		forms.Needs{Contacts: a.domains.contacts, Consents: a.domains.consents, Mail: a.domains.mail, Work: work, Data: a.sealed(forms.SealedData()), Log: a.Log,
			Domains: maildomain.Checker{Resolver: a.resolver}, Looked: a.metrics.Count("form_mail_domains_total", "Domains of addresses looked up, by what came of it.", "verdict")},
		forms.Config{Secret: a.master.Derive("forms"), PublicURL: a.Config.Public(), MinimumFill: a.Config.FormMinimumFill, MailCheck: a.Config.FormMailCheck})
	a.domains.preferences = preferences.NewService(a.DB, a.Clock,
		preferences.Needs{Contacts: a.domains.contacts, Consents: a.domains.consents, Mail: a.domains.mail, Log: a.Log},
		preferences.Config{Secret: a.master.Derive("preferences"), PublicURL: a.Config.Public()})
	a.domains.privacy = a.newPrivacy()
	a.domains.exports = transfers.NewService(a.domains.transfers, a.domains.operations, a.Clock, a.Config.DataDir, a.Config.LargestArchive(), a.administratorKey)

	a.runners = append(a.runners,
		runner{"sequencer", a.sequencer.Run},
		runner{"housekeeping", a.afterwards(a.housekeep)},
		runner{"event announcements", a.listenToEvents},
		runner{"mail", a.sendMail},
		runner{"access log", a.domains.reads.Run},
		runner{"refusals", a.domains.refusals.Run},
		runner{"old entries of logs", a.afterwards(audit.NewPurger(a.DB, a.Clock, a.Log, auditKey).Run)},
		runner{"access", a.domains.access.KeepHouse},
		runner{"rights", a.afterwards(a.domains.rights.Run)},
		runner{"accounts", a.domains.accounts.Run},
		runner{"sign-ins", a.afterwards(a.domains.signin.Run)},
		runner{"forms", a.domains.forms.Run},
		runner{"preferences", a.domains.preferences.Run},
		runner{"old archives", a.afterwards(a.domains.exports.Run)},
		runner{"vault", a.keepVault},
	)
	a.domains.auditing = audit.NewService(a.DB, a.domains.events)
	a.domains.siem = siem.NewService(siem.Needs{
		DB: a.DB, Audit: a.domains.auditing, Secrets: a.sealed(siem.Secrets()), Log: a.Log, AllowCIDRs: a.Config.WebhookAllowCIDRs, Host: a.Config.PublicHost(),
	}, siem.Options{})
	a.metrics.Ask("siem", a.siemFigures, a.Log)
	if a.Config.Workers {
		a.runners = append(a.runners,
			runner{"abandoned operations", func(ctx context.Context) error { return a.domains.operations.Run(ctx, a.Log) }},
			runner{"connectors", a.domains.connectors.Run},
			runner{"connector watch", a.domains.connectors.Watch},
			runner{"quarters to declare", a.afterwards(a.domains.sibil.Run)},
			runner{"matching", func(ctx context.Context) error { return a.domains.ticketing.RunRematching(ctx, a.Log) }},
			runner{"files of ticketing records", func(ctx context.Context) error { return a.domains.backfill.Run(ctx, a.Log) }},
			runner{"indicators", a.domains.indicators.Run},
			runner{"webhook fan-out", a.domains.webhooks.RunFanOut},
			runner{"webhook dispatcher", a.domains.webhooks.RunDispatcher},
			runner{"webhook purge", a.domains.webhooks.RunPurge},
			runner{"sensitive facts", a.afterwards(func(ctx context.Context) error { return facts.Run(ctx, a.Log) })},
			runner{"receivers of the logs", a.domains.siem.Run},
		)
	}
	verifier := audit.NewVerifier(a.DB, a.domains.auditing, a.domains.operations, auditKey.Public().(ed25519.PublicKey))
	h := handlers{
		accessHandlers: access.NewHandlers(a.domains.access, cursors, access.Facts{
			Version: Version, Policies: a.policies(), BulkPlaces: a.Config.BulkPlaces, OperationDays: operations.KeptDays,
		}),
		accountsHandlers:    accounts.NewHandlers(a.domains.accounts, cursors),
		federationHandlers:  federation.NewHandlers(a.domains.federation, cursors),
		operationsHandlers:  operations.NewHandlers(a.domains.operations, cursors),
		eventsHandlers:      events.NewHandlers(a.domains.events, cursors),
		auditHandlers:       audit.NewHandlers(a.domains.auditing, a.domains.reads, verifier, cursors),
		consentsHandlers:    consents.NewHandlers(a.domains.consents, cursors),
		quotasHandlers:      quotas.NewHandlers(quotas.NewService(a.DB), cursors),
		mailHandlers:        mail.NewHandlers(a.domains.mail, cursors),
		webhooksHandlers:    webhooks.NewHandlers(a.domains.webhooks, cursors),
		ticketingHandlers:   ticketing.NewHandlers(a.domains.ticketing, a.domains.backfill, cursors),
		connectorsHandlers:  connectors.NewHandlers(a.domains.connectors, cursors),
		sibilHandlers:       sibil.NewHandlers(a.domains.sibil, cursors),
		indicatorsHandlers:  indicators.NewHandlers(a.domains.indicators, cursors),
		contactsHandlers:    contacts.NewHandlers(a.domains.contacts, cursors),
		formsHandlers:       forms.NewHandlers(a.domains.forms, cursors),
		transfersHandlers:   transfers.NewHandlers(a.domains.exports),
		conformanceHandlers: conformance.NewHandlers(a.domains.conformance, cursors),
		preferencesHandlers: preferences.NewHandlers(a.domains.preferences),
		privacyHandlers:     privacy.NewHandlers(a.domains.privacy),
		rightsHandlers:      rights.NewHandlers(a.domains.rights, cursors),
		registerHandlers:    register.NewHandlers(a.domains.register, cursors),
		signinHandlers:      signin.NewHandlers(a.domains.signin),
		scimHandlers:        scim.NewHandlers(scim.NewService(a.DB, a.domains.access, a.domains.rights)),
		vaultHandlers:       vault.NewHandlers(a.vault),
		siemHandlers:        siem.NewHandlers(a.domains.siem, cursors),
		sensitiveHandlers:   sensitive.NewHandlers(facts, cursors),
	}
	for kind, render := range renderers(h) {
		a.domains.webhooks.Render(kind, noted{render, a.domains.reads})
	}
	return h, nil
}

// declarationTimeout is how long the State's system may take to answer.
const declarationTimeout = 30 * time.Second

// Sibil gives the domain of the quarterly ticketing return, for tests.
func (a *App) Sibil() *sibil.Service { return a.domains.sibil }
