package operations

import (
	"encoding/json"

	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/web"
)

// ToAPI gives the contract's form, for the answers of domains that start
// operations.
func ToAPI(o Operation) api.Operation { return toAPI(o) }

func toAPI(o Operation) api.Operation {
	out := api.Operation{
		ID: o.ID, Object: api.OperationObjectOperation, Kind: o.Kind, Status: o.Status, Version: o.Version,
		Progress:  api.OperationProgress{Done: o.ProgressDone, Total: web.Nullable(o.ProgressTotal), Unit: o.ProgressUnit},
		CreatedAt: o.CreatedAt, UpdatedAt: o.UpdatedAt, ExpiresAt: o.ExpiresAt,
		StartedAt: web.Nullable(o.StartedAt), FinishedAt: web.Nullable(o.FinishedAt),
		Result: nullable.NewNullNullable[map[string]any](), Problem: nullable.NewNullNullable[api.Problem](),
		CancelURL: nullable.NewNullNullable[string](),
	}
	if o.FinishedAt == nil {
		out.CancelURL = nullable.NewNullableWithValue("/v1/operations/" + o.ID.String() + "/cancel")
	}
	var result map[string]any
	if o.Result != nil && json.Unmarshal(o.Result, &result) == nil {
		out.Result = nullable.NewNullableWithValue(result)
	}
	var problem api.Problem
	if o.Problem != nil && json.Unmarshal(o.Problem, &problem) == nil {
		out.Problem = nullable.NewNullableWithValue(problem)
	}
	return out
}

func statuses(in []api.ListOperationsParamsStatus) []string {
	out := make([]string, 0, len(in))
	for _, s := range in {
		out = append(out, string(s))
	}
	return out
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// PollAfter is how long a client does well to wait before it asks again, in
// seconds: the Retry-After of an operation that has not ended.
func PollAfter() *int32 {
	seconds := int32(2)
	return &seconds
}
