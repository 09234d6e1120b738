-- Some of everything for the institution in app.tenant. Identifiers derive from
-- app.seed, so that two institutions never share one.
CREATE FUNCTION pg_temp.ref(name text) RETURNS uuid LANGUAGE sql AS
    $$ SELECT encode(substring(sha256(convert_to(current_setting('app.seed') || name, 'UTF8')) FOR 16), 'hex')::uuid $$;
CREATE FUNCTION pg_temp.here() RETURNS uuid LANGUAGE sql AS $$ SELECT current_setting('app.tenant')::uuid $$;

INSERT INTO departments (tenant_id, id, code, name, parent_id) VALUES
    (pg_temp.here(), pg_temp.ref('direction'), 'direction', 'Direction', NULL),
    (pg_temp.here(), pg_temp.ref('publics'), 'publics', 'Relations avec les publics', pg_temp.ref('direction')),
    (pg_temp.here(), pg_temp.ref('scolaires'), 'scolaires', 'Scolaires', pg_temp.ref('publics'));
INSERT INTO users (tenant_id, id, email, name, department_id, issuer, subject, scopes) VALUES
    (pg_temp.here(), pg_temp.ref('claire'), 'claire@arcades.example', 'Claire "Clé" Œdipe', pg_temp.ref('publics'), 'https://id.example', 'claire', '{contacts:read,"odd, \"one\""}'),
    (pg_temp.here(), pg_temp.ref('ali'), 'ali@arcades.example', E'Ali\tB\u0001', NULL, NULL, NULL, '{}');
INSERT INTO oauth_clients (tenant_id, id, name, secret_hash, jwks, scopes, created_by_kind, created_by) VALUES
    (pg_temp.here(), pg_temp.ref('client'), 'Billetterie', sha256('a'), NULL, '{ticketing:write}', 'system', 'test'),
    (pg_temp.here(), pg_temp.ref('signed'), 'Signé', NULL, '{"keys": [{"kty": "EC", "crv": "P-256", "x": "a", "y": "b"}]}', '{}', 'system', 'test');
INSERT INTO api_keys (tenant_id, id, key_id, secret_hash, kind, name, allowed_cidrs, created_by_kind, created_by, revoked_at) VALUES
    (pg_temp.here(), pg_temp.ref('key'), substring(replace(pg_temp.ref('key')::text, '-', '') FOR 12), sha256('b'), 'sk', 'Ancienne', '{10.0.0.0/8,2001:db8::/32}', 'system', 'test', '2026-02-03 04:05:06.789012+01');

INSERT INTO contacts (tenant_id, id, kind, given_name, family_name, display_name, sort_name, birthdate, created_at)
SELECT pg_temp.here(), pg_temp.ref('contact' || n), 'person', 'Prénom' || n, 'Nom' || n, 'Prénom' || n || ' Nom' || n, 'nom' || n, DATE '1900-01-01' + n, TIMESTAMPTZ '2026-01-01 00:00:00.000001+00' + n * INTERVAL '1 second'
FROM generate_series(1, 300) n;
INSERT INTO contacts (tenant_id, id, kind, legal_name, siren, siret, display_name, sort_name) VALUES
    (pg_temp.here(), pg_temp.ref('org'), 'organisation', E'Société « L’Été »\n\\ "💃" \u2028 ﷽', '732829320', '73282932000074', 'Société', 'societe');
INSERT INTO contact_search (tenant_id, contact_id, words, name_keys) VALUES (pg_temp.here(), pg_temp.ref('contact1'), 'prenom1 nom1', ARRAY['NM', E'a"\\b', '']);
-- Merges point forwards and backwards in the order of identifiers, and in a row.
UPDATE contacts SET merged_into = pg_temp.ref('contact2') WHERE tenant_id = pg_temp.here() AND id = pg_temp.ref('contact1');
UPDATE contacts SET merged_into = pg_temp.ref('contact3') WHERE tenant_id = pg_temp.here() AND id = pg_temp.ref('contact2');
UPDATE contacts SET merged_into = pg_temp.ref('contact3') WHERE tenant_id = pg_temp.here() AND id = pg_temp.ref('contact9');
INSERT INTO contact_points (tenant_id, id, contact_id, kind, value, normalized, is_primary, verified_at)
SELECT pg_temp.here(), pg_temp.ref('point' || n), pg_temp.ref('contact' || n), 'email', 'P' || n || '@Example.org', 'p' || n || '@example.org', true, CASE WHEN n % 2 = 0 THEN now() END
FROM generate_series(1, 300) n;
INSERT INTO addresses (tenant_id, id, contact_id, street, postal_code, city, valid_from, valid_to) VALUES
    (pg_temp.here(), pg_temp.ref('address'), pg_temp.ref('contact1'), '12 rue de l’Église', '01000', 'Bourg-en-Bresse', '2020-02-29', '9999-12-31');
