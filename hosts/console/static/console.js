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

// The menu keeps its place and what is open from page to page, for this tab.
const menu = document.querySelector(".navbar-vertical > .container-fluid");
const groups = [...document.querySelectorAll(".menu-group")];
const search = document.getElementById("menu-search");
const remember = () => {
  sessionStorage.setItem("menu", JSON.stringify({ top: menu.scrollTop, open: groups.filter((g) => g.open).map((g) => g.dataset.area) }));
};
if (menu) {
  const held = JSON.parse(sessionStorage.getItem("menu") ?? "{}");
  for (const group of groups) if (held.open?.includes(group.dataset.area)) group.open = true;
  menu.scrollTop = held.top ?? 0;
  window.addEventListener("pagehide", () => { if (!search.value) remember(); });
}

// `/` or Ctrl-K finds a page of the menu; Enter opens the first, Escape gives up.
const findInMenu = () => {
  const words = search.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  for (const link of menu.querySelectorAll(".nav-link")) {
    link.hidden = !words.every((word) => link.dataset.words.includes(word));
    found += link.hidden ? 0 : 1;
  }
  for (const group of groups) {
    group.dataset.before ??= group.open ? "open" : "shut";
    group.hidden = !group.querySelector(".nav-link:not([hidden])");
    group.open = words.length ? true : group.dataset.before === "open";
    if (!words.length) delete group.dataset.before;
  }
  menu.querySelector(".menu-none").hidden = found > 0;
};
const toggle = (button, shown) => {
  document.getElementById(button.dataset.toggle).classList.toggle("shown", shown);
  button.setAttribute("aria-expanded", String(shown));
};
search?.addEventListener("input", findInMenu);
search?.addEventListener("keydown", (event) => {
  if (event.key === "Escape") { search.value = ""; findInMenu(); search.blur(); }
  if (event.key === "Enter") menu.querySelector(".nav-link:not([hidden])")?.click();
});
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input,textarea,select,dialog[open]");
  const asked = (event.key === "/" && !typing) || (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey));
  if (!asked || !search) return;
  event.preventDefault();
  toggle(document.querySelector("[data-toggle=menu]"), true);
  search.focus();
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-toggle]");
  if (button) toggle(button, button.getAttribute("aria-expanded") !== "true");
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
  if (button && !("download" in button.dataset)) setTimeout(() => { button.disabled = true; });
});

window.addEventListener("pageshow", (event) => {
  if (event.persisted) document.querySelectorAll("button[disabled]").forEach((button) => { button.disabled = false; });
});
