package rights

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/access"
	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/web"
)

func roleToAPI(r Role) api.Role {
	return api.Role{
		ID: r.ID, Object: api.RoleObjectRole, Code: r.Code, Name: r.Name, Description: web.Nullable(r.Description), Scopes: nonNil(r.Scopes), Verbs: nonNil(r.Verbs),
		ReadableClasses: list(r.ReadableClasses), WritableClasses: list(r.WritableClasses), NeedsApproval: r.NeedsApproval, AllowsBreakGlass: r.BreakGlass,
		LongestDays: web.Nullable(r.LongestDays), ReviewEveryDays: web.Nullable(r.ReviewEveryDays), ArchivedAt: web.Nullable(r.ArchivedAt),
		CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, Version: r.Version,
	}
}

// list writes a nil list as null, unlike an empty one.
func list(in []string) nullable.Nullable[[]string] {
	if in == nil {
		return nullable.NewNullNullable[[]string]()
	}
	return nullable.NewNullableWithValue(in)
}

func teamToAPI(t Team) api.Team {
	return api.Team{
		ID: t.ID, Object: api.TeamObjectTeam, Code: t.Code, Name: t.Name, DepartmentID: web.Nullable(t.DepartmentID), ExternalID: web.Nullable(t.ExternalID),
		ArchivedAt: web.Nullable(t.ArchivedAt), CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt, Version: t.Version,
	}
}

func memberToAPI(m Member) api.TeamMember {
	return api.TeamMember{
		Object: api.TeamMemberObjectTeamMember, TeamID: m.TeamID, UserID: m.UserID, Name: m.Name, Email: m.Email, Status: m.Status, AddedAt: m.AddedAt,
	}
}

func (h *Handlers) assignmentToAPI(a Assignment) api.RoleAssignment {
	out := api.RoleAssignment{
		ID: a.ID, Object: api.RoleAssignmentObjectRoleAssignment, Principal: api.RoleHolder{Kind: a.PrincipalKind, ID: a.PrincipalID},
		RoleID: a.RoleID, RoleCode: a.RoleCode, DepartmentID: web.Nullable(a.DepartmentID), Kind: a.Kind, Status: a.Status,
		IsEffective: a.Effective(h.service.clock.Now()), Reason: web.Nullable(a.Reason), MappedFrom: web.Nullable(a.MappedFrom),
		RequestedBy: api.Actor{Kind: a.RequestedByKind, ID: a.RequestedBy}, DecidedBy: nullable.NewNullNullable[api.Actor](),
		DecidedAt: web.Nullable(a.DecidedAt), DecisionNote: web.Nullable(a.DecisionNote), StartsAt: a.StartsAt, ExpiresAt: web.Nullable(a.ExpiresAt),
		ReviewDueAt: web.Nullable(a.ReviewDueAt), CountsUntil: web.Nullable(a.CountsUntil()), ReviewedAt: web.Nullable(a.ReviewedAt),
		ReviewedBy: web.Nullable(a.ReviewedBy), RevokedAt: web.Nullable(a.RevokedAt), NoticedAt: web.Nullable(a.NoticedAt),
		CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt, Version: a.Version,
	}
	if a.DecidedByKind != nil && a.DecidedBy != nil {
		out.DecidedBy = nullable.NewNullableWithValue(api.Actor{Kind: *a.DecidedByKind, ID: *a.DecidedBy})
	}
	return out
}

func roleFromAPI(in api.RoleCreate) NewRole {
	out := NewRole{Code: in.Code, Name: in.Name, Scopes: in.Scopes, Verbs: []string{"see"}, NeedsApproval: true}
	assign(&out.Description, in.Description)
	if in.Verbs != nil {
		out.Verbs = *in.Verbs
	}
	assignClasses(&out.Readable, in.ReadableClasses)
	assignClasses(&out.Writable, in.WritableClasses)
	replace(&out.NeedsApproval, in.NeedsApproval)
	replace(&out.BreakGlass, in.AllowsBreakGlass)
	assign(&out.LongestDays, in.LongestDays)
	assign(&out.ReviewEveryDays, in.ReviewEveryDays)
	return out
}

func rolePatchFromAPI(in api.RolePatch) RolePatch {
	return RolePatch{
		Code: in.Code, Name: in.Name, Description: in.Description, Scopes: in.Scopes, Verbs: in.Verbs, Readable: in.ReadableClasses, Writable: in.WritableClasses,
		NeedsApproval: in.NeedsApproval, BreakGlass: in.AllowsBreakGlass, LongestDays: in.LongestDays, ReviewEveryDays: in.ReviewEveryDays,
	}
}

func teamFromAPI(in api.TeamCreate) NewTeam {
	return NewTeam{Code: in.Code, Name: in.Name, DepartmentID: optional(in.DepartmentID), ExternalID: optional(in.ExternalID)}
}

func teamPatchFromAPI(in api.TeamPatch) TeamPatch {
	return TeamPatch{Code: in.Code, Name: in.Name, DepartmentID: in.DepartmentID, ExternalID: in.ExternalID}
}

func grantFromAPI(in api.RoleGrant) Wish {
	out := Wish{
		PrincipalKind: string(in.PrincipalKind), PrincipalID: in.PrincipalID, RoleID: in.RoleID, DepartmentID: optional(in.DepartmentID), Kind: Ordinary,
		Reason: optional(in.Reason), StartsAt: optional(in.StartsAt), ExpiresAt: optional(in.ExpiresAt),
	}
	if in.Kind != nil {
		out.Kind = string(*in.Kind)
	}
	return out
}

