// The page: one household, four rows. A click is an event; after its 202 everything is asked again.
// What happens elsewhere to the same household comes by itself, over the open list.

import * as api from "/demo/api.js";
import * as facts from "/demo/facts.js";
import { Late } from "/demo/late.js";
import { Live } from "/demo/live.js";
import { N, because, fill, newcomers, trend } from "/demo/rows.js";
import { hash } from "/demo/tile.js";
import "/demo/why.js";
import { measure } from "/demo/worth.js";

const SAID = { view: "You looked at", cart: "In the cart:", buy: "Bought:" };

const $ = (id) => document.getElementById(id);

const state = {
  households: [],
  user: "",
  session: "",
  offset: undefined, // the token of the last acknowledged click
  last: null, // {id, verb}: what the second row is about
  row: {}, // the household's features as shown
  window: "7d",
  turn: 0, // counts clicks and switches; an answer to an older turn is not shown
};

const ms = (number) => (number === undefined || number === null ? "–" : `${number.toFixed(number < 10 ? 1 : 0)} ms`);
const who = () => ({ user_id: state.user, session_id: state.session });
const during = (turn) => () => turn === state.turn;

function plural(number, one, many) {
  return number === 1 ? `1 ${one}` : `${number} ${many}`;
}

// The household's features are asked again; what changed in them since `before` is returned.
async function known(turn, before) {
  const row = await facts.ask(state.user);
  await facts.draw(row, state.last?.id, during(turn));
  if (turn !== state.turn) return [];
  state.row = row;
  if (!state.last && row.recent?.length) state.last = { id: row.recent[0], verb: "bought" };
  return before ? facts.changes(before, row) : [];
}

async function beside(turn, quiet, before) {
  const changed = await known(turn, before);
  if (turn !== state.turn) return;
  if (before) facts.tell(changed);
  const strongest = facts.interests(state.row).slice(0, 3).map(([name]) => name);
  const current = during(turn);
  const jobs = [
    trend(state.window, strongest[0], quiet, current),
    newcomers({ ...who(), after: state.offset }, strongest, quiet, current),
  ];
  if (state.last) jobs.push(because(state.last, quiet, current));
  await Promise.all(jobs);
}

async function list(turn, answer, quiet) {
  const draw = await fill("now", answer, { quiet, empty: "Nothing to recommend yet." });
  if (turn !== state.turn) return null;
  const changed = draw();
  live.shown(answer);
  const sources = [...new Set(answer.items.flatMap((entry) => entry.sources ?? []))];
  const parts = [`model ${answer.model}`, sources.length ? `from ${sources.join(", ")}` : ""];
  if (answer.degraded?.length) parts.push(`without ${answer.degraded.join(", ")}`);
  $("now-note").textContent = parts.filter(Boolean).join(" · ");
  $("freshness").textContent = ms(answer.freshness_ms);
  $("offset").textContent = answer.offset;
  $("offset").title = answer.offset;
  return changed;
}

async function now(turn, quiet) {
  const start = performance.now();
  const answer = await api.recommend({ ...who(), n: N, after: state.offset });
  const took = performance.now() - start;
  const changed = await list(turn, answer, quiet);
  if (!changed) return null;
  $("answered").textContent = ms(took);
  return { ...changed, fresh_answer: answer.fresh };
}

const told = ({ moved, fresh }) => (moved + fresh
  ? `${plural(fresh, "new product", "new products")}, ${moved} moved`
  : "the list stayed as it was");

// A list came by itself: another tab of this household, or the shop around it, changed it.
async function pushed(answer) {
  const turn = state.turn;
  const ids = [...$("now").querySelectorAll(".card")].map((li) => li.dataset.id);
  if (answer.items.map((entry) => entry.item_id).join() === ids.join()) return;
  try {
    const before = state.row;
    const changed = await list(turn, answer, false);
    const row = await facts.ask(state.user);
    if (!changed || turn !== state.turn) return;
    const id = row.recent?.[0];
    if (!id || row.recent.join() === before.recent?.join()) return; // not this household's doing
    const item = await api.item(id);
    state.last = { id, verb: "chose" };
    $("durable").textContent = $("answered").textContent = "–";
    say("In another window: ", item.title, told(changed));
    await beside(turn, false, before);
  } catch (error) {
    trouble(error, () => pushed(answer));
  }
}

