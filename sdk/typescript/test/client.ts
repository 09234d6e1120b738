// The client against a running program, which PARVIS_URL and PARVIS_KEY name.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { createParvis, ProblemError, walk, type Schema } from "../src/index.js";

const { PARVIS_URL: url, PARVIS_KEY: key } = process.env;
assert.ok(url && key, "PARVIS_URL and PARVIS_KEY name a running Parvis");
const parvis = createParvis({ url: url + "/", key });

const made = new Set<string>();
let first: Schema<"Contact"> | undefined;
for (const family_name of ["Castellan", "Lorme", "Arcand", "Vasseur", "Noël"]) {
  const request = { params: { header: { "Idempotency-Key": randomUUID() } }, body: { kind: "person" as const, family_name } };
  const { data, response } = await parvis.POST("/v1/contacts", request);
  assert.equal(response.status, 201);
  assert.ok(data);
  assert.equal(data.family_name, family_name);
  const again = await parvis.POST("/v1/contacts", request);
  assert.equal(again.data?.id, data.id, "a repeated request makes nothing new");
  made.add(data.id);
  first ??= data;
}
assert.ok(first);
const path = { contact_id: first.id };

const got = await parvis.GET("/v1/contacts/{contact_id}", { params: { path } });
assert.equal(got.data?.display_name, first.display_name);
const etag = got.response.headers.get("ETag");
assert.ok(etag);

const changed = await parvis.PATCH("/v1/contacts/{contact_id}", {
  params: { path, header: { "If-Match": etag } },
  body: { given_name: "Nora" },
});
assert.equal(changed.data?.given_name, "Nora");

let pages = 0;
for await (const contact of walk((cursor) => {
  pages++;
  return parvis.GET("/v1/contacts", { params: { query: { limit: 2, ...(cursor && { cursor }) } } });
})) {
  assert.ok(made.delete(contact.id), `${contact.id} is listed twice or was not made here`);
}
assert.equal(made.size, 0);
assert.equal(pages, 3);

const refused = (status: number) => (error: unknown) =>
  error instanceof ProblemError && error.status === status && !!error.problem?.code && !!error.problem.request_id;
await assert.rejects(parvis.GET("/v1/contacts/{contact_id}", { params: { path: { contact_id: randomUUID() } } }), refused(404));
await assert.rejects(
  parvis.PATCH("/v1/contacts/{contact_id}", { params: { path, header: { "If-Match": etag } }, body: { given_name: null } }),
  refused(412),
);

// @ts-expect-error The contract has no such path.
await assert.rejects(parvis.GET("/v1/nowhere", {}), refused(404));
// @ts-expect-error Nor such a property.
await assert.rejects(parvis.POST("/v1/contacts", { params: { header: { "Idempotency-Key": randomUUID() } }, body: { kind: "person", surname: "X" } }), refused(400));

console.log("The TypeScript client agrees.");