-- The order of texts must not depend on a language: É, Z, a, z.
INSERT INTO contact_external_ids (tenant_id, source, external_id, contact_id)
SELECT pg_temp.here(), 'erp', x, pg_temp.ref('contact3') FROM unnest(ARRAY['a', 'Z', 'É', 'z', 'a-1', 'a1', E'tab\t', '"']) x;
INSERT INTO tags (tenant_id, id, name, folded, merged_into) VALUES
    (pg_temp.here(), pg_temp.ref('tag'), 'Mécène', 'mecene', NULL), (pg_temp.here(), pg_temp.ref('tag2'), 'Mecene', 'mecene', pg_temp.ref('tag'));
INSERT INTO contact_tags (tenant_id, contact_id, tag_id) VALUES (pg_temp.here(), pg_temp.ref('contact1'), pg_temp.ref('tag'));

INSERT INTO events (tenant_id, id, type, subject_kind, subject_id, subject_version, occurred_at, actor_kind, actor_id, changed, facts)
SELECT pg_temp.here(), pg_temp.ref('event' || n), 'contact.created', 'contact', pg_temp.ref('contact' || n), 1, TIMESTAMPTZ '2026-01-01 00:00:00.120+00', 'system', 'test', '{/a,/b}',
       '{"z": 1, "a": {"é": null, "b": [1.10, 1e3, -0.000001, 12345678901234567890, 0.1]}, "💃": "x", "ﷺ": "\"\\\n\u0001"}'
FROM generate_series(1, 50) n;
INSERT INTO events (tenant_id, id, type, subject_kind, subject_id, subject_version, occurred_at, actor_kind, actor_id, changed, changes_digest) VALUES
    (pg_temp.here(), pg_temp.ref('event51'), 'contact.updated', 'contact', pg_temp.ref('contact1'), 2, now(), 'system', 'test', '{/family_name}', sha256(convert_to('[{"after":"É","before":null,"pointer":"/family_name"}]', 'UTF8')));
INSERT INTO event_changes (tenant_id, event_id, changes) VALUES (pg_temp.here(), pg_temp.ref('event51'), '[{"pointer": "/family_name", "before": null, "after": "É"}]');
INSERT INTO event_queue (tenant_id, event_id) SELECT pg_temp.here(), pg_temp.ref('event' || n) FROM generate_series(1, 51) n;
INSERT INTO event_consumers (tenant_id, name, sequence) VALUES (pg_temp.here(), 'newsletter', 3);
INSERT INTO audit_batches (tenant_id, log, number, sealed_at, newest, entries, digest, public_key, signature) VALUES
    (pg_temp.here(), 'reads', 2, now(), now(), decode(repeat('ab', 48), 'hex'), sha256('2'), sha256('k'), sha256('s') || sha256('t'));
INSERT INTO audit_gaps (tenant_id, log, from_number, to_number, digest, entries, cutoff, purged_at, public_key, signature) VALUES
    (pg_temp.here(), 'reads', 1, 1, sha256('1'), 3, now() - interval '1 year', now(), sha256('k'), sha256('s') || sha256('t'));
INSERT INTO audit_unsealed (tenant_id, log, entry_id) VALUES (pg_temp.here(), 'reads', pg_temp.ref('read'));
INSERT INTO audit_retentions (tenant_id, valid_from, months) VALUES (pg_temp.here(), now(), 24);
INSERT INTO read_policies (tenant_id, operations, purposes, restricted, noted) VALUES
    (pg_temp.here(), '{listContacts}', '{prospection}', true, 'all');
