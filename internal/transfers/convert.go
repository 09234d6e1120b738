package transfers

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/parvis-crm/parvis/internal/api"
)

func leftOut(in api.ExportCreate) []string {
	out := []string{}
	if in.IncludeEvents != nil && !*in.IncludeEvents {
		out = append(out, "events")
	}
	if in.IncludeAccessLog != nil && !*in.IncludeAccessLog {
		out = append(out, "access_log")
	}
	return out
}

func recipientOf(in api.ExportCreate) string {
	if in.SensitiveRecipient == nil {
		return ""
	}
	return *in.SensitiveRecipient
}

// download sends an archive, whole or in part.
type download struct {
	ctx       context.Context
	file      *os.File
	tag, name string
	part      *string // as the Range header says it; nil for the whole
}

// VisitDownloadExportResponse implements api.DownloadExportResponseObject. A
// file that cannot be read to its end leaves the answer shorter than its
// Content-Length, upon which the server ends the connection.
func (d download) VisitDownloadExportResponse(w http.ResponseWriter) error {
	defer func() { _ = d.file.Close() }()
	request, err := http.NewRequestWithContext(d.ctx, http.MethodGet, "/", nil)
	if err != nil {
		return err
	}
	if d.part != nil {
		request.Header.Set("Range", *d.part)
	}
	h := w.Header()
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", d.name))
	h.Set("ETag", `"`+d.tag+`"`)
	http.ServeContent(w, request, "", time.Time{}, d.file)
	return nil
}
