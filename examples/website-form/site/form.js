// SPDX-License-Identifier: Apache-2.0
const place = document.getElementById("parvis-form");
const config = await (await fetch("config.json")).json();
const base = `${config.api}/v1/public/forms/${config.form}`;
const language = new URLSearchParams(location.search).get("lang") ?? document.documentElement.lang;
const words = language.startsWith("fr")
  ? { wait: "Envoi en cours…", required: "(obligatoire)", failed: "L'envoi n'a pas abouti." }
  : { wait: "Sending…", required: "(required)", failed: "It could not be sent." };

function element(name, attributes = {}, ...children) {
  const e = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) e.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) e.setAttribute(key, value);
  }
  e.append(...children);
  return e;
}

function control(field) {
  const id = `field-${field.name}`;
  const common = { id, name: field.name, required: field.required, autocomplete: field.autocomplete, "aria-describedby": `${id}-notes` };
  const notes = element("span", { id: `${id}-notes` }, element("span", {}, field.help ?? ""), element("span", { class: "error", id: `${id}-error` }));
  const text = field.label + (field.required ? ` ${words.required}` : "");
  if (field.type === "boolean") {
    // Never ticked in advance: an empty box is no answer.
    return element("p", {}, element("input", { ...common, type: "checkbox", value: "true" }), element("label", { for: id, class: "beside" }, text), notes);
  }
  const label = element("label", { for: id }, text);
  if (field.options.length > 0) {
    return element("div", {}, label, element("select", common, element("option", { value: "" }), ...field.options.map((o) => element("option", { value: o }, o))), notes);
  }
  const type = field.format ?? (field.type === "string" ? "text" : "number");
  return element("div", {}, label, element("input", { ...common, type, minlength: field.min_length, maxlength: field.max_length, pattern: field.pattern }), notes);
}

async function work() {
  const challenge = await (await fetch(`${base}/challenge`)).json();
  const worker = new Worker("worker.js", { type: "module" });
  try {
    const solution = await new Promise((resolve, reject) => {
      worker.onmessage = (event) => resolve(event.data);
      worker.onerror = reject;
      worker.postMessage(challenge);
    });
    return btoa(JSON.stringify({ challenge, solution }));
  } finally {
    worker.terminate();
  }
}

function values(shown, form) {
  const data = {};
  for (const field of shown.fields) {
    const input = form.elements[field.name];
    if (field.type === "boolean") data[field.name] = input.checked;
    else if (input.value !== "") data[field.name] = field.type === "string" ? input.value : Number(input.value);
  }
  data[shown.honeypot] = form.elements[shown.honeypot].value;
  return data;
}

async function show() {
  const answer = await fetch(`${base}?language=${encodeURIComponent(language)}`);
  if (!answer.ok) throw new Error((await answer.json()).detail);
  const shown = await answer.json();
  document.documentElement.lang = shown.language;
  const status = element("p", { role: "status", id: "form-status" });
  const trap = element("div", { class: "away", "aria-hidden": "true" },
    element("input", { name: shown.honeypot, id: "trap", tabindex: "-1", autocomplete: "off" }));
  const form = element("form", {}, ...shown.fields.map(control), trap, element("button", { type: "submit" }, shown.submit), status);
  place.replaceChildren(element("h2", {}, shown.title), ...(shown.intro ? [element("p", {}, shown.intro)] : []), form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    for (const e of form.querySelectorAll(".error")) e.textContent = "";
    status.textContent = words.wait;
    try {
      const body = JSON.stringify({ data: values(shown, form), issue_token: shown.issue_token, work: await work(), language: shown.language });
      const sent = await fetch(`${base}/submissions`, { method: "POST", headers: { "Content-Type": "application/json" }, body });
      const result = await sent.json();
      if (sent.ok) {
        place.replaceChildren(element("p", { role: "status", id: "form-received", tabindex: "-1" }, result.message));
        place.firstChild.focus();
        return;
      }
      status.textContent = result.detail;
      for (const error of result.errors ?? []) {
        const at = document.getElementById(`field-${(error.pointer ?? "").replace("#/data/", "")}-error`);
        if (at) at.textContent = error.detail;
      }
    } catch {
      status.textContent = words.failed;
    }
  });
}

show().catch((error) => place.replaceChildren(element("p", { role: "alert" }, error.message || words.failed)));