INSERT INTO access_log (tenant_id, id, occurred_at, actor_kind, actor_id, operation, request_id, subjects) VALUES
    (pg_temp.here(), pg_temp.ref('read'), now(), 'user', 'claire', 'listContacts', 'r', ARRAY[pg_temp.ref('contact1'), pg_temp.ref('contact2')]);
INSERT INTO refusals (tenant_id, id, occurred_at, actor_kind, actor_id, proven, operation, status, code, rule, subject_id, address, request_id, repeated) VALUES
    (pg_temp.here(), pg_temp.ref('refusal'), now(), 'user', 'claire', true, 'getContact', 404, 'not-found', 'sight', pg_temp.ref('contact1'), '192.0.2.7', 'r', 3);
INSERT INTO operations (tenant_id, id, kind, status, created_by_kind, created_by, finished_at, result) VALUES
    (pg_temp.here(), pg_temp.ref('done'), 'import', 'succeeded', 'system', 'test', now(), '{"rows": 3}'),
    (pg_temp.here(), pg_temp.ref('open'), 'import', 'running', 'system', 'test', NULL, NULL);

INSERT INTO purposes (tenant_id, id, code, name, legal_basis) VALUES (pg_temp.here(), pg_temp.ref('purpose'), 'newsletter', 'Lettre', 'consent');
INSERT INTO processing_activities (tenant_id, id, code, name, status, field_classes, parties) VALUES
    (pg_temp.here(), pg_temp.ref('activity'), 'newsletter', 'Lettre', 'active', '{identity}', '[{"role": "controller", "name": "Théâtre"}]');
INSERT INTO processing_activity_purposes (tenant_id, activity_id, purpose_id) VALUES (pg_temp.here(), pg_temp.ref('activity'), pg_temp.ref('purpose'));
INSERT INTO consent_wordings (tenant_id, id, label, language, text, sha256, created_at) VALUES
    (pg_temp.here(), pg_temp.ref('wording'), 'v1', 'fr', E'J’accepte\n…', sha256(convert_to(E'J’accepte\n…', 'UTF8')), now());
INSERT INTO consents (tenant_id, id, contact_id, point_value, purpose_id, channel, action, occurred_at, recorded_at, actor_kind, actor_id, mechanism, wording_id, evidence, purpose_copy, controller_name, sequence, previous_digest, digest) VALUES
    (pg_temp.here(), pg_temp.ref('consent'), pg_temp.ref('contact1'), 'p1@example.org', pg_temp.ref('purpose'), 'email', 'given', now(), now(), 'system', 'test', 'paper', pg_temp.ref('wording'), '{"b": 1, "a": "é"}', '{}', 'Théâtre', 1, sha256('0'), sha256('1'));

INSERT INTO forms (tenant_id, id, slug, name, status, definition, published_version) VALUES
    (pg_temp.here(), pg_temp.ref('form'), 'newsletter', 'Lettre', 'published', '{"fields": []}', 1);
INSERT INTO form_versions (tenant_id, form_id, number, definition, published_at) VALUES
    (pg_temp.here(), pg_temp.ref('form'), 1, '{"fields": [{"name": "email"}]}', now());
INSERT INTO form_submissions (tenant_id, id, form_id, form_version, data, language, email_hash, token_hash, token_expires_at, received_at) VALUES
    (pg_temp.here(), pg_temp.ref('submission'), pg_temp.ref('form'), 1, '{"email": "a@example.org"}', 'fr', sha256('m'), sha256(convert_to(current_setting('app.seed'), 'UTF8')), now(), now());
INSERT INTO preference_links (tenant_id, id, link_hash, contact_id, kind, point_value, purpose_id, campaign_id, language, created_at, expires_at) VALUES
    (pg_temp.here(), pg_temp.ref('link'), sha256(convert_to('link' || current_setting('app.seed'), 'UTF8')), pg_temp.ref('contact1'), 'email', 'p1@example.org', pg_temp.ref('purpose'), 'lettre-12', 'fr', now(), now() + interval '90 days');
INSERT INTO preference_requests (tenant_id, id, email, email_hash, language, requested_at) VALUES
    (pg_temp.here(), pg_temp.ref('request'), 'p1@example.org', sha256('r'), 'fr', now());
