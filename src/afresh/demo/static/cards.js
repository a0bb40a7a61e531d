// Lists of product cards that keep their cards: those that stay glide to their new place.

import { hue, tile } from "/demo/tile.js";

const still = matchMedia("(prefers-reduced-motion: reduce)");
const dollars = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });

const origins = new WeakMap();

// The entry of the answer that a card shows: {item_id, reason, sources, request}.
export const origin = (li) => origins.get(li);

export const money = (amount) => dollars.format(amount);

export function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function action(kind, label, title) {
  const button = element("button", "", label);
  button.type = "button";
  button.dataset.event = kind;
  button.setAttribute("aria-label", `${label}: ${title}`);
  return button;
}

function why(title) {
  const button = element("button", "why", "Why this?");
  button.type = "button";
  button.setAttribute("aria-label", `Why this? ${title}`);
  button.setAttribute("aria-haspopup", "dialog");
  button.setAttribute("aria-expanded", "false");
  return button;
}

function card(id, item) {
  const made = element("li", "card");
  made.dataset.id = id;
  made.style.setProperty("--hue", hue(item));
  const price = item.price_cents > 0 ? money(item.price_cents / 100) : "";
  const look = element("button", "look");
  look.type = "button";
  look.dataset.event = "view";
  look.setAttribute("aria-label", `Look at ${item.title}${price ? `, ${price}` : ""}`);
  const words = element("span", "words");
  const kind = [item.category, item.brand === "Store brand" ? "store brand" : ""];
  words.append(
    element("span", "title", item.title),
    element("span", "kind", kind.filter(Boolean).join(" · ") || item.department || ""),
    element("span", "price", price || " "),
  );
  look.append(tile(id, item), words);
  const acts = element("div", "acts");
  acts.append(action("cart", "Add to cart", item.title), action("buy", "Buy", item.title));
  made.append(look, acts, why(item.title));
  return made;
}

function mark(li, kind, text) {
  li.querySelector(".mark")?.remove();
  if (!text) return;
  const made = element("span", "mark", text);
  made.dataset.kind = kind;
  made.setAttribute("aria-hidden", "true");
  li.append(made);
  setTimeout(() => made.remove(), 6000);
}

// What had the focus: a card (by id and place) and which of its buttons.
function focusIn(list) {
  const button = document.activeElement;
  const li = button?.closest(".card");
  if (!li || !list.contains(li)) return null;
  const which = button.dataset.event ? `[data-event="${button.dataset.event}"]` : ".why";
  return { id: li.dataset.id, which, at: [...list.children].indexOf(li) };
}

function giveFocus(list, had) {
  const stays = [...list.children].find((li) => li.dataset.id === had.id);
  const li = stays ?? list.children[Math.min(had.at, list.children.length - 1)];
  li?.querySelector(had.which)?.focus({ preventScroll: true });
}

// Show `entries` ([{item_id, reason, sources, request}], with `items` their records) and say what changed:
// {moved, fresh}, in numbers. With `quiet`, no card is marked (the first time, another household).
export function show(list, entries, items, { quiet = false, empty = "Nothing yet." } = {}) {
  const had = focusIn(list);
  const old = new Map();
  for (const li of list.querySelectorAll(".card")) {
    old.set(li.dataset.id, { li, box: li.getBoundingClientRect(), at: old.size });
  }
  const shown = entries.map((entry, i) => {
    const kept = old.get(entry.item_id);
    const li = kept?.li ?? card(entry.item_id, items[i]);
    origins.set(li, entry);
    li.querySelector(".look").title = entry.reason ?? "";
    return { li, kept };
  });
  list.replaceChildren(...shown.map(({ li }) => li));
  if (!shown.length) list.append(element("li", "empty", empty));
  const changed = { moved: 0, fresh: 0 };
  shown.forEach(({ li, kept }, at) => {
    if (!kept) changed.fresh += 1;
    else if (kept.at !== at) changed.moved += 1;
    if (quiet) mark(li, "", "");
    else if (!kept) mark(li, "new", "new");
    else if (kept.at !== at) mark(li, "moved", kept.at > at ? `↑ ${kept.at - at}` : `↓ ${at - kept.at}`);
    else mark(li, "", "");
    if (!still.matches) glide(li, kept?.box);
  });
  if (had) giveFocus(list, had);
  return changed;
}

function glide(li, from) {
  if (!from) {
    li.animate([{ opacity: 0, transform: "scale(.92)" }, { opacity: 1, transform: "none" }], {
      duration: 320, easing: "ease-out",
    });
    return;
  }
  const to = li.getBoundingClientRect();
  const [x, y] = [from.left - to.left, from.top - to.top];
  if (!x && !y) return;
  li.animate([{ transform: `translate(${x}px, ${y}px)` }, { transform: "none" }], {
    duration: 460, easing: "cubic-bezier(.2, .8, .2, 1)",
  });
}
