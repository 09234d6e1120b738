-- name: ResolveInstitution :one
SELECT tenant_id::uuid AS tenant_id FROM resolve_institution(@institution_id);

-- name: ResolveSignIn :one
SELECT tenant_id::uuid AS tenant_id, sign_in_id::uuid AS sign_in_id FROM resolve_sign_in(@secret_hash);

-- name: GetClient :one
SELECT * FROM sign_in_clients WHERE tenant_id = @tenant_id AND provider_id = @provider_id;

-- name: LockClient :one
SELECT * FROM sign_in_clients WHERE tenant_id = @tenant_id AND provider_id = @provider_id FOR UPDATE;

-- name: PutClient :one
INSERT INTO sign_in_clients AS c (tenant_id, provider_id, is_enabled, client_id, authentication, client_secret, private_key, key_id, public_key, scopes,
                                  id_token_alg, userinfo, userinfo_alg, parameters, uses_pkce, acr_request, requested_acr, requests_amr, required_acr,
                                  required_amr, session_seconds)
VALUES (@tenant_id, @provider_id, @is_enabled, @client_id, @authentication, @client_secret, @private_key, @key_id, @public_key, @scopes,
        @id_token_alg, @userinfo, @userinfo_alg, @parameters, @uses_pkce, @acr_request, @requested_acr, @requests_amr, @required_acr,
        @required_amr, @session_seconds)
ON CONFLICT (tenant_id, provider_id) DO UPDATE
SET is_enabled = excluded.is_enabled, client_id = excluded.client_id, authentication = excluded.authentication, client_secret = excluded.client_secret,
    private_key = excluded.private_key, key_id = excluded.key_id, public_key = excluded.public_key, scopes = excluded.scopes,
    id_token_alg = excluded.id_token_alg, userinfo = excluded.userinfo, userinfo_alg = excluded.userinfo_alg, parameters = excluded.parameters,
    uses_pkce = excluded.uses_pkce, acr_request = excluded.acr_request, requested_acr = excluded.requested_acr, requests_amr = excluded.requests_amr,
    required_acr = excluded.required_acr, required_amr = excluded.required_amr, session_seconds = excluded.session_seconds,
    updated_at = now(), version = c.version + 1
RETURNING *;

-- name: ListSignInProviders :many
SELECT p.id, p.name, p.protocol FROM identity_providers p
WHERE p.tenant_id = @tenant_id AND p.is_enabled
  AND (EXISTS (SELECT 1 FROM sign_in_clients c WHERE c.tenant_id = p.tenant_id AND c.provider_id = p.id AND c.is_enabled)
    OR EXISTS (SELECT 1 FROM saml_connections x WHERE x.tenant_id = p.tenant_id AND x.provider_id = p.id AND x.is_enabled))
ORDER BY p.name, p.id
LIMIT 100;

-- name: ReturnAddresses :one
SELECT coalesce((SELECT return_addresses FROM account_policies WHERE tenant_id = @tenant_id), '{}')::text[] AS addresses;

-- name: InsertSignIn :exec
INSERT INTO sign_ins (tenant_id, id, provider_id, state_hash, nonce_hash, binding_hash, level, return_to, front_state, created_at, expires_at, request_id)
VALUES (@tenant_id, @id, @provider_id, @state_hash, @nonce_hash, @binding_hash, @level, @return_to, @front_state, @created_at, @expires_at, @request_id);

-- name: AnswerSignIn :one
-- Of two answers with one state, one changes the row.
UPDATE sign_ins SET answered_at = @answered_at::timestamptz
WHERE tenant_id = @tenant_id AND id = @id AND state_hash = @state_hash AND answered_at IS NULL AND expires_at > @answered_at
RETURNING *;

-- name: ProveSignIn :exec
UPDATE sign_ins SET code_hash = @code_hash::bytea, code_expires_at = @code_expires_at::timestamptz, user_id = @user_id::uuid, methods = @methods::text[],
    id_token = sqlc.narg('id_token'), session_until = @session_until::timestamptz
WHERE tenant_id = @tenant_id AND id = @id;

-- name: ExchangeSignIn :one
-- Of two attempts with one code, one changes the row.
UPDATE sign_ins SET exchanged_at = @exchanged_at::timestamptz
WHERE tenant_id = @tenant_id AND id = @id AND code_hash = @code_hash::bytea AND exchanged_at IS NULL
RETURNING *;

-- name: ForgetIDToken :exec
UPDATE sign_ins SET id_token = NULL WHERE tenant_id = @tenant_id AND id = @id;

-- name: DeleteSignIns :exec
DELETE FROM sign_ins WHERE tenant_id = @tenant_id AND expires_at < @before;

-- name: UserStatus :one
SELECT status FROM users WHERE tenant_id = @tenant_id AND id = @id;

-- name: GetConnection :one
SELECT * FROM saml_connections WHERE tenant_id = @tenant_id AND provider_id = @provider_id;

-- name: LockConnection :one
SELECT * FROM saml_connections WHERE tenant_id = @tenant_id AND provider_id = @provider_id FOR UPDATE;

-- name: PutConnection :one
INSERT INTO saml_connections AS c (tenant_id, provider_id, is_enabled, metadata, private_key, certificate, name_id_format, requested_contexts,
                                   required_contexts, session_seconds)
VALUES (@tenant_id, @provider_id, @is_enabled, @metadata, @private_key, @certificate, @name_id_format, @requested_contexts, @required_contexts,
        @session_seconds)
ON CONFLICT (tenant_id, provider_id) DO UPDATE
SET is_enabled = excluded.is_enabled, metadata = excluded.metadata, private_key = excluded.private_key, certificate = excluded.certificate,
    name_id_format = excluded.name_id_format, requested_contexts = excluded.requested_contexts, required_contexts = excluded.required_contexts,
    session_seconds = excluded.session_seconds, updated_at = now(), version = c.version + 1
RETURNING *;

-- name: TakeAssertion :execrows
-- Of two that bring one assertion, one adds the row.
INSERT INTO saml_assertions (tenant_id, provider_id, assertion_hash, expires_at)
VALUES (@tenant_id, @provider_id, @assertion_hash, @expires_at)
ON CONFLICT DO NOTHING;

-- name: DeleteAssertions :exec
DELETE FROM saml_assertions WHERE tenant_id = @tenant_id AND expires_at < @before;