INSERT INTO webhook_cursors (tenant_id, sequence) VALUES (pg_temp.here(), 0) ON CONFLICT (tenant_id) DO NOTHING;
INSERT INTO webhook_endpoints (tenant_id, id, url, event_types, scopes, payload, format, status, from_sequence, verification_id) VALUES
    (pg_temp.here(), pg_temp.ref('endpoint'), 'https://receiver.example/hook', '{contact.*}', '{contacts:read}', 'thin', 'standard', 'pending', 0, pg_temp.ref('verification'));
INSERT INTO webhook_queues (tenant_id, endpoint_id) VALUES (pg_temp.here(), pg_temp.ref('endpoint'));
INSERT INTO webhook_keys (tenant_id, id, endpoint_id, secret, private_key, public_key) VALUES
    (pg_temp.here(), pg_temp.ref('hookkey'), pg_temp.ref('endpoint'), 'THE-SECRET', 'THE-SECRET', 'whpk_x');

INSERT INTO ticketing_sources (tenant_id, id, code, name, kind, time_zone, currency, capabilities) VALUES
    (pg_temp.here(), pg_temp.ref('source'), 'principale', 'Billetterie', 'generic', 'Europe/Paris', 'EUR', '{orders}');
INSERT INTO ticketing_records (tenant_id, source_id, kind, external_id, id, stub, content_version, deleted, deletion_version)
SELECT pg_temp.here(), pg_temp.ref('source'), kind, external_id, pg_temp.ref(kind || external_id), stub, 1, deleted, CASE WHEN deleted THEN 2 END
FROM (VALUES ('production', 'P', false, false), ('performance', 'S', false, false), ('price_type', 'T', true, false), ('customer', 'C', false, true),
             ('order', 'É1', false, false), ('order', 'a2', false, false), ('ticket', 'B1', false, false)) r (kind, external_id, stub, deleted);
INSERT INTO ticketing_counts (tenant_id, source_id, kind, described, stubs, deleted) VALUES
    (pg_temp.here(), pg_temp.ref('source'), 'order', 2, 0, 0), (pg_temp.here(), pg_temp.ref('source'), 'customer', 0, 0, 1);
INSERT INTO ticketing_productions (tenant_id, id, source_id, external_id, name) VALUES
    (pg_temp.here(), pg_temp.ref('productionP'), pg_temp.ref('source'), 'P', '{"fr": "Phèdre", "en": "Phaedra"}');
INSERT INTO ticketing_performances (tenant_id, id, source_id, external_id, production_id, starts_at, time_zone, capacity) VALUES
    (pg_temp.here(), pg_temp.ref('performanceS'), pg_temp.ref('source'), 'S', pg_temp.ref('productionP'), '2026-12-01 19:30:00+00', 'Europe/Paris', 800);
INSERT INTO ticketing_price_types (tenant_id, id, source_id, external_id) VALUES (pg_temp.here(), pg_temp.ref('price_typeT'), pg_temp.ref('source'), 'T');
INSERT INTO ticketing_customers (tenant_id, id, source_id, external_id, contact_id, match_score) VALUES
    (pg_temp.here(), pg_temp.ref('customerC'), pg_temp.ref('source'), 'C', pg_temp.ref('contact1'), 0.90);
INSERT INTO ticketing_orders (tenant_id, id, source_id, external_id, currency, gross_minor, due_minor, paid_minor, buyer, customer_id, split_from_id, contact_id) VALUES
    (pg_temp.here(), pg_temp.ref('orderÉ1'), pg_temp.ref('source'), 'É1', 'EUR', 4250, 4250, 4250, '{"name": "É"}', pg_temp.ref('customerC'), pg_temp.ref('ordera2'), pg_temp.ref('contact1')),
    (pg_temp.here(), pg_temp.ref('ordera2'), pg_temp.ref('source'), 'a2', 'EUR', 0, 0, 0, 'null', NULL, NULL, NULL);
INSERT INTO ticketing_lines (tenant_id, order_id, ticket_id, rank, external_id, kind, performance_id, price_type_id, amount_minor, state) VALUES
    (pg_temp.here(), pg_temp.ref('orderÉ1'), pg_temp.ref('ticketB1'), 0, 'B1', 'ticket', pg_temp.ref('performanceS'), pg_temp.ref('price_typeT'), 4250, 'valid');
