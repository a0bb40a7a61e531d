// The page: one household, three lists. A click is an event; after its 202 everything is asked again.

import * as api from "/demo/api.js";
import { element, money, show } from "/demo/cards.js";
import { hash } from "/demo/tile.js";

const N = 12;
const FEATURES = ["recent", "categories", "spend", "looked_hour"];
const SAID = { view: "You looked at", cart: "In the cart:", buy: "Bought:" };

const $ = (id) => document.getElementById(id);
const lists = { now: $("now"), similar: $("similar"), trending: $("trending") };

const state = {
  households: [],
  user: "",
  session: "",
  offset: undefined, // the token of the last acknowledged click
  last: null, // {id, verb}: what the second row is about
  window: "24h",
  turn: 0, // counts clicks and switches; an answer to an older turn is not shown
};

const ms = (number) => (number === undefined || number === null ? "–" : `${number.toFixed(number < 10 ? 1 : 0)} ms`);

function plural(number, one, many) {
  return number === 1 ? `1 ${one}` : `${number} ${many}`;
}

// Similar and trending products come whatever their stock: twice as many are asked for, and
// those that cannot be bought are passed over here. The surface does that by itself.
async function fill(name, answer, options) {
  const records = await Promise.all(answer.items.map((entry) => api.item(entry.item_id)));
  const pairs = answer.items.map((entry, i) => [entry, records[i]]);
  const sold = pairs.filter(([, item]) => item.in_stock !== false).slice(0, N);
  return () => show(lists[name], sold.map(([e]) => e), sold.map(([, item]) => item), options);
}

async function facts(turn) {
  const row = await api.features(state.user, FEATURES);
  const recent = (row.recent ?? []).slice(0, 8);
  const titles = await Promise.all(recent.map((id) => api.item(id)));
  if (turn !== state.turn) return;
  $("spend").textContent = money(row.spend ?? 0);
  $("looked").textContent = plural(row.looked_hour ?? 0, "product", "products");
  const top = Object.entries(row.categories ?? {}).filter(([name]) => name).sort((a, b) => b[1] - a[1]).slice(0, 3);
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
    element("li", i === 0 && state.last?.id === recent[0] ? "fresh" : "", item.title)));
  if (!state.last && recent.length) state.last = { id: recent[0], verb: "bought" };
}

async function beside(turn, quiet) {
  await facts(turn);
  if (turn !== state.turn) return;
  const jobs = [trend(turn, quiet)];
  if (state.last) jobs.push(because(turn, state.last, quiet));
  await Promise.all(jobs);
}

async function because(turn, { id, verb }, quiet) {
  const [about, answer] = await Promise.all([api.item(id), api.similar(id, 2 * N)]);
  const draw = await fill("similar", answer, { quiet, empty: "Nothing goes with this yet." });
  if (turn !== state.turn) return;
  $("similar-title").textContent = `Because you ${verb} “${about.title}”`;
  draw();
  if (!quiet) lists.similar.scrollTo({ left: 0 });
}

async function trend(turn, quiet) {
  const answer = await api.trending(state.window, 2 * N);
  const draw = await fill("trending", answer, { quiet, empty: "Nothing happened in this window." });
  if (turn === state.turn) draw();
}

async function now(turn, quiet) {
  const start = performance.now();
  const answer = await api.recommend({
    user_id: state.user, session_id: state.session, n: N, after: state.offset,
  });
  const took = performance.now() - start;
  const draw = await fill("now", answer, { quiet, empty: "Nothing to recommend yet." });
  if (turn !== state.turn) return null;
  const changed = draw();
  const sources = [...new Set(answer.items.flatMap((entry) => entry.sources ?? []))];
  const parts = [`model ${answer.model}`, sources.length ? `from ${sources.join(", ")}` : ""];
  if (answer.degraded?.length) parts.push(`without ${answer.degraded.join(", ")}`);
  $("now-note").textContent = parts.filter(Boolean).join(" · ");
  $("answered").textContent = ms(took);
  $("freshness").textContent = ms(answer.freshness_ms);
  $("offset").textContent = answer.offset;
  $("offset").title = answer.offset;
  return { ...changed, fresh_answer: answer.fresh };
}

