package indicators_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnotherInstitutionLearnsNothing(t *testing.T) {
	t.Parallel()
	app := institution(t)
	who := send(app.Client, "order", "o1", order(nil))["contact_id"].(string)
	other := app.OtherTenant()
	other.Get("/v1/contacts/"+who+"/indicators").Problem(404, "not-found")
	other.Get("/v1/contacts/"+who+"/indicators/orders/facts").Problem(404, "not-found")
	settled(t, app, owner(t, app))
	require.Len(t, app.Get("/v1/contact-indicators").Is(200).Data(), 1)
	require.Empty(t, other.Get("/v1/contact-indicators").Is(200).Data())
	require.Empty(t, other.Get("/v1/contact-indicators?net_gte=0").Is(200).Data())
	require.Equal(t, 0.0, other.Get("/v1/indicators/capture-rates").Is(200).JSON()["total"].(m)["tickets"])
}
