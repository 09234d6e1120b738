// The TypeScript client of the Parvis API: types generated from openapi.yaml,
// and openapi-fetch, which checks every path, parameter and body against them.
import createClient, { type Client, type Middleware } from "openapi-fetch";
import type { components, paths } from "./schema.gen.js";

export type { components, operations, paths, webhooks } from "./schema.gen.js";

/** A record of the contract by its name, as in `Schema<"Contact">`. */
export type Schema<Name extends keyof components["schemas"]> = components["schemas"][Name];

export type Parvis = Client<paths>;

export interface Options {
  /** The address of the API, such as `https://crm.example.org`. */
  url: string;
  /** An API key or an access token. */
  key: string;
  /** Sends requests instead of the global `fetch`. */
  fetch?: typeof globalThis.fetch;
}

/** An answer of 400 or more. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  constructor(
    readonly status: number,
    /** What the API says (RFC 9457); null when the answer comes from something before it. */
    readonly problem: Schema<"Problem"> | null,
  ) {
    super(problem ? `${status} ${problem.code}: ${problem.detail} (request ${problem.request_id})` : `${status}`);
  }
}

const conventions = (key: string): Middleware => ({
  onRequest({ request }) {
    request.headers.set("Authorization", `Bearer ${key}`);
    if (request.method === "PATCH") {
      request.headers.set("Content-Type", "application/merge-patch+json");
    }
    return request;
  },
  async onResponse({ response }) {
    if (response.status < 400) {
      return;
    }
    const media = response.headers.get("Content-Type")?.split(";")[0];
    const problem = media === "application/problem+json" ? ((await response.json()) as Schema<"Problem">) : null;
    throw new ProblemError(response.status, problem);
  },
});

/** Makes a client. Its calls throw a ProblemError when the API refuses. */
export function createParvis({ url, key, fetch }: Options): Parvis {
  const client = createClient<paths>({ baseUrl: url.replace(/\/+$/, ""), ...(fetch && { fetch }) });
  client.use(conventions(key));
  return client;
}

interface Page<Item> {
  data: Item[];
  next_cursor: string | null;
}

/** Visits every item of a list, page by page. `page` fetches the page at the cursor; the first has none. */
export async function* walk<Item>(
  page: (cursor: string | undefined) => Promise<{ data?: Page<Item> }>,
): AsyncGenerator<Item, void, void> {
  let cursor: string | undefined;
  do {
    const { data } = await page(cursor);
    if (!data) {
      return;
    }
    yield* data.data;
    cursor = data.next_cursor ?? undefined;
  } while (cursor !== undefined);
}
