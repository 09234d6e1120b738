package quotas

import (
	"time"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/web"
)

func quotaToAPI(q Quota) api.Quota {
	var created, updated *time.Time
	if q.Version > 0 {
		created, updated = &q.CreatedAt, &q.UpdatedAt
	}
	return api.Quota{
		ID: q.CredentialID, Object: api.QuotaObjectQuota, CredentialKind: q.CredentialKind, Default: web.Nullable(q.DefaultRequests),
		Search: web.Nullable(q.SearchRequests), Bulk: web.Nullable(q.BulkRequests), Reason: web.Nullable(q.Reason),
		CreatedAt: web.Nullable(created), UpdatedAt: web.Nullable(updated), Version: q.Version,
	}
}
