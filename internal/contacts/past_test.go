package contacts_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

// edits makes changes at random to one contact.
type edits struct {
	a       *parvistest.App
	r       *rand.Rand
	contact string
	tags    []string
}

func (e *edits) any(path string) (string, bool) {
	list := e.a.Get(path).Is(http.StatusOK).Data()
	if len(list) == 0 {
		return "", false
	}
	return path + "/" + list[e.r.IntN(len(list))]["id"].(string), true
}

func (e *edits) step(n int) {
	base := "/v1/contacts/" + e.contact
	pick := func(values ...any) any { return values[e.r.IntN(len(values))] }
	switch e.r.IntN(12) {
	case 0, 1:
		// Without a name a contact goes by what else it has; without anything, it keeps its name.
		e.a.Patch(base, map[string]any{"family_name": pick(nil, nil, "Durand", "Martin", "Élie"), "birthdate": pick(nil, "1980-02-29", "1975-12-01")})
	case 2:
		e.a.Patch(base, map[string]any{"given_name": pick(nil, nil, "Ana", "Léo"), "nickname": pick(nil, nil, "Nana")})
	case 3:
		e.a.Post(base+"/contact-points", map[string]any{"kind": "email", "value": fmt.Sprintf("A%d@Example.org", n), "is_primary": e.r.IntN(2) == 0}).Is(http.StatusCreated)
	case 4:
		e.a.Post(base+"/addresses", map[string]any{"city": "Lyon", "postal_code": "69001", "street": fmt.Sprint(n, " quai Saint-Vincent")}).Is(http.StatusCreated)
	case 5:
		if path, ok := e.any(base + "/contact-points"); ok {
			e.a.Patch(path, map[string]any{"status": pick("valid", "unverified"), "label": pick("work", "home")})
			e.a.Patch(path, map[string]any{"value": fmt.Sprintf("B%d@example.org", n)})
		}
	case 6:
		if path, ok := e.any(base + "/contact-points"); ok {
			e.a.Delete(path, parvistest.IfMatch(e.a.Get(path).ETag())).Is(http.StatusNoContent)
		}
	case 7:
		if path, ok := e.any(base + "/addresses"); ok {
			e.a.Patch(path, map[string]any{"city": pick("Lyon", "Nantes"), "valid_to": pick(nil, "2030-01-01")}).Is(http.StatusOK)
		}
	case 8:
		if path, ok := e.any(base + "/addresses"); ok {
			e.a.Delete(path, parvistest.IfMatch(e.a.Get(path).ETag())).Is(http.StatusNoContent)
		}
	case 9:
		e.a.Put(base+"/external-ids/box/"+fmt.Sprint(e.r.IntN(3)), nil)
	case 10:
		e.a.Delete(base + "/external-ids/box/" + fmt.Sprint(e.r.IntN(3)))
	case 11:
		path := base + "/tags/" + e.tags[e.r.IntN(len(e.tags))]
		if e.r.IntN(2) == 0 {
			e.a.Put(path, nil)
		} else {
			e.a.Delete(path)
		}
	}
}

