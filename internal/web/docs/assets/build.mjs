// Turns the published bundles into files that run under
// "Content-Security-Policy: default-src 'self'" without any request elsewhere.
//
// Every change to a bundle must match exactly once (or the stated number of
// times): an upgrade that moves the code fails here, not in a reader's browser.
import { readFileSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import vm from "node:vm";

const [, , modules, out, noticePath] = process.argv;
const read = (...path) => readFileSync(join(modules, ...path), "utf8");
const write = (name, content) => writeFileSync(join(out, name), content);

function replaceExactly(source, pattern, times, replacement) {
  let count = 0;
  const result = source.replace(pattern, (...match) => {
    count++;
    return typeof replacement === "function" ? replacement(...match) : replacement;
  });
  if (count !== times) throw new Error(`${pattern} matched ${count} times, expected ${times}`);
  return result;
}

const withoutSourceMap = (source) => source.replace(/\n?\/[/*]# sourceMappingURL=[^\n]*\s*$/, "\n");

// Redoc ----------------------------------------------------------------------

// The page says where the files are, because the address changes with them.
const assetBase = "document.documentElement.dataset.assets";

let redoc = withoutSourceMap(read("redoc", "bundles", "redoc.standalone.js"));

// The search worker is carried as a string and started from a blob: address,
// which the policy forbids; it becomes a file of its own.
redoc = replaceExactly(
  redoc,
  /new Worker\(URL\.createObjectURL\(new Blob\(\[('\/\*! For license information(?:[^'\\]|\\.)*')\]\)\),\{name:"[^"]*"\}\)/g,
  1,
  (_, literal) => {
    write("redoc-search.worker.js", withoutSourceMap(vm.runInNewContext(literal)));
    return `new Worker(${assetBase} + "/redoc-search.worker.js")`;
  },
);

// The attribution under the menu stays, its picture from a foreign host goes.
redoc = replaceExactly(
  redoc,
  /\w+\.createElement\("img",\{alt:"redocly logo",onError:\(\)=>\w+\(!1\),src:"https:\/\/cdn\.redoc\.ly\/[^"]*"\}\)/g,
  1,
  "null",
);

// A rule made by script holds its picture as a data: address. Such a rule knows
// no address of its own, so the file is named from the root.
redoc = replaceExactly(
  redoc,
  /url\('data:image\/svg\+xml;base64,([A-Za-z0-9+/=]+)'\)/g,
  1,
  (_, payload) => {
    write("redoc-external-link.svg", Buffer.from(payload, "base64"));
    return `url('\${${assetBase}}/redoc-external-link.svg')`;
  },
);
write("redoc.standalone.js", redoc);

// Swagger UI -----------------------------------------------------------------

let swagger = withoutSourceMap(read("swagger-ui-dist", "swagger-ui-bundle.js"));

// Aligned cells of a Markdown table: a style attribute is inline style, the
// align attribute is not.
swagger = replaceExactly(
  swagger,
  /' style="text-align:'\+(\w+)\.align\+'"'/g,
  2,
  (_, cell) => `' align="'+${cell}.align+'"'`,
);

// No description is ever sent to the online validator, whatever the page asks.
swagger = replaceExactly(swagger, /"https:\/\/validator\.swagger\.io\/validator"/g, 3, "null");
write("swagger-ui-bundle.js", swagger);

// Pictures carried as data: addresses become files next to the style sheet.
const pictures = { "image/svg+xml": "svg", "image/png": "png", "image/jpeg": "jpg" };
const css = withoutSourceMap(read("swagger-ui-dist", "swagger-ui.css")).replace(
  /url\((?:"data:((?:[^"\\]|\\.)*)"|data:([^)"']*))\)/g,
  (_, quoted, bare) => {
    const address = (quoted ?? bare).replace(/\\(.)/g, "$1");
    const comma = address.indexOf(",");
    const [type, ...parameters] = address.slice(0, comma).split(";");
    const payload = address.slice(comma + 1);
    if (!(type in pictures)) throw new Error(`unexpected picture type ${type}`);
    const bytes = parameters.includes("base64")
      ? Buffer.from(payload, "base64")
      : Buffer.from(decodeURIComponent(payload.replace(/%(?![0-9a-f]{2})/gi, "%25")));
    const digest = createHash("sha256").update(bytes).digest("hex").slice(0, 8);
    const name = `swagger-ui-${digest}.${pictures[type]}`;
    write(name, bytes);
    return `url("${name}")`;
  },
);
if (css.includes("data:")) throw new Error("swagger-ui.css still holds a data: address");
write("swagger-ui.css", css);

// Licences -------------------------------------------------------------------

const version = (name) => JSON.parse(read(name, "package.json")).version;
const rule = "-".repeat(78);
const section = (title, ...texts) => [rule, title, rule, ...texts.map((t) => t.trim()), ""].join("\n\n");
writeFileSync(
  noticePath,
  `The documentation portal embeds:

  Redoc ${version("redoc")}       MIT         https://github.com/Redocly/redoc
  Swagger UI ${version("swagger-ui-dist")} Apache-2.0  https://github.com/swagger-api/swagger-ui

Changes: the search worker and the pictures are files of their own, the logo and
the validator address on foreign hosts are removed, table cells are aligned by
attribute. Their licences, and those of the libraries inside them, follow.

` +
    section(`Redoc ${version("redoc")}: MIT`, read("redoc", "LICENSE")) +
    section("Libraries inside Redoc", read("redoc", "bundles", "redoc.standalone.js.LICENSE.txt")) +
    section(
      `Swagger UI ${version("swagger-ui-dist")}: Apache-2.0`,
      read("swagger-ui-dist", "NOTICE"),
      read("swagger-ui-dist", "LICENSE"),
    ) +
    section("Libraries inside Swagger UI", read("swagger-ui-dist", "swagger-ui-bundle.js.LICENSE.txt")),
);
