// The rows beside the list: each asks the server, and draws if its answer is still wanted.

import * as api from "/demo/api.js";
import { show } from "/demo/cards.js";

export const N = 12;
const FEW = 4; // a trend of fewer products is no row; then all categories are asked

const $ = (id) => document.getElementById(id);

// Similar and trending products come whatever their stock: twice as many are asked for, and
// those that cannot be bought are passed over here. The surfaces do that by themselves.
export async function fill(name, answer, options) {
  const records = await Promise.all(answer.items.map((entry) => api.item(entry.item_id)));
  const pairs = answer.items.map((entry, i) => [entry, records[i]]);
  const sold = pairs.filter(([, item]) => item.in_stock !== false).slice(0, N);
  const entries = sold.map(([entry]) => ({ ...entry, request: answer.explained && answer.request_id }));
  return () => show($(name), entries, sold.map(([, item]) => item), options);
}

export async function because({ id, verb }, quiet, current) {
  const [about, answer] = await Promise.all([api.item(id), api.similar(id, 2 * N)]);
  for (const entry of answer.items) entry.reason = `Often chosen next to “${about.title}”`;
  const draw = await fill("similar", answer, { quiet, empty: "Nothing goes with this yet." });
  if (!current()) return;
  $("similar-title").textContent = `Because you ${verb} “${about.title}”`;
  draw();
  if (!quiet) $("similar").scrollTo({ left: 0 });
}

// What sells now in the household's first category; everywhere, where that is too little.
export async function trend(window, category, quiet, current) {
  let answer = category ? await api.trending(window, 2 * N, { category }) : { items: [] };
  const narrow = answer.items.length >= FEW;
  if (!narrow) answer = await api.trending(window, 2 * N);
  const draw = await fill("trending", answer, { quiet, empty: "Nothing happened in this window." });
  if (!current()) return;
  const when = window === "7d" ? "this week" : "today";
  $("trending-title").textContent = `Trending ${when}${narrow ? ` in ${category}` : ""}`;
  draw();
}

// What is new in the shop; that of the household's strongest interests (names) comes first.
export async function newcomers(who, interests, quiet, current) {
  const context = Object.fromEntries(interests.map((name, i) => [`interest${i}`, name]));
  const boost = interests.map((_, i) => ({ where: `category == context.interest${i}`, by: 4 - i }));
  const rules = { boost, cap: [{ field: "category", max: 3 }] };
  const answer = await api.recommend({ ...who, surface: "new", n: N, context, rules });
  const draw = await fill("new", answer, { quiet, empty: "Nothing is new." });
  if (current()) draw();
}