func TestThePastIsWhatItWas(t *testing.T) {
	t.Parallel()
	const whole = "expand=contact_points,addresses,tags,external_ids"
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	now := clock.NewFixed(time.Now())
	a := parvistest.New(t, parvistest.WithClock(now))
	e := &edits{a: a, r: rand.New(rand.NewPCG(seed, 1))}
	for _, name := range []string{"Mécène", "Presse", "Scolaire"} {
		e.tags = append(e.tags, a.Post("/v1/tags", map[string]any{"name": name}).Is(http.StatusCreated).ID())
	}
	born := now.Now()
	now.Advance(time.Second)
	e.contact = a.Post("/v1/contacts", map[string]any{
		"kind": "person", "contact_points": []any{map[string]any{"kind": "email", "value": "first@example.org"}},
		"external_ids": []any{map[string]any{"source": "box", "external_id": "0"}}, "tag_ids": e.tags[:1],
	}).Is(http.StatusCreated).ID()
	base := "/v1/contacts/" + e.contact
	lists := []string{"/contact-points", "/addresses", "/external-ids"}
	at := func(moment time.Time) string { return "as_of=" + url.QueryEscape(moment.Format(time.RFC3339Nano)) }

	type snapshot struct {
		moment time.Time
		whole  string
		etag   string
		lists  []string
	}
	var kept []snapshot
	keep := func() {
		s := snapshot{moment: now.Now()}
		answer := a.Get(base + "?" + whole).Is(http.StatusOK)
		s.whole, s.etag = string(answer.Body), answer.ETag()
		for _, l := range lists {
			s.lists = append(s.lists, string(a.Get(base+l).Is(http.StatusOK).Body))
		}
		kept = append(kept, s)
	}
	keep()
	for n := range 60 {
		now.Advance(time.Second)
		switch n {
		case 20:
			a.Patch("/v1/tags/"+e.tags[1], map[string]any{"name": "Journalistes"}).Is(http.StatusOK)
		case 40:
			a.Put(base+"/tags/"+e.tags[0], nil)
			keep()
			now.Advance(time.Second)
			a.Post("/v1/tags/"+e.tags[0]+"/merge", map[string]any{"into": e.tags[2]}, parvistest.IfMatch(a.Get("/v1/tags/"+e.tags[0]).ETag())).Is(http.StatusOK)
			e.tags = e.tags[1:]
		case 50:
			a.Post(base+"/archive", nil, parvistest.IfMatch(a.Get(base).ETag())).Is(http.StatusOK)
		case 55:
			a.Post(base+"/restore", nil).Is(http.StatusOK)
		default:
			e.step(n)
		}
		keep()
	}
	for _, s := range kept {
		then := a.Get(base + "?" + whole + "&" + at(s.moment)).Is(http.StatusOK)
		require.Equal(t, s.whole, string(then.Body), "as of %s", s.moment)
		require.Equal(t, s.etag, then.ETag())
		for i, l := range lists {
			require.JSONEq(t, s.lists[i], string(a.Get(base+l+"?"+at(s.moment)).Is(http.StatusOK).Body), "%s as of %s", l, s.moment)
		}
	}
	require.JSONEq(t, string(a.Get(base).Body), string(a.Get(base+"?"+at(now.Now())).Is(http.StatusOK).Body), "as of now is now")
	first := a.Get(base + "/contact-points?" + at(kept[0].moment)).Data()
	require.Len(t, first, 1)
	point := base + "/contact-points/" + first[0]["id"].(string)
	require.Equal(t, "first@example.org", a.Get(point + "?" + at(kept[0].moment)).Is(http.StatusOK).JSON()["value"])

	a.Get(base+"?"+at(born)).Problem(http.StatusNotFound, "not-found")
	a.Get(base+"/addresses?"+at(born)).Problem(http.StatusNotFound, "not-found")
	a.Get(base+"?"+at(now.Now().Add(time.Hour))).Problem(http.StatusUnprocessableEntity, "invalid")
	a.Get("/v1/contacts/"+uuid.NewString()+"?"+at(now.Now())).Problem(http.StatusNotFound, "not-found")
	a.OtherTenant().Get(base+"?"+at(now.Now())).Problem(http.StatusNotFound, "not-found")

	pages := a.Walk(base + "/addresses?limit=1&" + at(kept[len(kept)-1].moment))
	require.Len(t, pages, len(a.Get(base+"/addresses").Data()))
}

func TestThePastThatWasErasedIsGone(t *testing.T) {
	t.Parallel()
	now := clock.NewFixed(time.Now())
	a := parvistest.New(t, parvistest.WithClock(now))
	id := a.Post("/v1/contacts", map[string]any{"kind": "person", "family_name": "Martin"}).Is(http.StatusCreated).ID()
	then := now.Now()
	now.Advance(time.Minute)
	a.Patch("/v1/contacts/"+id, map[string]any{"family_name": "Durand"}).Is(http.StatusOK)
	_, err := a.App.DB.Tenant(a.Tenant).Exec(t.Context(), `delete from event_changes where event_id in (select id from events where subject_id = $1)`, id)
	require.NoError(t, err)
	path := "/v1/contacts/" + id + "?as_of="
	a.Get(path+url.QueryEscape(then.Format(time.RFC3339Nano))).Problem(http.StatusGone, "history-erased")
	require.Equal(t, "Durand", a.Get(path + url.QueryEscape(now.Now().Format(time.RFC3339Nano))).Is(http.StatusOK).JSON()["family_name"])
}
