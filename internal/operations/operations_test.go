package operations_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestListIsEmptyAtFirst(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	a := app.Get("/v1/operations").Is(200)
	require.Equal(t, []any{}, a.JSON()["data"])
	require.Nil(t, a.JSON()["next_cursor"])
}

func TestUnknownOperation(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	app.Get("/v1/operations/"+uuid.NewString()).Problem(404, "not-found")
	app.Post("/v1/operations/"+uuid.NewString()+"/cancel", nil).Problem(404, "not-found")
	app.Get("/v1/operations/not-a-uuid").Problem(400, "invalid-request")
	app.Get("/v1/operations?limit=0").Problem(400, "invalid-request")
	app.Get("/v1/operations?status=lost").Points("status")
	app.Anonymous().Get("/v1/operations").Problem(401, "unauthenticated")
	app.As("events:read").Get("/v1/operations").Problem(403, "insufficient-scope")
}
