package transfers

import (
	"context"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/operations"
	"github.com/parvis-crm/parvis/internal/web"
)

// Handlers answers the operations of api/transfers.yaml.
type Handlers struct{ service *Service }

var _ api.TransfersOperations = (*Handlers)(nil)

// NewHandlers makes the handlers.
func NewHandlers(s *Service) *Handlers { return &Handlers{service: s} }

// CreateExport implements POST /v1/exports.
func (h *Handlers) CreateExport(ctx context.Context, r api.CreateExportRequestObject) (api.CreateExportResponseObject, error) {
	o, err := h.service.StartExport(ctx, leftOut(*r.Body), recipientOf(*r.Body))
	if err != nil {
		return nil, err
	}
	return api.CreateExport202JSONResponse{
		Body: operations.ToAPI(o), Headers: api.CreateExport202ResponseHeaders{ETag: web.ETag(o.Version), Location: "/v1/operations/" + o.ID.String(), RetryAfter: operations.PollAfter()},
	}, nil
}

// DownloadExport implements GET /v1/exports/{operation_id}/archive.
func (h *Handlers) DownloadExport(ctx context.Context, r api.DownloadExportRequestObject) (api.DownloadExportResponseObject, error) {
	file, tag, err := h.service.Archive(ctx, r.OperationID)
	if err != nil {
		return nil, err
	}
	part, err := rangeOf(file, r.Params.Range, r.Params.IfRange, tag)
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return download{ctx: ctx, file: file, tag: tag, name: "parvis-" + r.OperationID.String() + ".zip", part: part}, nil
}

// ImportArchive implements POST /v1/imports/archive.
func (h *Handlers) ImportArchive(ctx context.Context, r api.ImportArchiveRequestObject) (api.ImportArchiveResponseObject, error) {
	o, err := h.service.StartImport(ctx, r.Body)
	if err != nil {
		return nil, err
	}
	return api.ImportArchive202JSONResponse{
		Body: operations.ToAPI(o), Headers: api.ImportArchive202ResponseHeaders{ETag: web.ETag(o.Version), Location: "/v1/operations/" + o.ID.String(), RetryAfter: operations.PollAfter()},
	}, nil
}

// CreateImportKey implements POST /v1/imports/{operation_id}/administrator-key.
func (h *Handlers) CreateImportKey(ctx context.Context, r api.CreateImportKeyRequestObject) (api.CreateImportKeyResponseObject, error) {
	tenant, key, err := h.service.MakeKey(ctx, r.OperationID)
	if err != nil {
		return nil, err
	}
	return api.CreateImportKey201JSONResponse{
		Body: api.ImportKey{TenantID: tenant, Key: key}, Headers: api.CreateImportKey201ResponseHeaders{Location: "/v1/operations/" + r.OperationID.String()},
	}, nil
}
