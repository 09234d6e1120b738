package isolationtest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

// intruder asks for what it may not see, and for what is not there, and must be
// told the same.
type intruder struct {
	*parvistest.Client
	// own are records that it does see.
	own names
	// secret are those that it must not; what is not among them it shares.
	secret names
	// words are texts and identifiers that no answer may contain.
	words []string
	// entitled: whole archives of the institution are its to make; what is kept from
	// it is no part of them.
	entitled bool
	// reached is what it has asked of each operation.
	reached map[string]int
	url     string
}

// question is one request, and the same for what is not there.
type question struct {
	what        string
	real, empty names
	place       string // of the body, or a query parameter
	query       string
	kinds       []string // that are secret in it
	writes      bool
}

// taken: the name that an outside program gives a contact belongs to one contact
// of the institution, so that whoever gives it to another learns that it is
// taken. Whose it is they do not learn.
func (q question) taken() bool {
	return slices.Contains(q.kinds, "external") && q.writes
}

// awaited are operations of which it is known that they tell more to somebody of
// the institution than its rights allow. What is entered here is a defect.
var awaited = map[string]string{}

// wholes are operations whose answer, or what they make, holds the whole
// institution in a form in which these tests could not read it.
var wholes = map[string]string{"createExport": "an archive of everything", "downloadExport": "an archive of everything",
	"startTicketingReconciliation": "the differences of everything that was sold"}

// feeds are operations by which a ticketing system says what its own records
// are, by its own names for them and whoever they are about; to whom they lead
// in the institution the answer does not say.
var feeds = map[string]string{
	"getTicketingRecord": "whether the sender's record has arrived", "putTicketingRecord": "the sender's record", "deleteTicketingRecord": "the sender's record",
	"anonymizeTicketingRecord": "the sender's record",
}

// questions are all ways in which an operation can be asked for a record.
func (i *intruder) questions(t *testing.T, op api.OperationSpec) []question {
	t.Helper()
	nothing := missing(i.secret)
	var out []question
	kinds := asked(op)
	var secret []string
	for _, k := range kinds {
		if _, ok := i.secret[k]; ok && k != "number" && k != "kind" && k != "indicator" && k != "mailbox" && k != "quarter" { // which every institution may list for itself
			secret = append(secret, k)
		}
	}
	if len(secret) > 0 {
		out = append(out, question{what: "all of them", real: merged(i.own, i.secret), empty: merged(i.own, nothing)})
	}
	if len(kinds) > 1 {
		for _, k := range secret { // one of theirs among one's own
			if i.chosen(k) {
				continue
			}
			out = append(out, question{what: "their " + k + " among one's own", real: merged(i.own, names{k: i.secret[k]}), empty: merged(i.own, names{k: nothing[k]})})
		}
	}
	for _, q := range op.Query {
		if plain[q.Name] != "" {
			continue
		}
		kind := kindOf(op, q.Name)
		_, shared := i.own[kind]
		_, known := i.secret[kind]
		require.True(t, known || shared, "%s: nothing in these tests is a %q, which its query names: make one in world_test.go, or say in resolve_test.go what it is", op.ID, q.Name)
		if known {
			out = append(out, question{what: "query " + q.Name, real: merged(i.own, names{kind: i.secret[kind]}), empty: merged(i.own, names{kind: nothing[kind]}), query: q.Name})
		}
	}
	for _, place := range identifiers(op) {
		kind := kindIn(op, place)
		_, shared := i.own[kind]
		_, known := i.secret[kind]
		require.True(t, known || shared, "%s: nothing in these tests is a %q, which its body names at %s: make one in world_test.go, or say in resolve_test.go what it is", op.ID, kind, place)
		if known && !i.chosen(kind) {
			out = append(out, question{what: "body " + place, real: merged(i.own, names{kind: i.secret[kind]}), empty: merged(i.own, names{kind: nothing[kind]}), place: place})
		}
	}
	for n := range out {
		out[n].writes = op.Method != http.MethodGet && !strings.HasSuffix(op.Path, "/search")
		for k, v := range out[n].real {
			if out[n].empty[k] != v {
				out[n].kinds = append(out[n].kinds, k)
			}
		}
	}
	return out
}

