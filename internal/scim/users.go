package scim

import (
	"context"
	"encoding/json"
	"maps"
	"reflect"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/access"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/scim/internal/scimdb"
	"github.com/parvis-crm/parvis/internal/web"
)

// CreateUser adds a user, or takes back the record of one who was deleted.
func (s *Service) CreateUser(ctx context.Context, body map[string]any) (Resource, error) {
	doc, err := readWhole(userKind(), body)
	if err != nil {
		return Resource{}, err
	}
	if doc["active"] == nil {
		doc["active"] = true
	}
	return inTx(ctx, s, func(ctx context.Context, tx pgx.Tx, actor web.Actor) (Resource, error) {
		source := sourceOf(actor)
		told, err := toldOf(doc)
		if err != nil {
			return Resource{}, err
		}
		userName := doc["userName"].(string)
		id, err := s.q.DeletedUserByName(ctx, tx, scimdb.DeletedUserByNameParams{TenantID: actor.Tenant, Source: source, UserName: userName, Email: told.Email})
		switch {
		case pg.IsNoRows(err):
			if err := s.nameFree(ctx, tx, actor.Tenant, userName, uuid.Nil); err != nil {
				return Resource{}, err
			}
			made, err := s.access.AddDirectoryUserTx(ctx, tx, actor.Tenant, told)
			if err != nil {
				return Resource{}, userConflict(err)
			}
			id = made.ID
		case err != nil:
			return Resource{}, err
		default:
			if err := s.nameFree(ctx, tx, actor.Tenant, userName, id); err != nil {
				return Resource{}, err
			}
			before, err := s.access.LockUserTx(ctx, tx, actor.Tenant, id)
			if err != nil {
				return Resource{}, err
			}
			if _, err := s.access.ChangeDirectoryUserTx(ctx, tx, before, told); err != nil {
				return Resource{}, userConflict(err)
			}
		}
		return s.keepUser(ctx, tx, actor, id, source, doc)
	})
}

// ReplaceUser makes a user what the directory says, whole (RFC 7644 §3.5.1).
func (s *Service) ReplaceUser(ctx context.Context, id string, body map[string]any, version *string) (Resource, error) {
	doc, err := readWhole(userKind(), body)
	if err != nil {
		return Resource{}, err
	}
	return s.changeUser(ctx, id, version, func(before document) (document, error) {
		if doc["active"] == nil {
			doc["active"] = before["active"]
		}
		return doc, nil
	})
}

// PatchUser changes a user (RFC 7644 §3.5.2).
func (s *Service) PatchUser(ctx context.Context, id string, body map[string]any, version *string) (Resource, error) {
	changes, err := readPatch(body)
	if err != nil {
		return Resource{}, err
	}
	return s.changeUser(ctx, id, version, func(before document) (document, error) {
		after, err := userKind().apply(before, changes)
		if err == nil && after["active"] == nil {
			after["active"] = false // taken away is not given
		}
		return after, err
	})
}

func (s *Service) changeUser(ctx context.Context, id string, version *string, change func(document) (document, error)) (Resource, error) {
	return inTx(ctx, s, func(ctx context.Context, tx pgx.Tx, actor web.Actor) (Resource, error) {
		u, row, err := s.lockUser(ctx, tx, actor, id, version)
		if err != nil {
			return Resource{}, err
		}
		before, err := u.document()
		if err != nil {
			return Resource{}, err
		}
		after, err := change(before)
		if err != nil {
			return Resource{}, err
		}
		if u.source != nil && reflect.DeepEqual(before, after) {
			return u.resource(ctx)
		}
		if err := s.nameFree(ctx, tx, actor.Tenant, after["userName"].(string), u.id); err != nil {
			return Resource{}, err
		}
		told, err := toldOf(after)
		if err != nil {
			return Resource{}, err
		}
		if _, err := s.access.ChangeDirectoryUserTx(ctx, tx, row, told); err != nil {
			return Resource{}, userConflict(err)
		}
		return s.keepUser(ctx, tx, actor, u.id, sourceOf(actor), after)
	})
}

// DeleteUser ends what a user may do and has been given. The record stays.
func (s *Service) DeleteUser(ctx context.Context, id string, version *string) error {
	_, err := inTx(ctx, s, func(ctx context.Context, tx pgx.Tx, actor web.Actor) (struct{}, error) {
		if err := s.rights.LockTx(ctx, tx, actor.Tenant); err != nil {
			return struct{}{}, err
		}
		u, row, err := s.lockUser(ctx, tx, actor, id, version)
		if err != nil {
			return struct{}{}, err
		}
		row, err = s.access.ChangeDirectoryUserTx(ctx, tx, row, access.DirectoryUser{Email: row.Email, Name: row.Name})
		if err != nil {
			return struct{}{}, err
		}
		if _, err := s.access.DropDirectScopesTx(ctx, tx, row); err != nil {
			return struct{}{}, err
		}
		if err := s.leaveTeams(ctx, tx, actor.Tenant, u.id); err != nil {
			return struct{}{}, err
		}
		if err := s.rights.EndAllOfTx(ctx, tx, actor.Tenant, u.id, string(actor.Kind), actor.ID); err != nil {
			return struct{}{}, err
		}
		name := u.email
		if u.userName != nil {
			name = *u.userName
		}
		return struct{}{}, s.q.DeleteScimUser(ctx, tx, scimdb.DeleteScimUserParams{TenantID: actor.Tenant, UserID: u.id, Source: sourceOf(actor), UserName: name})
	})
	return err
}

