package rights

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// usualRoles are what most institutions want, as they are called in France;
// known is the catalogue of scopes, all of which the administrator's role has.
func usualRoles(known []string) []NewRole {
	reading := []string{"contacts:read", "consents:read", "ticketing:read", "forms:read", "operations:read", "rights:read", "rights:request", "rights:break_glass"}
	// Whoever tells people apart at the counter also says whose an order is.
	writing := append(slices.Clone(reading), "contacts:write", "consents:write", "tags:write", "ticketing:match")
	year, quarter := int32(365), int32(90)
	roles := []NewRole{
		{
			Code: "consultation", Name: "Consultation", Description: new("Voir les contacts et leur activité, sans leurs coordonnées."),
			Scopes: reading, Verbs: []string{"see"}, Writable: []string{}, NeedsApproval: true, ReviewEveryDays: &year,
		},
		{
			Code: "accueil", Name: "Accueil et billetterie", Description: new("Voir et tenir à jour les contacts, coordonnées comprises."),
			Scopes: writing, Verbs: []string{"see", "see_contact_points", "edit"}, NeedsApproval: true, ReviewEveryDays: &year,
		},
		{
			Code: "relations-publics", Name: "Relations avec les publics", Description: new("Tenir à jour les contacts, leur écrire, fusionner les doublons, exporter."),
			Scopes: writing, Verbs: []string{"see", "see_contact_points", "act", "edit", "merge", "export"}, NeedsApproval: true, ReviewEveryDays: &year,
		},
		{
			Code: "protection-donnees", Name: "Protection des données", Description: new("Voir tout, le journal et les lectures compris, contacts restreints compris ; effacer."),
			Scopes: append(slices.Clone(writing), "events:read", "events:changes", "audit:read"),
			Verbs:  []string{"see", "see_contact_points", "edit", "merge", "delete", "export", "see_restricted"}, NeedsApproval: true, ReviewEveryDays: &year,
		},
		{
			// Declares what was sold to the State, which names nobody, and so reaches
			// nobody either.
			Code: "administration", Name: "Administration et finances", Description: new("Voir les contacts et leurs achats, sans leurs coordonnées ; établir et envoyer les déclarations légales de billetterie (SIBIL)."),
			Scopes: append(slices.Clone(reading), "statutory:read", "statutory:write"), Verbs: []string{"see"}, Writable: []string{}, NeedsApproval: true, ReviewEveryDays: &year,
		},
		{
			// Nobody gives what they do not have: who gives these roles has them.
			Code: "droits", Name: "Gestion des droits", Description: new("Créer les rôles et les équipes, attribuer et revoir les droits ordinaires."),
			Scopes: append(slices.Clone(writing), "users:read", "users:write", "departments:read", "departments:write", "rights:write", "rights:grant", "statutory:read", "statutory:write"),
			Verbs:  []string{"see", "see_contact_points", "act", "edit", "merge", "delete", "export"}, NeedsApproval: true, ReviewEveryDays: &quarter,
		},
		{
			Code: "urgence", Name: "Accès d'urgence", Description: new("Joindre les personnes quand la sécurité l'exige ; pris sans attendre, pour quelques heures, et revu ensuite."),
			Scopes: reading, Verbs: []string{"see", "see_contact_points", "act", "see_restricted"}, Writable: []string{}, NeedsApproval: true, BreakGlass: true, LongestDays: new(int32(1)),
		},
	}
	for i := range roles {
		roles[i].Scopes = slices.DeleteFunc(roles[i].Scopes, func(scope string) bool { return !slices.Contains(known, scope) })
	}
	return roles
}

// CreateDefaultRoles makes the usual roles that are not there, and returns all
// of them.
func (s *Service) CreateDefaultRoles(ctx context.Context) ([]Role, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) ([]Role, error) {
		var out []Role
		for _, in := range usualRoles(s.access.ScopeNames()) {
			r, _, err := s.makeRole(ctx, tx, actor, in)
			if err != nil {
				return nil, err
			}
			out = append(out, r)
		}
		return out, nil
	})
}
