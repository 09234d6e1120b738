package rights

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/operations"
	"github.com/parvis-crm/parvis/internal/web"
)

// Handlers answers the operations of api/rights.yaml.
type Handlers struct {
	service *Service
	cursors web.Cursors
}

var _ api.RightsOperations = (*Handlers)(nil)

// NewHandlers makes the handlers.
func NewHandlers(s *Service, c web.Cursors) *Handlers { return &Handlers{service: s, cursors: c} }

// walk reads where a list goes on. Rows are ordered by their id.
func (h *Handlers) walk(cursor *string, walk string) (*uuid.UUID, error) {
	var after uuid.UUID
	resumed, err := h.cursors.Decode(cursor, walk, &after)
	return web.If(resumed, &after), err
}

// ListRoles implements GET /v1/roles.
func (h *Handlers) ListRoles(ctx context.Context, r api.ListRolesRequestObject) (api.ListRolesResponseObject, error) {
	walk, limit := fmt.Sprintf("roles %s", deref(r.Params.Archived)), web.Limit(r.Params.Limit)
	after, err := h.walk(r.Params.Cursor, walk)
	if err != nil {
		return nil, err
	}
	rows, err := h.service.ListRoles(ctx, archived(r.Params.Archived), after, limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(x Role) any { return x.ID })
	if err != nil {
		return nil, err
	}
	return api.ListRoles200JSONResponse{
		Body:    api.RoleList{Data: web.Map(page.Items, roleToAPI), NextCursor: page.Next},
		Headers: api.ListRoles200ResponseHeaders{Link: page.Link(ctx)},
	}, nil
}

// CreateRole implements POST /v1/roles.
func (h *Handlers) CreateRole(ctx context.Context, r api.CreateRoleRequestObject) (api.CreateRoleResponseObject, error) {
	x, err := h.service.CreateRole(ctx, roleFromAPI(*r.Body))
	if err != nil {
		return nil, err
	}
	return api.CreateRole201JSONResponse{Body: roleToAPI(x), Headers: api.CreateRole201ResponseHeaders{Location: "/v1/roles/" + x.ID.String(), ETag: web.ETag(x.Version)}}, nil
}

// GetRole implements GET /v1/roles/{role_id}.
func (h *Handlers) GetRole(ctx context.Context, r api.GetRoleRequestObject) (api.GetRoleResponseObject, error) {
	x, err := h.service.GetRole(ctx, r.RoleID)
	if err != nil {
		return nil, err
	}
	return api.GetRole200JSONResponse{Body: roleToAPI(x), Headers: api.GetRole200ResponseHeaders{ETag: web.ETag(x.Version)}}, nil
}

// UpdateRole implements PATCH /v1/roles/{role_id}.
func (h *Handlers) UpdateRole(ctx context.Context, r api.UpdateRoleRequestObject) (api.UpdateRoleResponseObject, error) {
	version, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	x, err := h.service.UpdateRole(ctx, r.RoleID, rolePatchFromAPI(*r.Body), version)
	if err != nil {
		return nil, err
	}
	return api.UpdateRole200JSONResponse{Body: roleToAPI(x), Headers: api.UpdateRole200ResponseHeaders{ETag: web.ETag(x.Version)}}, nil
}

