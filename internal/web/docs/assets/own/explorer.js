// Shows the contract in Swagger UI, aimed at this very server.
"use strict";

(async () => {
  const main = document.getElementById("explorer");
  const loading = document.getElementById("loading");

  // Whatever installations the contract names, this page may only talk to the
  // one it came from: keep the path, drop the host.
  function here(server) {
    const url = server.url.replace(/\{([^}]*)\}/g, (_, name) => server.variables?.[name]?.default ?? "");
    return new URL(url, location.origin).pathname.replace(/\/$/, "") || "/";
  }

  try {
    const response = await fetch(main.dataset.document);
    if (!response.ok) throw new Error(`${main.dataset.document}: ${response.status}`);
    const spec = await response.json();
    const paths = new Set((spec.servers?.length ? spec.servers : [{ url: "/" }]).map(here));
    spec.servers = [...paths].map((url) => ({ url }));

    // Its own name for itself, for whoever opens the console.
    window.ui = SwaggerUIBundle({
      spec,
      domNode: main,
      presets: [SwaggerUIBundle.presets.apis],
      layout: "BaseLayout",
      deepLinking: true,
      // Drawing a hundred operations at once takes longer than anyone waits.
      docExpansion: Object.keys(spec.paths).length > 40 ? "none" : "list",
      defaultModelsExpandDepth: -1,
      displayRequestDuration: true,
      filter: true,
      persistAuthorization: false,
      tryItOutEnabled: true,
      validatorUrl: null,
      onComplete: () => loading.remove(),
    });
  } catch (error) {
    loading.remove();
    const failed = document.getElementById("failed");
    failed.querySelector("pre").textContent = error.message;
    failed.hidden = false;
  }
})();
