package rights

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/access"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/rights/internal/rightsdb"
	"github.com/parvis-crm/parvis/internal/web"
)

// Operation is what must be known of an operation to say who may do it.
type Operation struct {
	ID, Method, Scope string
	Verbs             []string
	Public            bool
	// Identifiable operations answer with data of identifiable people.
	Identifiable bool
}

// Question is what is asked: may this principal do that, on this contact, from
// this address.
type Question struct {
	Kind      web.ActorKind
	ID        uuid.UUID
	Operation Operation
	Contact   *uuid.UUID
	Address   *netip.Addr
}

// Explanation is the answer, rule by rule.
type Explanation struct {
	Allowed bool
	Status  int
	Code    string
	Steps   []Step
}

// Step is one rule and what it says.
type Step struct {
	Rule, Outcome, Detail string
	Sources               []Source
}

// Source is where a right comes from.
type Source struct {
	Kind string // "direct", "role" or "credential"
	Role *access.HeldRole
}

// The outcomes of a step.
const (
	passed  = "passed"
	stopped = "refused"
	noted   = "noted"
)

// reasoning gathers steps until one refuses.
type reasoning struct {
	lang string
	out  Explanation
}

func (r *reasoning) say(rule, outcome, text string, args map[string]any, sources ...Source) {
	r.out.Steps = append(r.out.Steps, Step{rule, outcome, sentence(text, r.lang, args), sources})
}

func (r *reasoning) refuse(rule, text string, args map[string]any, status int, code string) Explanation {
	r.say(rule, stopped, text, args)
	r.out.Status, r.out.Code = status, code
	return r.out
}

// Explain asks the rules in the order in which a request meets them. What
// concerns a contact is asked of the database itself, with the sight of the
// principal, as the operation would.
func (s *Service) Explain(ctx context.Context, q Question) (Explanation, error) {
	caller, err := web.ActorFrom(ctx)
	if err != nil {
		return Explanation{}, err
	}
	p, err := s.access.PrincipalOf(ctx, q.Kind, q.ID)
	if err != nil {
		return Explanation{}, err
	}
	var hidden rightsdb.ContactHiddenRow
	if q.Contact != nil {
		if hidden, err = s.q.ContactHidden(ctx, s.db.Tenant(caller.Tenant), caller.Tenant, *q.Contact); err != nil {
			return Explanation{}, err
		}
		look, err := pg.LookAt(ctx, s.db.Tenant(caller.Tenant), caller.Tenant, []uuid.UUID{*q.Contact})
		if err != nil {
			return Explanation{}, err
		}
		if !look.Sees(q.Contact) {
			return Explanation{}, fault.NotFound()
		}
	}
	r := &reasoning{lang: web.Language(ctx)}
	if q.Operation.Public {
		r.say("credential", noted, "public", nil)
		r.out.Allowed = true
		return r.out, nil
	}
	if p.Ended != "" {
		return r.refuse("credential", p.Ended, nil, 401, "unauthenticated"), nil
	}
	r.say("credential", passed, "stands", nil)
	switch {
	case len(p.Allowed) == 0:
	case q.Address != nil && !p.Admits(*q.Address):
		return r.refuse("network", "foreign-network", map[string]any{"networks": joined(p.Allowed)}, 401, "unauthenticated"), nil
	case q.Address != nil:
		r.say("network", passed, "own-network", nil, Source{Kind: "credential"})
	default:
		r.say("network", noted, "networks", map[string]any{"networks": joined(p.Allowed)}, Source{Kind: "credential"})
	}
	scope := map[string]any{"scope": q.Operation.Scope}
	if !p.Actor.Scopes.Allow(q.Operation.Scope) {
		return r.refuse("scope", "no-scope", scope, 403, "insufficient-scope"), nil
	}
	r.say("scope", passed, "scope", scope, sourcesOfScope(p, q.Operation.Scope)...)
	for _, verb := range q.Operation.Verbs {
		named := map[string]any{"verb": verb}
		if !p.Actor.Sight.HoldsAnywhere(pg.Verb(verb)) {
			return r.refuse("verb", "verb-nowhere", named, 403, "verb-not-held"), nil
		}
		r.say("verb", passed, "verb-somewhere", named, sourcesOfVerb(p, verb)...)
	}
	if len(p.Actor.Purposes) > 0 && !web.ForPurposes(q.Operation.ID, q.Operation.Scope) {
		return r.refuse("purpose", "outside-purpose", map[string]any{"purposes": strings.Join(p.Actor.Purposes, ", ")}, 403, "outside-purpose"), nil
	}
	if code, whole := ofEverything()[q.Operation.ID]; whole && !p.Actor.Sight.Whole() && p.Actor.Source == "" {
		return r.refuse("sight", "not-everything", nil, 403, code), nil
	}
	if q.Contact != nil {
		if refused, err := s.explainContact(ctx, r, p, q, hidden); err != nil || refused {
			return r.out, err
		}
	}
	if q.Operation.Identifiable && len(p.Actor.Purposes) > 0 {
		r.say("purpose", noted, "purposes", map[string]any{"purposes": strings.Join(p.Actor.Purposes, ", ")}, Source{Kind: "credential"})
	}
	if p.Actor, err = web.Bound(ctx, s.purposes, p.Actor, s.clock.Now); err != nil {
		return Explanation{}, err
	}
	if q.Operation.Identifiable && !p.Actor.Sight.All() {
		r.say("field_classes", noted, "classes", map[string]any{"readable": classesNamed(p.Actor.Readable, r.lang), "writable": classesNamed(p.Actor.Writable, r.lang)})
	}
	r.out.Allowed = true
	return r.out, nil
}