INSERT INTO ticketing_fees (tenant_id, order_id, external_id, kind, amount_minor, state) VALUES (pg_temp.here(), pg_temp.ref('orderÉ1'), 'F', 'service', 100, 'valid');
INSERT INTO ticketing_payments (tenant_id, order_id, kind, external_id, method, amount_minor, state, lines) VALUES
    (pg_temp.here(), pg_temp.ref('orderÉ1'), 'payment', 'X', 'card', 4250, 'settled', '{B1}');
INSERT INTO ticketing_awaited (tenant_id, kind, key, order_id, of_nobody) VALUES (pg_temp.here(), 'email', 'attendue@courrier.example', pg_temp.ref('orderÉ1'), false);
INSERT INTO ticketing_movements (tenant_id, id, order_id, kind, external_id, amount_minor, currency, method, reason) VALUES
    (pg_temp.here(), pg_temp.ref('movement'), pg_temp.ref('orderÉ1'), 'refund', 'Y', -100, 'EUR', 'card', 'corrected');

INSERT INTO ticketing_records (tenant_id, source_id, kind, external_id, id, stub, content_version)
SELECT pg_temp.here(), pg_temp.ref('source'), kind, external_id, pg_temp.ref(kind || external_id), false, 1
FROM (VALUES ('venue', 'V'), ('product', 'D'), ('membership', 'M'), ('gift_card', 'G'), ('scan', 'N'), ('group_booking', 'R')) r (kind, external_id);
INSERT INTO ticketing_venues (tenant_id, id, source_id, external_id, name, street, postal_code, city, country, sibil_type, capacity, stub) VALUES
    (pg_temp.here(), pg_temp.ref('venueV'), pg_temp.ref('source'), 'V', '{"fr": "Salle de l’Île"}', '1 quai', '29200', 'Brest', 'FR', 'THEATRE', 480, false);
INSERT INTO ticketing_references (tenant_id, record_id, scheme, identifier) VALUES (pg_temp.here(), pg_temp.ref('venueV'), 'isni', '0000000121032683');
INSERT INTO ticketing_vocabularies (tenant_id, id, code, name, uri, edition) VALUES
    (pg_temp.here(), pg_temp.ref('vocabulary'), 'disciplines', 'Disciplines', 'https://vocabulaires.example/d', '2026-1');
INSERT INTO ticketing_mappings (tenant_id, id, vocabulary_id, source_id, field, value, term_id, term_label) VALUES
    (pg_temp.here(), pg_temp.ref('mapping'), pg_temp.ref('vocabulary'), pg_temp.ref('source'), 'discipline', 'théâtre', 'D-01', '{"fr": "Théâtre"}'),
    (pg_temp.here(), pg_temp.ref('mapping2'), pg_temp.ref('vocabulary'), NULL, 'discipline', 'théâtre', 'D-02', '{}');
INSERT INTO ticketing_products (tenant_id, id, source_id, external_id, name, kind, benefits, stub) VALUES
    (pg_temp.here(), pg_temp.ref('productD'), pg_temp.ref('source'), 'D', '{"fr": "Carte"}', 'membership', '{reduced}', false);
INSERT INTO ticketing_memberships (tenant_id, id, source_id, external_id, product_id, customer_id, valid_from, valid_until, time_zone, stub) VALUES
    (pg_temp.here(), pg_temp.ref('membershipM'), pg_temp.ref('source'), 'M', pg_temp.ref('productD'), pg_temp.ref('customerC'), '2026-09-01 00:00:00+02', '2126-09-01 00:00:00+02', 'Europe/Paris', false);
INSERT INTO ticketing_gift_cards (tenant_id, id, source_id, external_id, code_hash, last_four, currency, balance_minor, stub) VALUES
    (pg_temp.here(), pg_temp.ref('gift_cardG'), pg_temp.ref('source'), 'G', repeat('a', 64), '1234', 'EUR', 5000, false);
INSERT INTO ticketing_gift_card_entries (tenant_id, id, gift_card_id, external_id, amount_minor, currency, reason) VALUES
    (pg_temp.here(), pg_temp.ref('entry'), pg_temp.ref('gift_cardG'), '', 5000, 'EUR', 'recorded');
