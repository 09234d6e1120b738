DROP FUNCTION resolve_account_challenge(bytea);
DROP TABLE account_policies;
DROP TABLE account_challenges;
DROP TABLE account_recovery_codes;
DROP TABLE account_totps;