// ArchiveRole implements POST /v1/roles/{role_id}/archive.
func (h *Handlers) ArchiveRole(ctx context.Context, r api.ArchiveRoleRequestObject) (api.ArchiveRoleResponseObject, error) {
	version, err := required(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	x, err := h.service.ArchiveRole(ctx, r.RoleID, version)
	if err != nil {
		return nil, err
	}
	return api.ArchiveRole200JSONResponse{Body: roleToAPI(x), Headers: api.ArchiveRole200ResponseHeaders{ETag: web.ETag(x.Version)}}, nil
}

// RestoreRole implements POST /v1/roles/{role_id}/restore.
func (h *Handlers) RestoreRole(ctx context.Context, r api.RestoreRoleRequestObject) (api.RestoreRoleResponseObject, error) {
	version, err := required(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	x, err := h.service.RestoreRole(ctx, r.RoleID, version)
	if err != nil {
		return nil, err
	}
	return api.RestoreRole200JSONResponse{Body: roleToAPI(x), Headers: api.RestoreRole200ResponseHeaders{ETag: web.ETag(x.Version)}}, nil
}

// ListTeams implements GET /v1/teams.
func (h *Handlers) ListTeams(ctx context.Context, r api.ListTeamsRequestObject) (api.ListTeamsResponseObject, error) {
	walk, limit := fmt.Sprintf("teams %s %s", deref(r.Params.Archived), deref(r.Params.UserID)), web.Limit(r.Params.Limit)
	after, err := h.walk(r.Params.Cursor, walk)
	if err != nil {
		return nil, err
	}
	rows, err := h.service.ListTeams(ctx, TeamFilter{Archived: archived(r.Params.Archived), UserID: r.Params.UserID}, after, limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(x Team) any { return x.ID })
	if err != nil {
		return nil, err
	}
	return api.ListTeams200JSONResponse{
		Body:    api.TeamList{Data: web.Map(page.Items, teamToAPI), NextCursor: page.Next},
		Headers: api.ListTeams200ResponseHeaders{Link: page.Link(ctx)},
	}, nil
}

// CreateTeam implements POST /v1/teams.
func (h *Handlers) CreateTeam(ctx context.Context, r api.CreateTeamRequestObject) (api.CreateTeamResponseObject, error) {
	x, err := h.service.CreateTeam(ctx, teamFromAPI(*r.Body))
	if err != nil {
		return nil, err
	}
	return api.CreateTeam201JSONResponse{Body: teamToAPI(x), Headers: api.CreateTeam201ResponseHeaders{Location: "/v1/teams/" + x.ID.String(), ETag: web.ETag(x.Version)}}, nil
}

// GetTeam implements GET /v1/teams/{team_id}.
func (h *Handlers) GetTeam(ctx context.Context, r api.GetTeamRequestObject) (api.GetTeamResponseObject, error) {
	x, err := h.service.GetTeam(ctx, r.TeamID)
	if err != nil {
		return nil, err
	}
	return api.GetTeam200JSONResponse{Body: teamToAPI(x), Headers: api.GetTeam200ResponseHeaders{ETag: web.ETag(x.Version)}}, nil
}

// UpdateTeam implements PATCH /v1/teams/{team_id}.
func (h *Handlers) UpdateTeam(ctx context.Context, r api.UpdateTeamRequestObject) (api.UpdateTeamResponseObject, error) {
	version, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	x, err := h.service.UpdateTeam(ctx, r.TeamID, teamPatchFromAPI(*r.Body), version)
	if err != nil {
		return nil, err
	}
	return api.UpdateTeam200JSONResponse{Body: teamToAPI(x), Headers: api.UpdateTeam200ResponseHeaders{ETag: web.ETag(x.Version)}}, nil
}

// ArchiveTeam implements POST /v1/teams/{team_id}/archive.
func (h *Handlers) ArchiveTeam(ctx context.Context, r api.ArchiveTeamRequestObject) (api.ArchiveTeamResponseObject, error) {
	version, err := required(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	x, err := h.service.ArchiveTeam(ctx, r.TeamID, version)
	if err != nil {
		return nil, err
	}
	return api.ArchiveTeam200JSONResponse{Body: teamToAPI(x), Headers: api.ArchiveTeam200ResponseHeaders{ETag: web.ETag(x.Version)}}, nil
}

// RestoreTeam implements POST /v1/teams/{team_id}/restore.
func (h *Handlers) RestoreTeam(ctx context.Context, r api.RestoreTeamRequestObject) (api.RestoreTeamResponseObject, error) {
	version, err := required(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	x, err := h.service.RestoreTeam(ctx, r.TeamID, version)
	if err != nil {
		return nil, err
	}
	return api.RestoreTeam200JSONResponse{Body: teamToAPI(x), Headers: api.RestoreTeam200ResponseHeaders{ETag: web.ETag(x.Version)}}, nil
}

// CreateDefaultRoles implements POST /v1/roles/defaults.
func (h *Handlers) CreateDefaultRoles(ctx context.Context, _ api.CreateDefaultRolesRequestObject) (api.CreateDefaultRolesResponseObject, error) {
	roles, err := h.service.CreateDefaultRoles(ctx)
	if err != nil {
		return nil, err
	}
	return api.CreateDefaultRoles200JSONResponse{Data: web.Map(roles, roleToAPI), NextCursor: web.Nullable[string](nil)}, nil
}

// ListTeamMembers implements GET /v1/teams/{team_id}/members.
func (h *Handlers) ListTeamMembers(ctx context.Context, r api.ListTeamMembersRequestObject) (api.ListTeamMembersResponseObject, error) {
	walk, limit := fmt.Sprintf("team members %s", r.TeamID), web.Limit(r.Params.Limit)
	after, err := h.walk(r.Params.Cursor, walk)
	if err != nil {
		return nil, err
	}
	rows, err := h.service.ListMembers(ctx, r.TeamID, after, limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(x Member) any { return x.UserID })
	if err != nil {
		return nil, err
	}
	return api.ListTeamMembers200JSONResponse{
		Body:    api.TeamMemberList{Data: web.Map(page.Items, memberToAPI), NextCursor: page.Next},
		Headers: api.ListTeamMembers200ResponseHeaders{Link: page.Link(ctx)},
	}, nil
}

// AddTeamMember implements PUT /v1/teams/{team_id}/members/{user_id}.
func (h *Handlers) AddTeamMember(ctx context.Context, r api.AddTeamMemberRequestObject) (api.AddTeamMemberResponseObject, error) {
	x, err := h.service.AddMember(ctx, r.TeamID, r.UserID)
	if err != nil {
		return nil, err
	}
	return api.AddTeamMember200JSONResponse(memberToAPI(x)), nil
}

// RemoveTeamMember implements DELETE /v1/teams/{team_id}/members/{user_id}.
func (h *Handlers) RemoveTeamMember(ctx context.Context, r api.RemoveTeamMemberRequestObject) (api.RemoveTeamMemberResponseObject, error) {
	if err := h.service.RemoveMember(ctx, r.TeamID, r.UserID); err != nil {
		return nil, err
	}
	return api.RemoveTeamMember204Response{}, nil
}

// ListRoleAssignments implements GET /v1/role-assignments.
func (h *Handlers) ListRoleAssignments(ctx context.Context, r api.ListRoleAssignmentsRequestObject) (api.ListRoleAssignmentsResponseObject, error) {
	walk, limit := filterName(r.Params), web.Limit(r.Params.Limit)
	after, err := h.walk(r.Params.Cursor, walk)
	if err != nil {
		return nil, err
	}
	rows, err := h.service.ListAssignments(ctx, filterFromAPI(r.Params), after, limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(x Assignment) any { return x.ID })
	if err != nil {
		return nil, err
	}
	return api.ListRoleAssignments200JSONResponse{
		Body:    api.RoleAssignmentList{Data: web.Map(page.Items, h.assignmentToAPI), NextCursor: page.Next},
		Headers: api.ListRoleAssignments200ResponseHeaders{Link: page.Link(ctx)},
	}, nil
}

// AssignRole implements POST /v1/role-assignments.
func (h *Handlers) AssignRole(ctx context.Context, r api.AssignRoleRequestObject) (api.AssignRoleResponseObject, error) {
	x, err := h.service.Assign(ctx, grantFromAPI(*r.Body))
	if err != nil {
		return nil, err
	}
	return api.AssignRole201JSONResponse{Body: h.assignmentToAPI(x), Headers: api.AssignRole201ResponseHeaders{Location: "/v1/role-assignments/" + x.ID.String(), ETag: web.ETag(x.Version)}}, nil
}

// RequestRole implements POST /v1/role-assignments/request.
func (h *Handlers) RequestRole(ctx context.Context, r api.RequestRoleRequestObject) (api.RequestRoleResponseObject, error) {
	x, err := h.service.Request(ctx, requestFromAPI(*r.Body))
	if err != nil {
		return nil, err
	}
	return api.RequestRole201JSONResponse{Body: h.assignmentToAPI(x), Headers: api.RequestRole201ResponseHeaders{Location: "/v1/role-assignments/" + x.ID.String(), ETag: web.ETag(x.Version)}}, nil
}

// BreakGlass implements POST /v1/role-assignments/break-glass.
func (h *Handlers) BreakGlass(ctx context.Context, r api.BreakGlassRequestObject) (api.BreakGlassResponseObject, error) {
	x, err := h.service.Break(ctx, r.Body.RoleID, optional(r.Body.DepartmentID), r.Body.Reason, minutes(r.Body.Minutes))
	if err != nil {
		return nil, err
	}
	return api.BreakGlass201JSONResponse{Body: h.assignmentToAPI(x), Headers: api.BreakGlass201ResponseHeaders{Location: "/v1/role-assignments/" + x.ID.String(), ETag: web.ETag(x.Version)}}, nil
}

// GetRoleAssignment implements GET /v1/role-assignments/{role_assignment_id}.
func (h *Handlers) GetRoleAssignment(ctx context.Context, r api.GetRoleAssignmentRequestObject) (api.GetRoleAssignmentResponseObject, error) {
	x, err := h.service.GetAssignment(ctx, r.RoleAssignmentID)
	if err != nil {
		return nil, err
	}
	return api.GetRoleAssignment200JSONResponse{Body: h.assignmentToAPI(x), Headers: api.GetRoleAssignment200ResponseHeaders{ETag: web.ETag(x.Version)}}, nil
}

// ApproveRoleAssignment implements POST /v1/role-assignments/{role_assignment_id}/approve.
func (h *Handlers) ApproveRoleAssignment(ctx context.Context, r api.ApproveRoleAssignmentRequestObject) (api.ApproveRoleAssignmentResponseObject, error) {
	version, err := required(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	x, err := h.service.Approve(ctx, r.RoleAssignmentID, note(r.Body), version)
	if err != nil {
		return nil, err
	}
	return api.ApproveRoleAssignment200JSONResponse{Body: h.assignmentToAPI(x), Headers: api.ApproveRoleAssignment200ResponseHeaders{ETag: web.ETag(x.Version)}}, nil
}

// RefuseRoleAssignment implements POST /v1/role-assignments/{role_assignment_id}/refuse.
func (h *Handlers) RefuseRoleAssignment(ctx context.Context, r api.RefuseRoleAssignmentRequestObject) (api.RefuseRoleAssignmentResponseObject, error) {
	version, err := required(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	x, err := h.service.Refuse(ctx, r.RoleAssignmentID, note(r.Body), version)
	if err != nil {
		return nil, err
	}
	return api.RefuseRoleAssignment200JSONResponse{Body: h.assignmentToAPI(x), Headers: api.RefuseRoleAssignment200ResponseHeaders{ETag: web.ETag(x.Version)}}, nil
}

// RevokeRoleAssignment implements POST /v1/role-assignments/{role_assignment_id}/revoke.
func (h *Handlers) RevokeRoleAssignment(ctx context.Context, r api.RevokeRoleAssignmentRequestObject) (api.RevokeRoleAssignmentResponseObject, error) {
	version, err := required(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	x, err := h.service.Revoke(ctx, r.RoleAssignmentID, note(r.Body), version)
	if err != nil {
		return nil, err
	}
	return api.RevokeRoleAssignment200JSONResponse{Body: h.assignmentToAPI(x), Headers: api.RevokeRoleAssignment200ResponseHeaders{ETag: web.ETag(x.Version)}}, nil
}

// WithdrawRoleAssignment implements POST /v1/role-assignments/{role_assignment_id}/withdraw.
func (h *Handlers) WithdrawRoleAssignment(ctx context.Context, r api.WithdrawRoleAssignmentRequestObject) (api.WithdrawRoleAssignmentResponseObject, error) {
	version, err := required(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	x, err := h.service.Withdraw(ctx, r.RoleAssignmentID, note(r.Body), version)
	if err != nil {
		return nil, err
	}
	return api.WithdrawRoleAssignment200JSONResponse{Body: h.assignmentToAPI(x), Headers: api.WithdrawRoleAssignment200ResponseHeaders{ETag: web.ETag(x.Version)}}, nil
}

// ReviewRoleAssignment implements POST /v1/role-assignments/{role_assignment_id}/review.
func (h *Handlers) ReviewRoleAssignment(ctx context.Context, r api.ReviewRoleAssignmentRequestObject) (api.ReviewRoleAssignmentResponseObject, error) {
	version, err := required(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	x, err := h.service.Review(ctx, r.RoleAssignmentID, note(r.Body), version)
	if err != nil {
		return nil, err
	}
	return api.ReviewRoleAssignment200JSONResponse{Body: h.assignmentToAPI(x), Headers: api.ReviewRoleAssignment200ResponseHeaders{ETag: web.ETag(x.Version)}}, nil
}

// ExplainAccess implements GET /v1/access/explain.
func (h *Handlers) ExplainAccess(ctx context.Context, r api.ExplainAccessRequestObject) (api.ExplainAccessResponseObject, error) {
	q, err := questionFromAPI(r.Params)
	if err != nil {
		return nil, err
	}
	x, err := h.service.Explain(ctx, q)
	if err != nil {
		return nil, err
	}
	return api.ExplainAccess200JSONResponse(explanationToAPI(q, x)), nil
}

// GetUserRights implements GET /v1/users/{user_id}/rights.
func (h *Handlers) GetUserRights(ctx context.Context, r api.GetUserRightsRequestObject) (api.GetUserRightsResponseObject, error) {
	x, err := h.service.RightsOf(ctx, r.UserID)
	if err != nil {
		return nil, err
	}
	return api.GetUserRights200JSONResponse(rightsToAPI(r.UserID, x)), nil
}

// ReassignUser implements POST /v1/users/{user_id}/reassignments.
func (h *Handlers) ReassignUser(ctx context.Context, r api.ReassignUserRequestObject) (api.ReassignUserResponseObject, error) {
	x, err := h.service.HandOver(ctx, r.UserID, r.Body.To)
	if err != nil {
		return nil, err
	}
	return api.ReassignUser202JSONResponse{
		Body:    operations.ToAPI(x),
		Headers: api.ReassignUser202ResponseHeaders{Location: "/v1/operations/" + x.ID.String(), ETag: web.ETag(x.Version)},
	}, nil
}
