package conformance

import (
	"encoding/json"

	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/conformance/report"
	"github.com/parvis-crm/parvis/internal/web"
)

const (
	usualPatience = 30
	usualParallel = 1
)

func newRun(in api.ConformanceRunCreate) NewRun {
	out := NewRun{HookURL: in.HookURL, Name: in.Connector.Name, Version: in.Connector.Version, Scenarios: in.Scenarios, Patience: usualPatience, Parallel: usualParallel}
	if in.PatienceSeconds != nil {
		out.Patience = *in.PatienceSeconds
	}
	if in.Parallel != nil {
		out.Parallel = *in.Parallel
	}
	return out
}

func toAPI(r Run) (api.ConformanceRun, error) {
	out := api.ConformanceRun{
		ID: r.ID, Object: api.ConformanceRunObjectConformanceRun, OperationID: r.ID, HookURL: r.HookURL, Scenarios: r.Scenarios,
		PatienceSeconds: r.PatienceSeconds, Parallel: r.Parallel, Verdict: web.Nullable(r.Verdict), Report: nullable.NewNullNullable[api.ConformanceReport](),
		CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, FinishedAt: web.Nullable(r.FinishedAt), Version: r.Version,
	}
	out.Connector.Name, out.Connector.Version = r.ConnectorName, r.ConnectorVersion
	if r.Report == nil {
		return out, nil
	}
	var body api.ConformanceReport
	if err := json.Unmarshal(r.Report, &body); err != nil {
		return out, err
	}
	out.Report.Set(body)
	return out, nil
}

func keysToAPI(set report.KeySet) api.ConformanceKeySet {
	out := api.ConformanceKeySet{Keys: make([]api.ConformanceKey, 0, len(set.Keys))}
	for _, k := range set.Keys {
		out.Keys = append(out.Keys, api.ConformanceKey{Kty: api.ConformanceKeyKty(k.Kty), Crv: api.ConformanceKeyCrv(k.Crv), Use: api.ConformanceKeyUse(k.Use), Kid: k.Kid, X: k.X})
	}
	return out
}

func walkOf(list string, parameters ...any) string {
	raw, err := json.Marshal(parameters)
	if err != nil {
		return list
	}
	return list + string(raw)
}
