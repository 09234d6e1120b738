// Package signature signs and verifies webhook messages as Standard Webhooks
// 1.0.0 defines it (https://www.standardwebhooks.com, section "Verifying
// webhook authenticity").
//
// Two schemes are spoken, and a header may carry any number of both:
//
//   - v1: HMAC-SHA256 with a shared [Secret], written whsec_ + base64;
//   - v1a: Ed25519 with a [PrivateKey], written whsk_ + base64, which receivers
//     check with the [PublicKey], written whpk_ + base64.
//
// What is signed is "<id>.<unix seconds>.<raw body>". The id stays the same on
// every attempt of one message and is the receiver's dedupe key; the timestamp,
// hence the signature, is new on every attempt. Several signatures in one
// header are how a key is rotated without a gap: a receiver accepts any match.
package signature