// chosen: whether records of this kind have names that every institution chooses
// for itself, so that another's name is as good as any and taken at the first use.
func (i *intruder) chosen(kind string) bool {
	return i.secret["institution"] != "" && (kind == "source" || kind == "external")
}

// ask sends an operation. path gives the records of its address, at those of
// the place that a question is about.
func (i *intruder) ask(t *testing.T, op api.OperationSpec, q question, at names) (*parvistest.Answer, string) {
	t.Helper()
	route := at
	if q.place != "" {
		route = i.own
	}
	to := address(t, op, route, q.query)
	var payload any
	options := []parvistest.RequestOption{parvistest.Header("Parvis-Reason", "accueil")}
	if op.IfMatch == "required" {
		options = append(options, parvistest.IfMatch(`"1"`))
	}
	body, media, ok := bodyFor(t, op, i.own, q.place, at)
	sent := to
	if ok {
		payload = body
		options = append(options, parvistest.Header("Content-Type", media))
		sent += fmt.Sprint(body)
	}
	return i.Do(op.Method, to, payload, options...), sent
}

// inOrder are the operations, those that only read first.
func inOrder() []string {
	all := slices.Sorted(maps.Keys(api.Operations))
	slices.SortStableFunc(all, func(a, b string) int {
		return cmp.Compare(strings.Index("GET POST PUT PATCH DELETE", api.Operations[a].Method), strings.Index("GET POST PUT PATCH DELETE", api.Operations[b].Method))
	})
	return all
}

// walk asks every operation everything.
func (i *intruder) walk(t *testing.T) {
	t.Helper()
	for _, id := range inOrder() {
		op := api.Operations[id]
		if i.secret["institution"] == "" && awaited[id] != "" {
			i.reached[id]++
			continue
		}
		t.Run(id, func(t *testing.T) {
			if how, ok := otherwise[id]; ok {
				how.ask(t, i)
				i.reached[id]++
				return
			}
			if op.Public {
				i.public(t, op)
				i.reached[id]++
				return
			}
			for _, q := range i.questions(t, op) {
				absent, sentAbsent := i.ask(t, op, q, q.empty)
				if i.secret["institution"] == "" && feeds[id] != "" {
					continue
				}
				there, sent := i.ask(t, op, q, q.real)
				if absent.Header.Get("Parvis-Upsert-Result") != "" && there.Status == absent.Status {
					// The first of two writes changes what the second finds: both once more, each
					// after the other.
					absent, _ = i.ask(t, op, q, q.empty)
					there, _ = i.ask(t, op, q, q.real)
				}
				require.NotContains(t, []int{400, 401, 405, 406, 415, 500}, absent.Status, "%s, %s: the request does not reach the handler: %s", id, q.what, absent.Body)
				if i.secret["institution"] != "" || !q.taken() {
					require.Equal(t, shape(absent, q.empty), shape(there, q.real), "%s, %s: what is not theirs to see is told from what is not there", id, q.what)
				}
				for asked, a := range map[string]*parvistest.Answer{sentAbsent: absent, sent: there} {
					require.Empty(t, tells(a, i.words, asked), "%s, %s gives away: %s", id, q.what, a.Body)
				}
			}
			i.plainly(t, op)
			i.reached[id]++
		})
	}
}

// plainly asks an operation for what the asker may see, or, where it would
// change that, for what is not there: the answer must not tell what is hidden.
func (i *intruder) plainly(t *testing.T, op api.OperationSpec) {
	t.Helper()
	at := i.own
	if op.Method != http.MethodGet && len(op.PathParameters) > 0 {
		at = merged(i.own, missing(names{op.PathParameters[0].Name: "", kindOf(op, op.PathParameters[0].Name): ""}))
	}
	a, sent := i.ask(t, op, question{}, at)
	require.NotContains(t, []int{400, 401, 405, 406, 415, 500}, a.Status, "%s: the request does not reach the handler: %s", op.ID, a.Body)
	require.Empty(t, tells(a, i.words, sent), "%s gives away: %s", op.ID, a.Body)
	if i.secret["institution"] == "" && !i.entitled && wholes[op.ID] != "" {
		require.Contains(t, []int{403, 404}, a.Status, "%s gives somebody who does not see everything %s", op.ID, wholes[op.ID])
	}
}