INSERT INTO ticketing_records (tenant_id, source_id, kind, external_id, id, stub, content_version) VALUES
    (pg_temp.here(), pg_temp.ref('source'), 'voucher', 'W', pg_temp.ref('voucherW'), false, 1);
INSERT INTO ticketing_vouchers (tenant_id, id, source_id, external_id, code, stated_kind, stated_campaign, max_uses, uses, issue_kind, issue_campaign, campaign, contact_id, stub) VALUES
    (pg_temp.here(), pg_temp.ref('voucherW'), pg_temp.ref('source'), 'W', 'ÉTÉ-26', 'discount', 'été', 2, 1, 'invitation', 'été 26', 'été 26', pg_temp.ref('contact1'), false);
UPDATE ticketing_lines SET voucher_id = pg_temp.ref('voucherW') WHERE tenant_id = pg_temp.here() AND ticket_id = pg_temp.ref('ticketB1');
INSERT INTO ticketing_scans (tenant_id, id, source_id, external_id, ticket_id, performance_id, entered_id, occurred_at, attended, stub) VALUES
    (pg_temp.here(), pg_temp.ref('scanN'), pg_temp.ref('source'), 'N', pg_temp.ref('ticketB1'), pg_temp.ref('performanceS'), pg_temp.ref('performanceS'), '2026-12-01 19:20:00+00', true, false);
INSERT INTO ticketing_group_bookings (tenant_id, id, source_id, external_id, state, performance_id, headcount, stub) VALUES
    (pg_temp.here(), pg_temp.ref('group_bookingR'), pg_temp.ref('source'), 'R', 'option', pg_temp.ref('performanceS'), '[{"class": "school", "count": 28}]', false);
INSERT INTO ticketing_forgotten (tenant_id, source_id, kind, name_hash, record_id) VALUES
    (pg_temp.here(), pg_temp.ref('source'), 'customer', repeat('b', 64), pg_temp.ref('customerC'));
INSERT INTO ticketing_decisions (tenant_id, id, scope, key, rank, action, contact_id, origin, order_id, actor_kind, actor_id, decided_at) VALUES
    (pg_temp.here(), pg_temp.ref('decision'), 'order', pg_temp.ref('orderÉ1')::text, 1, 'contact', pg_temp.ref('contact1'), 'relink', pg_temp.ref('orderÉ1'), 'user', 'claire', '2026-11-02 10:00:00+00');
INSERT INTO ticketing_reviews (tenant_id, id, inputs, source_id, subject_kind, subject_id, reason, score) VALUES
    (pg_temp.here(), pg_temp.ref('review'), repeat('c', 64), pg_temp.ref('source'), 'order', pg_temp.ref('ordera2'), 'several_candidates', 0.65);
INSERT INTO ticketing_review_candidates (tenant_id, review_id, contact_id, score, rule, evidence) VALUES
    (pg_temp.here(), pg_temp.ref('review'), pg_temp.ref('contact3'), 0.65, 'name_postcode', '{postcode}');
INSERT INTO ticketing_household_proposals (tenant_id, id, contact_id, other_id, reason) VALUES
    (pg_temp.here(), pg_temp.ref('household'), least(pg_temp.ref('contact3'), pg_temp.ref('contact4')), greatest(pg_temp.ref('contact3'), pg_temp.ref('contact4')), 'shared_email');
INSERT INTO ticketing_moves (tenant_id, contact_id, told_id) VALUES (pg_temp.here(), pg_temp.ref('contact1'), pg_temp.ref('contact2'));
INSERT INTO ticketing_mailboxes (tenant_id, pattern, is_generic, origin) VALUES (pg_temp.here(), 'contact@revente.example', true, 'said');
INSERT INTO connector_connections (tenant_id, source_id, connector, base_url, settings, is_enabled) VALUES
    (pg_temp.here(), pg_temp.ref('source'), 'pretix', 'https://billets.example', '{"organizer": "arcades"}', false);