// ofEverything are the operations whose answer holds the whole institution, with
// what is answered to who does not see all of it.
func ofEverything() map[string]string {
	return map[string]string{"createExport": "export-beyond-rights", "downloadExport": "export-beyond-rights",
		"followAudit": "verb-not-held", "startTicketingReconciliation": "comparison-beyond-rights"}
}

// explainContact asks whether the principal sees the contact and holds the
// verbs on it.
func (s *Service) explainContact(ctx context.Context, r *reasoning, p access.Principal, q Question, hidden rightsdb.ContactHiddenRow) (refused bool, err error) {
	theirs := pg.WithSight(ctx, p.Actor.Sight)
	db := s.db.Tenant(p.Actor.Tenant)
	seen, err := s.q.IsContactSeen(theirs, db, p.Actor.Tenant, *q.Contact)
	if err != nil {
		return true, err
	}
	look, err := pg.LookAt(theirs, db, p.Actor.Tenant, []uuid.UUID{*q.Contact})
	if err != nil {
		return true, err
	}
	seen = seen && look.Sees(q.Contact)
	if !seen {
		rule, text := "sight", "unseen"
		if hidden.Restricted && !p.Actor.Sight.Sees(pg.Held{Restricted: true, Departments: hidden.DepartmentIds}) && p.Actor.Sight.Sees(pg.Held{Departments: hidden.DepartmentIds}) {
			rule, text = "restriction", "restricted"
		}
		r.refuse(rule, text, nil, 404, "not-found")
		return true, nil
	}
	r.say("sight", passed, "seen", nil, sourcesOfVerb(p, string(pg.See))...)
	held, err := web.Bound(ctx, s.purposes, p.Actor, s.clock.Now)
	if err != nil {
		return true, err
	}
	if len(held.Purposes) > 0 {
		based, err := s.q.IsContactSeen(pg.WithSight(ctx, held.Sight), db, p.Actor.Tenant, *q.Contact)
		if err != nil {
			return true, err
		}
		if !based {
			r.refuse("purpose", "no-basis", map[string]any{"purposes": strings.Join(held.Purposes, ", ")}, 404, "not-found")
			return true, nil
		}
	}
	for _, verb := range q.Operation.Verbs {
		held, err := s.q.MayOnContact(theirs, db, verb, p.Actor.Tenant, *q.Contact)
		if err != nil {
			return true, err
		}
		named := map[string]any{"verb": verb}
		switch {
		case held:
			r.say("verb", passed, "verb-here", named)
		case verb == string(pg.See): // seen by being named on it
		case verb == string(pg.SeeContactPoints) && q.Operation.Method == http.MethodGet:
			// They are not shown, as if there were none.
			r.say("verb", noted, "no-contact-points", nil)
		default:
			r.refuse("verb", "verb-not-here", named, 403, "verb-not-held")
			return true, nil
		}
	}
	return false, nil
}

func sourcesOfScope(p access.Principal, scope string) []Source {
	return sources(p, web.Scopes(p.Direct).Allow(scope), func(role access.HeldRole) bool { return web.Scopes(role.Scopes).Allow(scope) })
}

func sourcesOfVerb(p access.Principal, verb string) []Source {
	direct := len(p.Direct) > 0 && (verb != string(pg.SeeRestricted) || p.Actor.Sight.All())
	if p.Actor.Kind != web.User {
		direct = p.Actor.Sight.HoldsAnywhere(pg.Verb(verb))
	}
	return sources(p, direct, func(role access.HeldRole) bool { return slices.Contains(role.Verbs, verb) })
}

func sources(p access.Principal, direct bool, gives func(access.HeldRole) bool) []Source {
	var out []Source
	switch {
	case direct && p.Actor.Kind == web.User:
		out = append(out, Source{Kind: "direct"})
	case direct:
		out = append(out, Source{Kind: "credential"})
	}
	for i, role := range p.Roles {
		if gives(role) {
			out = append(out, Source{Kind: "role", Role: &p.Roles[i]})
		}
	}
	return out
}