// public asks an operation that needs no credential: what it answers is meant
// for everybody, so that only what hangs on a contact must stay hidden.
func (i *intruder) public(t *testing.T, op api.OperationSpec) {
	t.Helper()
	at := merged(i.own, i.secret)
	if op.Method != http.MethodGet {
		at = merged(i.own, missing(i.secret))
	}
	at["token"] = lacking("token")
	a, sent := i.ask(t, op, question{}, at)
	require.NotEqual(t, 500, a.Status, "%s", a.Body)
	secret := []string{i.secret["contact"], i.secret["email"], i.secret["order"]}
	require.Empty(t, tells(a, secret, sent), "%s gives away: %s", op.ID, a.Body)
	for media := range op.Bodies { // as a browser sends them
		body, sentMedia, is := asFields(t, op, media, at)
		if !is {
			continue
		}
		a := i.Do(op.Method, address(t, op, at, ""), body, parvistest.Header("Content-Type", sentMedia))
		require.NotContains(t, []int{415, 500}, a.Status, "%s as %s: %s", op.ID, media, a.Body)
		require.Empty(t, tells(a, secret, body), "%s as %s gives away: %s", op.ID, media, a.Body)
	}
}

// asFields is the example of an operation, with the secret's address of mail in
// it, as the fields of a form; is: whether it takes one of this media type.
func asFields(t *testing.T, op api.OperationSpec, media string, at names) (body, contentType string, is bool) {
	t.Helper()
	example, _, _ := bodyFor(t, op, at, "", nil)
	fields := url.Values{"email": {at["email"]}}
	for name, v := range example {
		if text, scalar := v.(string); scalar {
			fields.Set(name, text)
		}
	}
	switch media {
	case "application/x-www-form-urlencoded":
		return fields.Encode(), media, true
	case "multipart/form-data":
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			require.NoError(t, w.WriteField(name, fields.Get(name)))
		}
		require.NoError(t, w.Close())
		return b.String(), w.FormDataContentType(), true
	}
	return "", "", false
}

// otherwise are operations that a plain request does not exercise.
var otherwise = map[string]struct {
	reason string
	ask    func(t *testing.T, i *intruder)
}{
	"streamEvents": {"its answer does not end", func(t *testing.T, i *intruder) {
		ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, i.url+"/v1/events/stream?after=0", nil)
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer "+i.Key)
		response, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer func() { _ = response.Body.Close() }()
		body, _ := io.ReadAll(response.Body) // until the context ends
		require.Equal(t, http.StatusOK, response.StatusCode, "%s", body)
		require.Empty(t, tells(&parvistest.Answer{Body: body}, i.words, ""), "the stream gives away: %s", body)
	}},
	"createTicketingImport": {"its body is a file", func(t *testing.T, i *intruder) {
		if i.secret["source"] == "" {
			return // who is of the same institution may send to its sources
		}
		a := i.Post("/v1/ticketing/sources/"+i.secret["source"]+"/imports", "{}", parvistest.Header("Content-Type", "application/x-ndjson"))
		none := i.Post("/v1/ticketing/sources/"+lacking("source")+"/imports", "{}", parvistest.Header("Content-Type", "application/x-ndjson"))
		require.Equal(t, http.StatusNotFound, a.Status, "%s", a.Body)
		require.Equal(t, none.Status, a.Status)
		require.Empty(t, tells(a, i.words, ""), "%s", a.Body)
	}},
	"importArchive": {"its body is an archive, and it makes an institution of its own", func(t *testing.T, i *intruder) {
		a := i.Post("/v1/imports/archive", "no archive", parvistest.Header("Content-Type", "application/zip"))
		require.Empty(t, tells(a, i.words, ""), "%s", a.Body)
	}},
}
