// Package proofofwork makes a form cost its sender some computing, as a
// defence against scripted submissions that asks nothing of the person: no
// image, no sound, no cookie, no third party.
//
// It is the server side of ALTCHA proof of work, version 2
// (https://altcha.org/docs/v2/proof-of-work-captcha), in deterministic mode,
// and talks to the altcha browser widget 3.x. The server picks a secret
// counter, derives a key from it, and publishes the first half of that key; the
// browser tries counters from 0 until its derived key starts the same way:
//
//	password = nonce ‖ counter as 32 bits, big-endian
//	key      = PBKDF2-HMAC-SHA-256(password, salt, cost iterations)   RFC 8018 §5.2
//
// Making a challenge costs the server one derivation; checking an answer costs
// two HMACs (RFC 2104), because the challenge carries an HMAC of the whole key.
// The challenge itself is signed, so nothing is stored until it is answered.
//
// What is NOT done here is remembering answered challenges: the caller stores
// [Result.Nonce], unique, until [Result.ExpiresAt], in the transaction that
// accepts the submission.
package proofofwork