func joined(networks []netip.Prefix) string {
	return strings.Join(web.Map(networks, netip.Prefix.String), ", ")
}

// UserRights is what a user may, and whence.
type UserRights struct {
	access.Principal
	Scopes []HeldScope
}

// HeldScope is a scope and where a user has it from.
type HeldScope struct {
	Scope   string
	Sources []Source
}

// RightsOf tells what a user may now.
func (s *Service) RightsOf(ctx context.Context, user uuid.UUID) (UserRights, error) {
	p, err := s.access.PrincipalOf(ctx, web.User, user)
	if err != nil {
		return UserRights{}, err
	}
	out := UserRights{Principal: p}
	for _, scope := range sorted(p.Actor.Scopes) {
		out.Scopes = append(out.Scopes, HeldScope{scope, sourcesOfScope(p, scope)})
	}
	return out, nil
}

// sentence tells a step to a person.
func sentence(text, lang string, args map[string]any) string {
	said := sentences()[text]
	if lang == "en" {
		return fault.Fill(said[1], args)
	}
	return fault.Fill(said[0], args)
}

func sentences() map[string][2]string {
	return map[string][2]string{
		"public":            {"L'opération est publique : elle ne demande aucun identifiant.", "The operation is public: it asks for no credential."},
		"stands":            {"L'identifiant est valide.", "The credential stands."},
		"revoked":           {"L'identifiant a été révoqué.", "The credential was revoked."},
		"expired":           {"L'identifiant ou le compte a expiré.", "The credential or the account has expired."},
		"deactivated":       {"Le compte est désactivé.", "The account is deactivated."},
		"publishable":       {"Une clé publiable n'ouvre que ce qui est public.", "A publishable key opens only what is public."},
		"foreign-network":   {"Cette adresse n'est pas dans les réseaux admis : {networks}.", "This address is not in the networks admitted: {networks}."},
		"own-network":       {"L'adresse est dans un réseau admis.", "The address is in a network admitted."},
		"networks":          {"À condition que la requête vienne de : {networks}.", "Provided that the request comes from: {networks}."},
		"no-scope":          {"Le droit {scope} n'est détenu ni directement ni par un rôle.", "The scope {scope} is held neither directly nor by a role."},
		"scope":             {"Le droit {scope} est détenu.", "The scope {scope} is held."},
		"verb-nowhere":      {"L'action {verb} n'est permise dans aucun service.", "The verb {verb} is held in no department."},
		"verb-somewhere":    {"L'action {verb} est permise, au moins dans un service.", "The verb {verb} is held, in one department at least."},
		"unseen":            {"Le contact est tenu par des services où le droit de voir n'est pas détenu.", "The contact is held by departments in which seeing is not allowed."},
		"restricted":        {"Le contact est à accès restreint, et ni un droit ni une désignation ne l'ouvre.", "The contact is restricted, and neither a right nor being named on it opens it."},
		"seen":              {"Le contact est visible.", "The contact is seen."},
		"verb-here":         {"L'action {verb} est permise sur ce contact.", "The verb {verb} is held on this contact."},
		"verb-not-here":     {"L'action {verb} n'est pas permise sur ce contact par les services qui le tiennent.", "The verb {verb} is not held on this contact, by the departments that hold it."},
		"no-contact-points": {"Les coordonnées ne sont pas montrées, comme s'il n'y en avait pas.", "Contact points are not shown, as if there were none."},
		"purposes":          {"L'identifiant est lié à des finalités, qui bornent ce qu'il voit : {purposes}.", "The credential is bound to purposes, which bound what it sees: {purposes}."},
		"outside-purpose":   {"L'identifiant est lié à des finalités ({purposes}) ; cette opération n'en sert aucune.", "The credential is bound to purposes ({purposes}); this operation serves none."},
		"no-basis":          {"Aucune base n'existe en ce moment pour les finalités de l'identifiant : {purposes}.", "There is no basis at this moment for the purposes of the credential: {purposes}."},
		"not-everything":    {"L'opération contient tout ce que l'institution possède, que l'identifiant ne voit pas en entier.", "The operation holds everything of the institution, which the credential does not see as a whole."},
		"classes":           {"Champs lisibles : {readable}. Champs modifiables : {writable}.", "Fields that may be read: {readable}. Fields that may be written: {writable}."},
	}
}

func classesNamed(classes []string, lang string) string {
	switch {
	case classes == nil && lang == "en":
		return "all but sensitive ones"
	case classes == nil:
		return "tous sauf les sensibles"
	case len(classes) == 0 && lang == "en":
		return "none"
	case len(classes) == 0:
		return "aucun"
	}
	return strings.Join(classes, ", ")
}
