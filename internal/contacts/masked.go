package contacts

import (
	"context"
	"strings"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// masks takes out of a contact what its reader may not see because of how this
// contact is, and names it. What a reader may not see of any contact is masked
// by its class, for all domains in one place (see web).
func masks(ctx context.Context, c Contact) (Contact, []string) {
	var masked []string
	reached := reachable(ctx, c)
	if !reached {
		masked = append(masked, "/contact_points", "/addresses")
	}
	f := fieldsOf(c)
	named := f.named()
	// Without a name a contact goes by how it is reached, and without a name in
	// use by the name of birth.
	if !named && !reached || c.FamilyName == nil && c.BirthName != nil && !reads(ctx, "civil") {
		c.DisplayName, c.SortName = "", ""
		masked = append(masked, "/display_name", "/sort_name")
	}
	return c, masked
}

// reachable reports whether the reader sees how to reach a contact.
func reachable(ctx context.Context, c Contact) bool {
	return pg.SightIn(ctx).May(pg.SeeContactPoints, heldOf(c)) && reads(ctx, "contact_point")
}

func reads(ctx context.Context, class string) bool {
	actor, err := web.ActorFrom(ctx)
	return err == nil && actor.Reads(class)
}

// reached is what a condition on contact points or addresses adds, so that
// nobody is found by what the reader does not see; id is the contact's.
func (st *statement) reached(id string) string {
	if !st.actor.Reads("contact_point") {
		return " AND false"
	}
	may := st.actor.Sight.MayCondition(pg.SeeContactPoints, "k", st.arg)
	if may == "" {
		return ""
	}
	return " AND EXISTS (SELECT 1 FROM contacts k WHERE k.tenant_id = $1 AND k.id = " + id + " AND " + may + ")"
}

// orderRefused refuses the order by name to whoever does not see names: the order
// alone tells them, to whoever can put names of their own between. at says where
// the order was asked for.
func (q Query) orderRefused(ctx context.Context, at func(f *fault.Error, code string, params ...any) *fault.Error) error {
	if strings.TrimPrefix(q.Sort, "-") != "name" || reads(ctx, "identity") {
		return nil
	}
	return at(fault.New(fault.Forbidden, "field-class-not-readable"), "class-not-readable", "class", "identity")
}

// nameShown is the condition that the reader sees the name by which a contact
// is sorted, in SQL what masks decides. Empty: always.
func (st *statement) nameShown() string {
	var conditions []string
	if !st.actor.Reads("identity") {
		return "false"
	}
	if !st.actor.Reads("civil") {
		conditions = append(conditions, "(c.family_name IS NOT NULL OR c.birth_name IS NULL)")
	}
	const named = "(c.given_name IS NOT NULL OR c.given_names IS NOT NULL OR c.family_name IS NOT NULL OR c.birth_name IS NOT NULL" +
		" OR c.nickname IS NOT NULL OR c.trade_name IS NOT NULL OR c.legal_name IS NOT NULL"
	switch may := st.actor.Sight.MayCondition(pg.SeeContactPoints, "c", st.arg); {
	case !st.actor.Reads("contact_point"):
		conditions = append(conditions, named+")")
	case may != "":
		conditions = append(conditions, named+" OR "+may+")")
	}
	return strings.Join(conditions, " AND ")
}

// findable narrows what a search for words of names finds to names that the
// reader sees. Who does not see names of birth finds nobody by them: every word
// must then begin one of the name in use.
func (st *statement) findable(words []string) string {
	conditions := []string{}
	if shown := st.nameShown(); shown != "" {
		conditions = append(conditions, shown)
	}
	if !st.actor.Reads("civil") {
		for _, w := range words {
			conditions = append(conditions, "position(' ' || "+st.arg(w)+"::text in ' ' || c.sort_name) > 0")
		}
	}
	if len(conditions) == 0 {
		return ""
	}
	return " JOIN contacts c ON c.tenant_id = $1 AND c.id = n.contact_id WHERE " + strings.Join(conditions, " AND ")
}
