// The little that pages need beside htmx. Everything works without it, only with more page loads.
"use strict";

const formToken = () => document.querySelector('meta[name="csrf"]')?.content ?? "";

document.addEventListener("htmx:config:request", (event) => {
  const { request } = event.detail.ctx;
  request.headers["X-CSRF-Token"] = formToken();
  if (request.method === "GET") {
    // An empty filter has no place in the address.
    for (const [name, value] of [...request.body]) if (value === "") request.body.delete(name);
  }
});

// What failed on the server is no part of a page; a panel says so in its own place.
document.addEventListener("htmx:before:swap", (event) => {
  const { response, sourceElement } = event.detail.ctx;
  if (response.status < 500) return;
  event.preventDefault();
  const panel = sourceElement.closest("[data-failed]");
  if (panel) panel.textContent = panel.dataset.failed;
});

// An action's form arrives in the dialog; open it then.
document.addEventListener("htmx:after:swap", () => {
  const dialog = document.getElementById("dialog");
  if (dialog && dialog.children.length && !dialog.open) {
    dialog.showModal();
    dialog.querySelector("input:not([type=hidden]),textarea,select")?.focus();
  }
});

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-close],[data-back],[data-print]");
  if (!target) return;
  const dialog = target.closest("dialog");
  if ("close" in target.dataset && dialog) {
    event.preventDefault();
    dialog.close();
    dialog.replaceChildren();
  }
  if ("print" in target.dataset) window.print();
});

document.addEventListener("close", (event) => {
  if (event.target.id === "dialog") event.target.replaceChildren();
}, true);

// A form sent twice would be refused; do not let it come to that.
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.target.method !== "post") return;
  const button = event.submitter;
  if (button) setTimeout(() => { button.disabled = true; });
});

window.addEventListener("pageshow", (event) => {
  if (event.persisted) document.querySelectorAll("button[disabled]").forEach((button) => { button.disabled = false; });
});
