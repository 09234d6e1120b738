// Shows the contract in Redoc.
"use strict";

(() => {
  const main = document.getElementById("reference");
  const french = document.documentElement.lang === "fr";
  const bar = document.querySelector(".bar");
  const text = '-apple-system, system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';
  const code = 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace';

  const labels = french
    ? {
        enum: "Valeurs",
        enumSingleValue: "Valeur",
        enumArray: "Éléments",
        default: "Par défaut",
        deprecated: "Obsolète",
        example: "Exemple",
        examples: "Exemples",
        recursive: "Récursif",
        arrayOf: "Liste de ",
        webhook: "Événement",
        const: "Valeur",
        noResultsFound: "Aucun résultat",
        download: "Télécharger",
        downloadSpecification: "Télécharger la description OpenAPI",
        responses: "Réponses",
        callbackResponses: "Réponses du rappel",
        requestSamples: "Exemples de requête",
        responseSamples: "Exemples de réponse",
      }
    : {};

  const options = {
    labels,
    scrollYOffset: () => bar.offsetHeight,
    nativeScrollbars: true,
    hideLoading: true,
    expandResponses: "200,201",
    jsonSamplesExpandLevel: 3,
    sortRequiredPropsFirst: true,
    downloadUrls: [
      { title: "JSON", url: main.dataset.document },
      { title: "YAML", url: main.dataset.yaml },
    ],
    theme: {
      colors: { primary: { main: "#7a2230" } },
      typography: {
        fontFamily: text,
        headings: { fontFamily: text },
        code: { fontFamily: code },
      },
      sidebar: { backgroundColor: "#f7f4f1" },
      rightPanel: { backgroundColor: "#22262e" },
    },
  };

  Redoc.init(main.dataset.document, options, main, (error) => {
    document.getElementById("loading").remove();
    if (!error) return;
    const failed = document.getElementById("failed");
    failed.querySelector("pre").textContent = error.message;
    failed.hidden = false;
  });
})();
