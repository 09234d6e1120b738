// Lets a library that writes its styles into <style> elements run under a policy
// that forbids inline style.
//
// Browsers refuse such an element even when it is empty, and with it the rules
// the library adds through its sheet. Here a script that asks for a <style>
// element gets one of another name, without meaning to the browser, which
// carries a constructed style sheet: rules go through CSSOM, which the policy
// allows, because only script that the policy let in can reach it.
"use strict";

(() => {
  const createElement = Document.prototype.createElement;

  Document.prototype.createElement = function (name, options) {
    if (this !== document || String(name).toLowerCase() !== "style") {
      return createElement.call(this, name, options);
    }
    return withSheet(createElement.call(this, "adopted-style"));
  };

  function withSheet(element) {
    const sheet = new CSSStyleSheet();
    element.hidden = true;
    Object.defineProperty(element, "sheet", { value: sheet });
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];

    // Some write text instead of rules; empty text is only a library making sure
    // that the sheet exists, and must not wipe the rules added since.
    new MutationObserver(() => {
      if (element.textContent) sheet.replaceSync(element.textContent);
    }).observe(element, { childList: true, characterData: true, subtree: true });
    return element;
  }
})();