func requestFromAPI(in api.RoleRequest) Wish {
	out := Wish{
		RoleID: in.RoleID, DepartmentID: optional(in.DepartmentID), Kind: Ordinary,
		Reason: optional(in.Reason), StartsAt: optional(in.StartsAt), ExpiresAt: optional(in.ExpiresAt),
	}
	if in.Kind != nil {
		out.Kind = string(*in.Kind)
	}
	return out
}

func filterFromAPI(in api.ListRoleAssignmentsParams) Filter {
	return Filter{
		PrincipalKind: text(in.PrincipalKind), PrincipalID: in.PrincipalID, RoleID: in.RoleID, DepartmentID: in.DepartmentID,
		Status: text(in.Status), Kind: text(in.Kind), Effective: in.IsEffective, Review: text(in.Review),
	}
}

// filterName tells one walk from another.
func filterName(in api.ListRoleAssignmentsParams) string {
	return fmt.Sprintf("role assignments %s %s %s %s %s %s %v %s", deref(in.PrincipalKind), deref(in.PrincipalID), deref(in.RoleID), deref(in.DepartmentID),
		deref(in.Status), deref(in.Kind), in.IsEffective != nil && *in.IsEffective, deref(in.Review)) + fmt.Sprint(in.IsEffective == nil)
}

func minutes(in *int32) time.Duration {
	if in == nil {
		return time.Hour
	}
	return time.Duration(*in) * time.Minute
}

func note(in *api.Decision) *string {
	if in == nil {
		return nil
	}
	return optional(in.Note)
}

func optional[T any](in nullable.Nullable[T]) *T {
	var out *T
	assign(&out, in)
	return out
}

func archived[T ~string](in *T) string {
	if in == nil {
		return "false"
	}
	return string(*in)
}

// required reads an If-Match that cannot be left out.
func required(header *string) (*int64, error) {
	version, err := web.IfMatch(header)
	if err == nil && version == nil {
		err = fault.New(fault.PreconditionRequired, "precondition-required").AtHeader("If-Match", "required")
	}
	return version, err
}

func text[T ~string](in *T) *string {
	if in == nil {
		return nil
	}
	return new(string(*in))
}

func deref[T any](in *T) T {
	var zero T
	if in == nil {
		return zero
	}
	return *in
}

func questionFromAPI(in api.ExplainAccessParams) (Question, error) {
	spec, known := api.Operations[in.Operation]
	if !known {
		return Question{}, fault.Invalid().AtParameter("operation", "unknown-operation")
	}
	q := Question{
		Kind: web.ActorKind(in.PrincipalKind), ID: in.PrincipalID, Contact: in.ContactID,
		Operation: Operation{
			ID: spec.ID, Method: spec.Method, Scope: spec.Scope, Verbs: spec.Verbs, Public: spec.Public, Identifiable: spec.Purpose == "identifiable",
		},
	}
	if in.Address != nil {
		a, err := netip.ParseAddr(*in.Address)
		if err != nil {
			return Question{}, fault.Invalid().AtParameter("address", "network")
		}
		q.Address = &a
	}
	return q, nil
}

func explanationToAPI(q Question, x Explanation) api.AccessExplanation {
	out := api.AccessExplanation{
		Object: api.AccessExplanationObjectAccessExplanation, Principal: api.Actor{Kind: string(q.Kind), ID: q.ID.String()}, Operation: q.Operation.ID,
		ContactID: web.Nullable(q.Contact), IsAllowed: x.Allowed, Status: nullable.NewNullNullable[int32](), Code: nullable.NewNullNullable[string](),
		Steps: web.Map(x.Steps, stepToAPI),
	}
	if !x.Allowed {
		out.Status, out.Code = nullable.NewNullableWithValue(int32(x.Status)), nullable.NewNullableWithValue(x.Code)
	}
	return out
}

func stepToAPI(s Step) api.AccessStep {
	return api.AccessStep{Rule: s.Rule, Outcome: s.Outcome, Detail: s.Detail, Sources: web.Map(s.Sources, sourceToAPI)}
}

func sourceToAPI(s Source) api.RightSource {
	out := api.RightSource{Kind: s.Kind, ID: web.Nullable[uuid.UUID](nil), Name: web.Nullable[string](nil), DepartmentID: web.Nullable[uuid.UUID](nil), EndsAt: web.Nullable[time.Time](nil)}
	if s.Role != nil {
		out.ID, out.Name = nullable.NewNullableWithValue(s.Role.AssignmentID), nullable.NewNullableWithValue(s.Role.Code)
		out.DepartmentID, out.EndsAt = web.Nullable(s.Role.DepartmentID), web.Nullable(s.Role.EndsAt)
	}
	return out
}

func rightsToAPI(user uuid.UUID, r UserRights) api.UserRights {
	return api.UserRights{
		Object: api.UserRightsObjectUserRights, UserID: user, IsActive: r.Ended == "", EndsAt: web.Nullable(r.EndsAt), SeesEverything: r.Actor.Sight.All(),
		Scopes: web.Map(r.Scopes, func(s HeldScope) api.HeldScope {
			return api.HeldScope{Scope: s.Scope, Sources: web.Map(s.Sources, sourceToAPI)}
		}),
		Verbs: web.Map(access.HeldVerbs(r.Actor.Sight), access.HeldVerbToAPI), Roles: web.Map(r.Roles, access.HeldRoleToAPI),
		ReadableClasses: list(r.Actor.Readable), WritableClasses: list(r.Actor.Writable),
	}
}
