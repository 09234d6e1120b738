package scim

import (
	"context"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/rights"
	"github.com/parvis-crm/parvis/internal/web"
)

// CreateGroup makes a team with its members.
func (s *Service) CreateGroup(ctx context.Context, body map[string]any) (Resource, error) {
	doc, err := readWhole(groupKind(), body)
	if err != nil {
		return Resource{}, err
	}
	return inTx(ctx, s, func(ctx context.Context, tx pgx.Tx, actor web.Actor) (Resource, error) {
		name := doc["displayName"].(string)
		code := codeOf(name)
		taken, err := s.q.GroupCodeTaken(ctx, tx, actor.Tenant, code)
		if err != nil {
			return Resource{}, err
		}
		if taken {
			tail := ids.New().String()
			code = strings.TrimRight(code[:min(len(code), 40)], "-_") + "-" + tail[len(tail)-12:]
		}
		t, err := s.rights.AddDirectoryTeamTx(ctx, tx, actor.Tenant, rights.NewTeam{Code: code, Name: name, ExternalID: textOf(doc["externalId"])})
		if err != nil {
			return Resource{}, groupConflict(err)
		}
		if err := s.q.PutScimGroup(ctx, tx, actor.Tenant, t.ID, sourceOf(actor)); err != nil {
			return Resource{}, err
		}
		return s.keepMembers(ctx, tx, actor, t, nil, doc)
	})
}

// codeOf makes a team's code of a group's name.
func codeOf(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() == 60 {
			break
		}
	}
	if code := strings.TrimRight(b.String(), "-"); code != "" {
		return code
	}
	return "group"
}

// ReplaceGroup makes a group what the directory says, whole.
func (s *Service) ReplaceGroup(ctx context.Context, id string, body map[string]any, version *string) (Resource, error) {
	doc, err := readWhole(groupKind(), body)
	if err != nil {
		return Resource{}, err
	}
	return s.changeGroup(ctx, id, version, func(document) (document, error) { return doc, nil })
}

// PatchGroup changes a group.
func (s *Service) PatchGroup(ctx context.Context, id string, body map[string]any, version *string) (Resource, error) {
	changes, err := readPatch(body)
	if err != nil {
		return Resource{}, err
	}
	return s.changeGroup(ctx, id, version, func(before document) (document, error) { return groupKind().apply(before, changes) })
}

func (s *Service) changeGroup(ctx context.Context, id string, version *string, change func(document) (document, error)) (Resource, error) {
	return inTx(ctx, s, func(ctx context.Context, tx pgx.Tx, actor web.Actor) (Resource, error) {
		g, t, err := s.lockGroup(ctx, tx, actor, id, version)
		if err != nil {
			return Resource{}, err
		}
		before, err := g.document()
		if err != nil {
			return Resource{}, err
		}
		after, err := change(before)
		if err != nil {
			return Resource{}, err
		}
		if t, err = s.rights.ChangeDirectoryTeamTx(ctx, tx, t, after["displayName"].(string), textOf(after["externalId"])); err != nil {
			return Resource{}, groupConflict(err)
		}
		// A team that was the directory's by its external identifier stays so
		// without it.
		if err := s.q.PutScimGroup(ctx, tx, actor.Tenant, t.ID, sourceOf(actor)); err != nil {
			return Resource{}, err
		}
		return s.keepMembers(ctx, tx, actor, t, before, after)
	})
}

// DeleteGroup archives the team.
func (s *Service) DeleteGroup(ctx context.Context, id string, version *string) error {
	_, err := inTx(ctx, s, func(ctx context.Context, tx pgx.Tx, actor web.Actor) (struct{}, error) {
		g, t, err := s.lockGroup(ctx, tx, actor, id, version)
		if err != nil {
			return struct{}{}, err
		}
		doc, err := g.document()
		if err != nil {
			return struct{}{}, err
		}
		for user := range membersOf(doc) {
			if err := s.rights.RemoveDirectoryMemberTx(ctx, tx, t, user); err != nil {
				return struct{}{}, err
			}
		}
		return struct{}{}, s.rights.ArchiveDirectoryTeamTx(ctx, tx, t)
	})
	return err
}

func (s *Service) lockGroup(ctx context.Context, tx pgx.Tx, actor web.Actor, id string, version *string) (group, rights.Team, error) {
	wanted, err := uuid.Parse(id)
	if err != nil {
		return group{}, rights.Team{}, fault.NotFound()
	}
	t, err := s.rights.LockDirectoryTeamTx(ctx, tx, actor.Tenant, wanted)
	if err != nil {
		return group{}, rights.Team{}, err
	}
	g, err := s.readGroup(ctx, tx, actor.Tenant, sourceOf(actor), id)
	if err != nil {
		return group{}, rights.Team{}, err
	}
	return g, t, checkVersion(version, g.etag())
}

func groupConflict(err error) error {
	if f, ok := fault.As(err); ok && f.Code == "already-exists" {
		return fault.New(fault.Conflict, "already-exists").At("#/externalId", "not-unique").Because(err)
	}
	return err
}

// membersOf are the users in a document, each once.
func membersOf(doc document) map[uuid.UUID]bool {
	out := map[uuid.UUID]bool{}
	for _, m := range valuesOf(doc["members"]) {
		text, _ := m["value"].(string)
		if id, err := uuid.Parse(text); err == nil {
			out[id] = true
		}
	}
	return out
}

// keepMembers puts users into the team and takes them out, and reads the group.
func (s *Service) keepMembers(ctx context.Context, tx pgx.Tx, actor web.Actor, t rights.Team, before, after document) (Resource, error) {
	had, wanted := membersOf(before), membersOf(after)
	var added []uuid.UUID
	for _, m := range valuesOf(after["members"]) {
		text, _ := m["value"].(string)
		id, err := uuid.Parse(text)
		if err != nil {
			return Resource{}, valueFault("members.value", "the id of a user is wanted")
		}
		if !had[id] {
			had[id] = true // once, if it is named twice
			added = append(added, id)
		}
	}
	known, err := s.q.KnownUsers(ctx, tx, actor.Tenant, added)
	if err != nil {
		return Resource{}, err
	}
	if len(known) != len(added) {
		return Resource{}, valueFault("members.value", "a user is not there")
	}
	for _, id := range added {
		if err := s.rights.AddDirectoryMemberTx(ctx, tx, t, id); err != nil {
			return Resource{}, err
		}
	}
	for id := range membersOf(before) {
		if !wanted[id] {
			if err := s.rights.RemoveDirectoryMemberTx(ctx, tx, t, id); err != nil {
				return Resource{}, err
			}
		}
	}
	g, err := s.readGroup(ctx, tx, actor.Tenant, sourceOf(actor), t.ID.String())
	if err != nil {
		return Resource{}, err
	}
	return g.resource(ctx)
}
