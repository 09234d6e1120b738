package vault

import (
	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/web"
)

func toAPI(s State) api.Encryption {
	out := api.Encryption{
		Object: api.EncryptionObjectEncryption, KeyVersion: nullable.NewNullNullable[int32](), Persons: s.Persons, PersonsDestroyed: s.Destroyed,
		RotationOperationID: web.Nullable(s.Rotation), Versions: web.Map(s.Versions, func(v Version) api.EncryptionKeyVersion {
			return api.EncryptionKeyVersion{Version: v.Number, WrappedBy: v.WrappedBy, CreatedAt: v.CreatedAt, RetiredAt: web.Nullable(v.RetiredAt)}
		}),
		Columns: web.Map(s.Columns, func(c Sealed) api.SealedColumn {
			key := "institution"
			if c.Person {
				key = "person"
			}
			return api.SealedColumn{Table: c.Table, Column: c.Column, Key: key}
		}),
	}
	if len(s.Versions) > 0 {
		out.KeyVersion = nullable.NewNullableWithValue(s.Versions[0].Number)
	}
	return out
}