INSERT INTO connector_states (tenant_id, source_id, stopped) VALUES (pg_temp.here(), pg_temp.ref('source'), true);
INSERT INTO connector_streams (tenant_id, source_id, stream, mark_at, records) VALUES (pg_temp.here(), pg_temp.ref('source'), 'orders', '2026-11-02 10:00:00+00', 12);
INSERT INTO connector_absences (tenant_id, source_id, external_id) VALUES (pg_temp.here(), pg_temp.ref('source'), 'É9');
INSERT INTO sibil_settings (tenant_id, base_url, username, domain_labels) VALUES (pg_temp.here(), 'https://sibil.example', 'arcades', '{"theatre": "Théâtre"}');
INSERT INTO sibil_quarters (tenant_id, id, quarter) VALUES (pg_temp.here(), pg_temp.ref('quarter'), '2026-Q3');
INSERT INTO conformance_runs (tenant_id, id, hook_url, connector_name, connector_version, patience_seconds, parallel, verdict, report, finished_at) VALUES
    (pg_temp.here(), gen_random_uuid(), 'https://billetterie.example/essais', 'Guichet', '1.4', 10, 2, 'failed', '{"format": 1}', now());
INSERT INTO sibil_submissions (tenant_id, id, quarter, operation_id, base_url, finished_at) VALUES
    (pg_temp.here(), pg_temp.ref('submission'), '2026-Q3', pg_temp.ref('declaring'), 'https://sibil.example', '2026-10-05 10:00:00+00');
INSERT INTO sibil_submission_items (tenant_id, submission_id, performance_id, rank, external_key, digest, statement, status, was_declared, answered_at) VALUES
    (pg_temp.here(), pg_temp.ref('submission'), pg_temp.ref('performanceS'), 1, '01234567_89abcdef', sha256('s'), '{"jauge": 480}', 'created', false, '2026-10-05 10:00:00+00');
INSERT INTO sibil_declarations (tenant_id, performance_id, external_key, digest, sibil_id, base_url, quarter, submission_id, declared_at) VALUES
    (pg_temp.here(), pg_temp.ref('performanceS'), '01234567_89abcdef', sha256('s'), 900123, 'https://sibil.example', '2026-Q3', pg_temp.ref('submission'), '2026-10-05 10:00:00+00');

INSERT INTO roles (tenant_id, id, code, name, scopes, verbs, readable_classes, review_every_days) VALUES
    (pg_temp.here(), pg_temp.ref('role'), 'publics', 'Relations avec les publics', '{contacts:read,contacts:write}', '{see,edit}', '{identity}', 180);
INSERT INTO teams (tenant_id, id, code, name, department_id, external_id) VALUES
    (pg_temp.here(), pg_temp.ref('team'), 'accueil', 'Accueil', pg_temp.ref('publics'), 'cn=accueil');
INSERT INTO team_members (tenant_id, team_id, user_id) VALUES (pg_temp.here(), pg_temp.ref('team'), pg_temp.ref('claire'));
INSERT INTO quotas (tenant_id, credential_id, credential_kind, default_requests, reason) VALUES (pg_temp.here(), pg_temp.ref('client'), 'oauth_client', 1200, 'Reprise des ventes');
INSERT INTO account_policies (tenant_id, mfa_roles, mfa_scopes) VALUES (pg_temp.here(), '{billetterie}', '{*,users:write}');
INSERT INTO identity_providers (tenant_id, id, name, issuer, audience, jwks_uri, allowed_algs, token_types, required_claims, role_claim, role_mapping) VALUES
    (pg_temp.here(), pg_temp.ref('idp'), 'Annuaire « Ville »', 'https://sso.ville.example/realms/' || current_setting('app.seed'), 'crm', NULL, '{RS256}', '{at+jwt,JWT}',
     '{"acr": "eidas1"}', 'realm_access.roles', '[{"value": "crm", "role": "billetterie"}]');
INSERT INTO identity_links (tenant_id, id, user_id, issuer, subject) VALUES
    (pg_temp.here(), pg_temp.ref('link'), pg_temp.ref('claire'), 'https://proconnect.example/api/v2', 'claire « B »');
INSERT INTO sign_in_clients (tenant_id, provider_id, client_id, authentication, client_secret, scopes, id_token_alg, userinfo, userinfo_alg, parameters, acr_request, requested_acr, session_seconds) VALUES
    (pg_temp.here(), pg_temp.ref('idp'), '5e1b6a4c', 'client_secret_post', '\x00', '{openid,given_name}', 'RS256', 'jwt', 'ES256', '{"idp_hint": "ville"}', 'claims', '{eidas1}', 43200);
