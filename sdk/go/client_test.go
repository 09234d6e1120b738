package parvis_test

import (
	"errors"
	"net/http"
	"os"
	"testing"

	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"

	parvis "github.com/parvis-crm/parvis/sdk/go"
)

// The client against a running program: `make test` starts one and names it in
// PARVIS_URL and PARVIS_KEY.
func TestClient(t *testing.T) {
	t.Parallel()
	address := os.Getenv("PARVIS_URL")
	if address == "" {
		t.Skip("PARVIS_URL names no running Parvis")
	}
	client, err := parvis.New(address, os.Getenv("PARVIS_KEY"))
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()

	made := map[uuid.UUID]bool{}
	var first *parvis.CreateContactResponse
	for _, name := range []string{"Castellan", "Lorme", "Arcand", "Vasseur", "Noël"} {
		key := parvis.CreateContactParams{IdempotencyKey: uuid.NewString()}
		body := parvis.ContactCreate{Kind: parvis.ContactCreateKindPerson, FamilyName: &name}
		r, err := client.CreateContactWithResponse(ctx, &key, body)
		if err != nil {
			t.Fatal(err)
		}
		if r.StatusCode() != http.StatusCreated || r.JSON201 == nil || r.JSON201.FamilyName.MustGet() != name {
			t.Fatalf("created: %s %s", r.Status(), r.Body)
		}
		again, err := client.CreateContactWithResponse(ctx, &key, body)
		if err != nil || again.JSON201.ID != r.JSON201.ID {
			t.Fatalf("a repeated request makes nothing new: %v", err)
		}
		made[r.JSON201.ID] = true
		if first == nil {
			first = r
		}
	}

	got, err := client.GetContactWithResponse(ctx, first.JSON201.ID, &parvis.GetContactParams{})
	if err != nil {
		t.Fatal(err)
	}
	if got.JSON200.DisplayName != first.JSON201.DisplayName || got.HTTPResponse.Header.Get("ETag") == "" {
		t.Fatalf("got: %s", got.Body)
	}

	limit := parvis.Limit(2)
	pages := 0
	for contact, err := range parvis.Walk(func(cursor *parvis.Cursor) ([]parvis.Contact, nullable.Nullable[string], error) {
		pages++
		r, err := client.ListContactsWithResponse(ctx, &parvis.ListContactsParams{Limit: &limit, Cursor: cursor})
		if err != nil {
			return nil, nil, err
		}
		return r.JSON200.Data, r.JSON200.NextCursor, nil
	}) {
		if err != nil {
			t.Fatal(err)
		}
		if !made[contact.ID] {
			t.Fatalf("%s is listed twice or was not made here", contact.ID)
		}
		delete(made, contact.ID)
	}
	if len(made) != 0 || pages != 3 {
		t.Fatalf("%d pages, and not listed: %v", pages, made)
	}

	_, err = client.GetContactWithResponse(ctx, uuid.Max, &parvis.GetContactParams{})
	var problem *parvis.Problem
	if !errors.As(err, &problem) || problem.Status != http.StatusNotFound || problem.Code == "" || problem.RequestID == "" {
		t.Fatalf("nobody is no problem: %v", err)
	}
	stale := `"0"`
	_, err = client.UpdateContactWithApplicationMergePatchPlusJSONBodyWithResponse(ctx, first.JSON201.ID,
		&parvis.UpdateContactParams{IfMatch: &stale}, parvis.ContactPatch{GivenName: nullable.NewNullNullable[string]()})
	if !errors.As(err, &problem) || problem.Status != http.StatusPreconditionFailed {
		t.Fatalf("a stale version is no problem: %v", err)
	}
}
