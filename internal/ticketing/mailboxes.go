package ticketing

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/parvis-crm/parvis/internal/contacts"
)

// namesOnOneAddress is how many people of different names may share an address
// before it is taken for a service's: a large family may, a school does.
const namesOnOneAddress = 6

// genericMailboxes are the local parts of addresses that belong to a service
// and not to a person, folded and without separators.
var genericMailboxes = []string{
	"accueil", "admin", "administration", "adherent", "adherents", "association", "asso", "billet", "billets", "billetterie", "boxoffice", "bureau", "ce", "cse", "ccas",
	"cinema", "college", "comite", "commande", "commandes", "communication", "compta", "comptabilite", "conservatoire", "contact", "contacts", "culture", "direction", "donotreply", "ecole", "ehpad", "facturation",
	"gestion", "groupe", "groupes", "hello", "info", "infos", "information", "informations", "intendance", "lycee", "mairie", "mail", "mediatheque", "musee", "nepasrepondre", "noreply",
	"office", "officedetourisme", "orders", "partenaires", "postmaster", "publics", "reservation", "reservations", "resa", "scolaire", "scolaires", "secretariat", "service", "standard", "support", "theatre", "ticket", "ticketing", "tickets", "vente", "ventes", "vieculturelle", "viescolaire", "webmaster",
}

// resellers are domains from which addresses of buyers are never their own:
// shops that pass an address of theirs on, and relays.
var resellers = []string{
	"fnacspectacles.com", "francebillet.com", "ticketmaster.fr", "ticketmaster.com", "seetickets.fr", "digitick.com", "ticketac.com", "billetreduc.com", "theatreonline.com",
	"ticketnet.fr", "carrefourspectacles.fr", "auchanspectacles.fr", "guest.booking.com", "reply.getyourguide.com", "expmessaging.tripadvisor.com", "viagogo.com",
	"marketplace.amazon.fr", "reply.airbnb.com", "tiqets.com", "funbooker.com", "wonderbox.fr",
}

// school is the mailbox that every French school has under its national number
// (UAI): 0441234a@ac-nantes.fr.
var school = regexp.MustCompile(`^(ce\.)?[0-9]{7}[a-z]$`)

// generic reports whether the local part of an address is that of a service. Of
// "contact.nantes" any part suffices; what follows a plus is a person's own note
// of whom they gave the address to ("lena+theatre"), and says nothing of whose
// it is.
func generic(email string) bool {
	local, domain, _ := strings.Cut(strings.ToLower(email), "@")
	local, _, _ = strings.Cut(local, "+")
	if school.MatchString(local) || slices.Contains(resellers, domain) || slices.ContainsFunc(resellers, func(r string) bool { return strings.HasSuffix(domain, "."+r) }) {
		return true
	}
	parts := strings.FieldsFunc(contacts.Fold(local), func(r rune) bool { return !unicode.IsLetter(r) })
	if slices.Contains(genericMailboxes, strings.Join(parts, "")) {
		return true
	}
	for i, part := range parts {
		if slices.Contains(genericMailboxes, part) && part != "ce" && part != "mail" {
			return true
		}
		if i+1 < len(parts) && part == "no" && parts[i+1] == "reply" {
			return true
		}
	}
	return false
}

// patterns are the names under which an address may be in the institution's own
// list, the most particular first.
func patterns(email string) []string {
	local, domain, _ := strings.Cut(email, "@")
	return []string{email, local + "@", "@" + domain}
}

func (u *unit) loadMailboxes(ctx context.Context, emails []string) error {
	if u.people.mailboxes == nil {
		u.people.mailboxes = map[string]mailboxRow{}
	}
	if len(emails) == 0 {
		return nil
	}
	asked := map[string]bool{}
	for _, e := range emails {
		for _, p := range patterns(e) {
			asked[p] = true
		}
	}
	rows, err := u.s.q.FindMailboxes(ctx, u.tx, u.source.TenantID, keysOf(asked))
	for _, r := range rows {
		u.people.mailboxes[r.Pattern] = r
	}
	return err
}

// serviceOf reports whether an address is a service's, and how that is known:
// people say so, the list does, or too many people have used it.
func (u *unit) serviceOf(email string) (bool, string) {
	if email == "" {
		return false, ""
	}
	learnt := false
	for _, p := range patterns(email) {
		row, ok := u.people.mailboxes[p]
		switch {
		case !ok:
		case row.Origin == "said" && row.IsGeneric:
			return true, "mailbox_said"
		case row.Origin == "said":
			return false, ""
		default:
			learnt = true
		}
	}
	if generic(email) {
		return true, "mailbox_listed"
	}
	if learnt || u.crowded(email) {
		return true, "mailbox_learnt"
	}
	return false, ""
}

// crowded reports whether as many different people as may be are reached at an
// address already, and remembers it.
func (u *unit) crowded(email string) bool {
	var names []contacts.Name
	for _, c := range u.people.byEmail[email] {
		if !c.organisation && named(c.name) && !slices.ContainsFunc(names, func(n contacts.Name) bool { return contacts.NamesCompatible(n, c.name) }) {
			names = append(names, c.name)
		}
	}
	if len(names) < namesOnOneAddress {
		return false
	}
	if !slices.Contains(u.learnt, email) {
		u.learnt = append(u.learnt, email)
	}
	return true
}

// foldPattern is a pattern as it is kept.
func foldPattern(pattern string) string { return strings.ToLower(strings.TrimSpace(pattern)) }