INSERT INTO saml_connections (tenant_id, provider_id, metadata, name_id_format, requested_contexts, session_seconds) VALUES
    (pg_temp.here(), pg_temp.ref('idp'), '<EntityDescriptor entityID="urn:x"/>', 'persistent', '{urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport}', 43200);
INSERT INTO scim_users (tenant_id, user_id, source, user_name, external_id, attributes) VALUES
    (pg_temp.here(), pg_temp.ref('claire'), 'directory', 'claire@arcades.example', 'c-1', '{"title": "Chargée des publics", "emails": [{"value": "claire@arcades.example", "primary": true}]}');
INSERT INTO scim_groups (tenant_id, team_id, source) VALUES (pg_temp.here(), pg_temp.ref('team'), 'directory');
INSERT INTO role_assignments (tenant_id, id, principal_kind, principal_id, role_id, department_id, status, reason, requested_by_kind, requested_by, decided_by_kind, decided_by, decided_at, expires_at) VALUES
    (pg_temp.here(), pg_temp.ref('assignment'), 'team', pg_temp.ref('team'), pg_temp.ref('role'), pg_temp.ref('publics'), 'approved', 'Saison', 'system', 'test', 'system', 'test', now(), now() + interval '1 year');
INSERT INTO contact_departments (tenant_id, contact_id, department_id, verbs) VALUES
    (pg_temp.here(), pg_temp.ref('contact250'), pg_temp.ref('publics'), '{see,edit}'), (pg_temp.here(), pg_temp.ref('contact250'), pg_temp.ref('scolaires'), '{see}');
UPDATE contacts SET restricted = true, viewer_ids = ARRAY[pg_temp.ref('claire')], owner_id = pg_temp.ref('ali') WHERE tenant_id = pg_temp.here() AND id = pg_temp.ref('contact251');
INSERT INTO siem_forwarders (tenant_id, id, name, url, status, place, due_at) VALUES
    (pg_temp.here(), pg_temp.ref('forwarder'), 'SOC', 'syslog+tls://siem.example.org:6514', 'paused', 'e1-r0.0-f0.0', '1970-01-01T00:00:00Z');
-- Somebody who was erased.
UPDATE contacts SET given_name = NULL, family_name = NULL, birthdate = NULL, display_name = 'Anonymisé', sort_name = 'anonymise', archived_at = now(), erased_at = now()
WHERE tenant_id = pg_temp.here() AND id = pg_temp.ref('contact252');
INSERT INTO contact_erasure_keys (tenant_id, id, hashing) VALUES (pg_temp.here(), pg_temp.here(), '{"key": "aGFzaGVkIGJ5IHRoaXMga2V5"}');
INSERT INTO contact_erased_names (tenant_id, name_hash, contact_id, erased_at) VALUES (pg_temp.here(), sha256('name'), pg_temp.ref('contact252'), now());
-- Of these two the order as bytes is not the order as base64.
INSERT INTO contact_erased_names (tenant_id, name_hash, contact_id, erased_at) VALUES
    (pg_temp.here(), decode('00' || repeat('11', 31), 'hex'), pg_temp.ref('contact252'), now()), (pg_temp.here(), decode('f8' || repeat('11', 31), 'hex'), pg_temp.ref('contact252'), now());
INSERT INTO contact_oppositions (tenant_id, point_hash, kind, since) VALUES (pg_temp.here(), sha256('point'), 'email', now());
INSERT INTO privacy_erasures (tenant_id, id, contact_id, instruction_reference, reason, actor_kind, actor_id, erased_at, erased, kept) VALUES
    (pg_temp.here(), pg_temp.ref('erasure'), pg_temp.ref('contact252'), 'DPO-1', 'Demande « écrite »', 'user', 'claire', now(), '{"contacts": 1}', '{"orders": 0}');
INSERT INTO privacy_notices (tenant_id, id, erasure_id, source_id, status, code, updated_at) VALUES
    (pg_temp.here(), pg_temp.ref('notice'), pg_temp.ref('erasure'), pg_temp.ref('source'), 'unsupported', 'capability-missing', now());
