package forms_test

import (
	"net/http"
	"testing"
)

func TestFormScopes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	reader, writer := w.As("forms:read"), w.As("forms:write")
	reader.Get("/v1/forms/" + w.form).Is(http.StatusOK)
	reader.Post("/v1/forms/"+w.form+"/close", nil).Problem(http.StatusForbidden, "insufficient-scope")
	writer.Get("/v1/forms/"+w.form+"/submissions").Problem(http.StatusForbidden, "insufficient-scope")
	w.As("contacts:read").Get("/v1/forms").Problem(http.StatusForbidden, "insufficient-scope")
}
