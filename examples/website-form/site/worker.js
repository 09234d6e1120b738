// SPDX-License-Identifier: Apache-2.0
// Solves a proof of work (ALTCHA, version 2) away from the page's own thread:
// tries counters from 0 until the derived key starts as the challenge says.
const fromHex = (text) => Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));
const toHex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");

async function derive(nonce, salt, counter, cost, length) {
  const password = new Uint8Array(nonce.length + 4);
  password.set(nonce);
  new DataView(password.buffer).setUint32(nonce.length, counter);
  const key = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
  return new Uint8Array(await crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt, iterations: cost }, key, length * 8));
}

export async function solve(challenge) {
  const { nonce, salt, cost, keyLength, keyPrefix } = challenge.parameters;
  const started = Date.now();
  const n = fromHex(nonce), s = fromHex(salt);
  const lanes = 4; // several tries under way use the browser's own threads
  for (let first = 0; ; first += lanes) {
    const counters = Array.from({ length: lanes }, (_, i) => first + i);
    const keys = await Promise.all(counters.map((c) => derive(n, s, c, cost, keyLength)));
    for (let i = 0; i < lanes; i++) {
      const derivedKey = toHex(keys[i]);
      if (derivedKey.startsWith(keyPrefix)) return { counter: counters[i], derivedKey, time: Date.now() - started };
    }
  }
}

if (typeof WorkerGlobalScope !== "undefined" && self instanceof WorkerGlobalScope) {
  self.onmessage = async (event) => self.postMessage(await solve(event.data));
}