func (s *Service) leaveTeams(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID) error {
	teams, err := s.q.TeamsOfUser(ctx, tx, tenant, id)
	if err != nil {
		return err
	}
	for _, team := range teams {
		t, err := s.rights.LockDirectoryTeamTx(ctx, tx, tenant, team)
		if err != nil {
			return err
		}
		if err := s.rights.RemoveDirectoryMemberTx(ctx, tx, t, id); err != nil {
			return err
		}
	}
	return nil
}

// lockUser reads a user who is about to be changed. Another directory's are not
// this one's to change, nor is somebody with rights of their own whom no
// directory answers for: the institution's way in when the directory fails.
func (s *Service) lockUser(ctx context.Context, tx pgx.Tx, actor web.Actor, id string, version *string) (user, access.User, error) {
	wanted, err := uuid.Parse(id)
	if err != nil {
		return user{}, access.User{}, fault.NotFound()
	}
	row, err := s.access.LockUserTx(ctx, tx, actor.Tenant, wanted)
	if err != nil {
		return user{}, access.User{}, err
	}
	source := sourceOf(actor)
	u, err := s.readUser(ctx, tx, actor.Tenant, source, id)
	if err != nil {
		return user{}, access.User{}, err
	}
	if (u.source != nil && *u.source != source) || (u.source == nil && len(u.scopes) > 0) {
		return user{}, access.User{}, fault.New(fault.Forbidden, "scim-other-source")
	}
	return u, row, checkVersion(version, u.etag())
}

func (s *Service) nameFree(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, name string, except uuid.UUID) error {
	taken, err := s.q.NameTaken(ctx, tx, tenant, name, except)
	if pg.IsNoRows(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return fault.New(fault.Conflict, "already-exists").Extra("existing_id", taken).At("#/userName", "not-unique")
}

// userConflict names what is taken as the directory knows it.
func userConflict(err error) error {
	if f, ok := fault.As(err); ok && f.Code == "already-exists" {
		return fault.New(fault.Conflict, "already-exists").At("#/emails", "not-unique").Because(err)
	}
	return err
}

// keepUser keeps what only the directory wants to read back, and reads the user.
func (s *Service) keepUser(ctx context.Context, tx pgx.Tx, actor web.Actor, id uuid.UUID, source string, doc document) (Resource, error) {
	kept := maps.Clone(doc)
	for _, name := range []string{"userName", "externalId", "active"} {
		delete(kept, name)
	}
	attributes, err := json.Marshal(kept)
	if err != nil {
		return Resource{}, err
	}
	err = s.q.PutScimUser(ctx, tx, scimdb.PutScimUserParams{
		TenantID: actor.Tenant, UserID: id, Source: source, UserName: doc["userName"].(string), ExternalID: textOf(doc["externalId"]), Attributes: attributes,
	})
	switch {
	case pg.Violated(err, "scim_users_user_name"):
		return Resource{}, fault.New(fault.Conflict, "already-exists").At("#/userName", "not-unique")
	case pg.Violated(err, "scim_users_external_id"):
		return Resource{}, fault.New(fault.Conflict, "already-exists").At("#/externalId", "not-unique")
	case err != nil:
		return Resource{}, err
	}
	u, err := s.readUser(ctx, tx, actor.Tenant, source, id.String())
	if err != nil {
		return Resource{}, err
	}
	return u.resource(ctx)
}

func textOf(value any) *string {
	if text, ok := value.(string); ok && text != "" {
		return &text
	}
	return nil
}

// toldOf is what a document says of the user who acts.
func toldOf(doc document) (access.DirectoryUser, error) {
	told := access.DirectoryUser{Name: nameOf(doc), Email: doc["userName"].(string), Locale: languageOf(doc), Active: doc["active"] == true}
	best := -1
	for _, value := range valuesOf(doc["emails"]) {
		address, _ := value["value"].(string)
		if strings.Count(address, "@") != 1 {
			return told, valueFault("emails.value", "an address is wanted")
		}
		kind, _ := value["type"].(string)
		rank := 0
		if value["primary"] == true {
			rank = 2
		} else if strings.EqualFold(kind, "work") {
			rank = 1
		}
		if rank > best {
			best, told.Email = rank, address
		}
	}
	if len([]rune(told.Email)) < 3 {
		return told, valueFault("userName", "shorter than 3 characters")
	}
	return told, nil
}

// nameOf is the name that people read.
func nameOf(doc document) string {
	parts, _ := doc["name"].(map[string]any)
	text := func(m map[string]any, name string) string { t, _ := m[name].(string); return strings.TrimSpace(t) }
	for _, name := range []string{
		text(doc, "displayName"), text(parts, "formatted"), strings.TrimSpace(text(parts, "givenName") + " " + text(parts, "familyName")), text(doc, "userName"), "?",
	} {
		if name != "" {
			runes := []rune(name)
			return string(runes[:min(len(runes), mostCharacter)])
		}
	}
	return ""
}

// languageOf is the language that a user is written to in, where it is one of
// ours.
func languageOf(doc document) string {
	for _, name := range []string{"preferredLanguage", "locale"} {
		text, _ := doc[name].(string)
		first, _, _ := strings.Cut(strings.ReplaceAll(text, "_", "-"), "-")
		if first = strings.ToLower(first); first == "fr" || first == "en" {
			return first
		}
	}
	return ""
}

func readWhole(k kindOf, body map[string]any) (document, error) {
	doc, err := k.read(body)
	if err != nil {
		return nil, err
	}
	return doc, k.complete(doc)
}

func inTx[T any](ctx context.Context, s *Service, fn func(context.Context, pgx.Tx, web.Actor) (T, error)) (T, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		var none T
		return none, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (T, error) { return fn(ctx, tx, actor) })
}