const live = new Live(pushed);

// While the pipeline is late, what others do is held back as well: the list stands still.
let flow = () => {};
const late = new Late(arrive, (ms) => {
  flow();
  flow = ms ? live.hold() : () => {};
});

// A click that was held back; another household's is posted and not shown.
function arrive(event) {
  return event.user_id === state.user ? click(event.event_type, event.item_id, null, event) : api.send(event);
}

function say(what, title, then) {
  const small = document.createElement("small");
  small.textContent = then;
  $("said").replaceChildren(`${what}${title}. `, small);
}

// Tried again, a click keeps its id: should it have arrived after all, it is still one event.
async function click(kind, id, li, clicked = { event_id: api.randomId(), timestamp: Date.now() }) {
  const turn = ++state.turn;
  const release = live.hold();
  $("pulse").dataset.state = "asking";
  if (li) li.dataset.busy = "";
  try {
    const [item, before] = await Promise.all([api.item(id), facts.ask(state.user)]);
    const event = { ...who(), ...clicked, event_type: kind, item_id: id };
    if (item.price_cents > 0 && kind !== "view") {
      event.properties = { price_cents: item.price_cents, quantity: 1 };
      if (kind === "buy") event.value = item.price_cents / 100;
    }
    const arrived = Boolean(clicked.user_id);
    if (late.ms && !arrived) {
      late.hold(event);
      say(`${SAID[kind]} `, item.title, `on its way; the pipeline is ${late.name}`);
      return;
    }
    const start = performance.now();
    const receipt = await api.send(event);
    const durable = performance.now() - start;
    state.offset = receipt.offset;
    state.last = { id, verb: { view: "looked at", cart: "took", buy: "bought" }[kind] };
    const changed = await now(turn, false);
    if (!changed) return;
    $("durable").textContent = ms(durable);
    const note = changed.fresh_answer ? "" : " (this answer does not reflect the click yet)";
    say(arrived ? "Arrived late: " : `${SAID[kind]} `, item.title, told(changed) + note);
    await beside(turn, false, before);
    settled();
  } catch (error) {
    trouble(error, () => click(kind, id, li, clicked));
  } finally {
    if (li) delete li.dataset.busy;
    if (turn === state.turn) $("pulse").dataset.state = "done";
    release();
  }
}

async function visit(household) {
  const turn = ++state.turn;
  const release = live.hold();
  Object.assign(state, {
    user: household.user_id, session: `web-${api.randomId()}`, offset: undefined, last: null, row: {},
  });
  history.replaceState(null, "", `#${encodeURIComponent(household.user_id)}`);
  $("name").textContent = `Household ${household.user_id.replace(/^h/, "")}`;
  $("about").textContent = household.about;
  $("face").textContent = household.user_id.replace(/^h/, "").slice(-2);
  $("face").style.setProperty("--hue", hash(household.user_id) % 360);
  $("durable").textContent = "–";
  $("changes").replaceChildren();
  try {
    live.open(who(), N);
    await Promise.all([now(turn, true), beside(turn, true)]);
    if (turn !== state.turn) return;
    $("said").textContent = "Click a product and watch what changes.";
    settled();
  } catch (error) {
    trouble(error, () => visit(household));
  } finally {
    release();
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

function retrend() {
  const [strongest] = facts.interests(state.row)[0] ?? [];
  trend(state.window, strongest, true, during(state.turn)).then(settled, (error) => trouble(error, retrend));
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
  retrend();
});
$("another").addEventListener("click", another);
$("retry").addEventListener("click", () => retry());
$("measure").addEventListener("click", () => {
  measure(state.households).then(settled, (error) => trouble(error, () => measure(state.households)));
});
start().then(() => late.start());
