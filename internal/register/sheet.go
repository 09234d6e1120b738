package register

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"hash/crc32"
	"strconv"
	"strings"
)

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func words(between string, parts ...string) string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, between)
}

// asCSV writes a table as RFC 4180 has it. A cell that a spreadsheet would take
// for a formula is made a text.
func asCSV(table [][]string) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	for _, row := range table {
		cells := make([]string, len(row))
		for i, cell := range row {
			if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
				cell = "'" + cell
			}
			cells[i] = cell
		}
		if err := w.Write(cells); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

const spreadsheetType = "application/vnd.oasis.opendocument.spreadsheet"

// asODS writes a table as an OpenDocument spreadsheet (ISO/IEC 26300): a zip
// whose first member, not compressed, is its media type. All cells are texts.
func asODS(name string, table [][]string) ([]byte, error) {
	var content bytes.Buffer
	content.WriteString(xml.Header + `<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"` +
		` xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" office:version="1.3">` +
		`<office:body><office:spreadsheet><table:table table:name="`)
	if err := xml.EscapeText(&content, []byte(name)); err != nil {
		return nil, err
	}
	content.WriteString(`">`)
	if len(table) > 0 {
		content.WriteString(`<table:table-column table:number-columns-repeated="` + strconv.Itoa(len(table[0])) + `"/>`)
	}
	for _, row := range table {
		content.WriteString(`<table:table-row>`)
		for _, cell := range row {
			content.WriteString(`<table:table-cell office:value-type="string">`)
			for line := range strings.SplitSeq(cell, "\n") {
				content.WriteString(`<text:p>`)
				if err := xml.EscapeText(&content, []byte(line)); err != nil {
					return nil, err
				}
				content.WriteString(`</text:p>`)
			}
			content.WriteString(`</table:table-cell>`)
		}
		content.WriteString(`</table:table-row>`)
	}
	content.WriteString(`</table:table></office:spreadsheet></office:body></office:document-content>`)

	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, member := range []struct {
		name, text string
		method     uint16
	}{
		{"mimetype", spreadsheetType, zip.Store},
		{"META-INF/manifest.xml", xml.Header + `<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" manifest:version="1.3">` +
			`<manifest:file-entry manifest:full-path="/" manifest:version="1.3" manifest:media-type="` + spreadsheetType + `"/>` +
			`<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>`, zip.Deflate},
		{"content.xml", content.String(), zip.Deflate},
	} {
		head := &zip.FileHeader{Name: member.name, Method: member.method}
		create := z.CreateHeader
		if member.method == zip.Store { // readers look for the media type at its place: no trailer behind it
			head.CRC32, head.CompressedSize64, head.UncompressedSize64 = crc32.ChecksumIEEE([]byte(member.text)), uint64(len(member.text)), uint64(len(member.text))
			create = z.CreateRaw
		}
		w, err := create(head)
		if err != nil {
			return nil, err
		}
		if _, err := w.Write([]byte(member.text)); err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