// Tried again, a click keeps its id: should it have arrived after all, it is still one event.
async function click(kind, id, li, clicked = { event_id: api.randomId(), timestamp: Date.now() }) {
  const turn = ++state.turn;
  const item = await api.item(id);
  const event = {
    ...clicked, event_type: kind, user_id: state.user, session_id: state.session,
    item_id: id,
  };
  if (item.price_cents > 0 && kind !== "view") {
    event.properties = { price_cents: item.price_cents, quantity: 1 };
    if (kind === "buy") event.value = item.price_cents / 100;
  }
  $("pulse").dataset.state = "asking";
  if (li) li.dataset.busy = "";
  try {
    const start = performance.now();
    const receipt = await api.send(event);
    const durable = performance.now() - start;
    state.offset = receipt.offset;
    state.last = { id, verb: { view: "looked at", cart: "took", buy: "bought" }[kind] };
    const changed = await now(turn, false);
    if (!changed) return;
    $("durable").textContent = ms(durable);
    const what = changed.moved + changed.fresh
      ? `${plural(changed.fresh, "new product", "new products")}, ${changed.moved} moved`
      : "the list stayed as it was";
    const note = changed.fresh_answer ? "" : " (this answer does not reflect the click yet)";
    $("said").replaceChildren(`${SAID[kind]} ${item.title}. `, element("small", "", what + note));
    await beside(turn, false);
    settled();
  } catch (error) {
    trouble(error, () => click(kind, id, li, clicked));
  } finally {
    if (li) delete li.dataset.busy;
    if (turn === state.turn) $("pulse").dataset.state = "done";
  }
}

async function visit(household) {
  const turn = ++state.turn;
  Object.assign(state, {
    user: household.user_id, session: `web-${api.randomId()}`, offset: undefined, last: null,
  });
  history.replaceState(null, "", `#${encodeURIComponent(household.user_id)}`);
  $("name").textContent = `Household ${household.user_id.replace(/^h/, "")}`;
  $("about").textContent = household.about;
  $("face").textContent = household.user_id.replace(/^h/, "").slice(-2);
  $("face").style.setProperty("--hue", hash(household.user_id) % 360);
  $("durable").textContent = "–";
  try {
    await Promise.all([now(turn, true), beside(turn, true)]);
    if (turn !== state.turn) return;
    $("said").textContent = "Click a product and watch what changes.";
    settled();
  } catch (error) {
    trouble(error, () => visit(household));
  }
}

function another() {
  const at = state.households.findIndex((h) => h.user_id === state.user);
  return visit(state.households[(at + 1) % state.households.length]);
}

let retry = () => {};

function trouble(error, again) {
  if (!(error instanceof api.Trouble)) throw error;
  retry = again;
  $("trouble-text").textContent = error.message;
  $("trouble").hidden = false;
}

function settled() {
  $("trouble").hidden = true;
}

// Arrow keys go from card to card; up and down by what stands above and below.
function arrow(event) {
  const li = event.target.closest?.(".card");
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (!li || !step) return;
  const cards = [...li.parentElement.querySelectorAll(".card")];
  const columns = cards.filter((c) => c.offsetTop === cards[0].offsetTop).length;
  const vertical = event.key === "ArrowUp" || event.key === "ArrowDown";
  const next = cards[cards.indexOf(li) + step * (vertical ? columns : 1)];
  if (!next) return;
  event.preventDefault();
  next.querySelector(".look").focus();
}

async function start() {
  try {
    const answer = await api.households();
    state.households = answer.households;
    $("terms").textContent = answer.terms;
    const asked = decodeURIComponent(location.hash.slice(1));
    const found = state.households.find((h) => h.user_id === asked) ?? state.households[0];
    if (!found) throw new api.Trouble("There are no households in the data.", "Start with: afresh demo --fresh");
    await visit(found);
  } catch (error) {
    trouble(error, start);
  }
}

document.querySelector("main").addEventListener("click", (event) => {
  const button = event.target.closest("[data-event]");
  const li = button?.closest(".card");
  if (li) click(button.dataset.event, li.dataset.id, li);
});
document.querySelector("main").addEventListener("keydown", arrow);
document.querySelector(".choice").addEventListener("click", (event) => {
  const chosen = event.target.closest("[data-window]");
  if (!chosen) return;
  state.window = chosen.dataset.window;
  for (const button of document.querySelectorAll("[data-window]")) {
    button.setAttribute("aria-pressed", String(button === chosen));
  }
  trend(state.turn, true).then(settled, (error) => trouble(error, () => trend(state.turn, true)));
});
$("another").addEventListener("click", another);
$("retry").addEventListener("click", () => retry());
start();
