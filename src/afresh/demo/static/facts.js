// What is known of the household now, and what the last event changed in it.

import * as api from "/demo/api.js";
import { element, money } from "/demo/cards.js";

const FEATURES = ["recent", "categories", "spend", "looked_hour"];
const LEAST = 0.05; // a smaller change of an interest is its fading, not an event
const MOST = 3; // changes told

const $ = (id) => document.getElementById(id);
const products = (n) => (n === 1 ? "1 product" : `${n} products`);

export const ask = (user) => api.features(user, FEATURES);

// The categories of a row of features, the strongest first.
export function interests(row) {
  const found = Object.entries(row.categories ?? {}).filter(([name]) => name);
  return found.sort((a, b) => b[1] - a[1]);
}

// [{name, before, after}], as text, of two rows: interests by how far they moved, then the rest.
export function changes(before, after) {
  const was = before.categories ?? {};
  const moved = interests(after)
    .map(([name, now]) => ({ name, by: Math.abs(now - (was[name] ?? 0)), from: was[name] ?? 0, now }))
    .filter(({ by }) => by >= LEAST).sort((a, b) => b.by - a.by)
    .map(({ name, from, now }) => ({ name, before: from.toFixed(1), after: now.toFixed(1) }));
  const plain = (name, key, say) => {
    const [from, now] = [before[key] ?? 0, after[key] ?? 0];
    return from === now ? [] : [{ name, before: say(from), after: say(now) }];
  };
  return [
    ...moved.slice(0, 1),
    ...plain("Looked at this hour", "looked_hour", String),
    ...plain("Spent in 30 days", "spend", money),
    ...moved.slice(1),
  ].slice(0, MOST);
}

export function tell(list) {
  $("changes").replaceChildren(...list.map(({ name, before, after }) => {
    const line = element("li");
    const then = element("span", "arrow", " → ");
    line.append(`${name} `, element("span", "before", before), then, element("b", "", after));
    return line;
  }));
}

// Shows a row of features; `fresh` is an item that was just clicked, `current` whether it still counts.
export async function draw(row, fresh, current) {
  const recent = (row.recent ?? []).slice(0, 8);
  const titles = await Promise.all(recent.map((id) => api.item(id)));
  if (!current()) return;
  $("spend").textContent = money(row.spend ?? 0);
  $("looked").textContent = products(row.looked_hour ?? 0);
  const top = interests(row).slice(0, 3);
  $("categories").replaceChildren(...top.map(([name, weight]) => {
    const line = element("li");
    const bar = element("meter");
    bar.max = Math.max(top[0][1], 1e-9);
    bar.value = weight;
    bar.setAttribute("aria-label", `${name}: ${weight.toFixed(1)}`);
    line.append(element("span", "", name), bar);
    return line;
  }));
  $("recent").replaceChildren(...titles.map((item, i) =>
    element("li", i === 0 && fresh === recent[0] ? "fresh" : "", item.title)));
}
