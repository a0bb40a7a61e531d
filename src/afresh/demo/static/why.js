// "Why this?": what each term added to a product's score, in the answer that its card came from.

import * as api from "/demo/api.js";
import { element, origin } from "/demo/cards.js";

const MOST = 4; // terms shown

const $ = (id) => document.getElementById(id);
const panel = $("why");
let opener = null;

// [{name, share}] of {name: what it added}: the weightiest, as shares of all that was added or
// taken away; negative where it was taken away.
export function shares(terms) {
  const all = Object.entries(terms).filter(([, value]) => value);
  const sum = all.reduce((so_far, [, value]) => so_far + Math.abs(value), 0);
  return all.sort((a, b) => Math.abs(b[1]) - Math.abs(a[1])).slice(0, MOST)
    .map(([name, value]) => ({ name, share: value / sum }));
}

function bars(terms) {
  const list = element("ol", "shares");
  const largest = Math.abs(shares(terms)[0].share);
  for (const { name, share } of shares(terms)) {
    const line = element("li", share < 0 ? "against" : "");
    const bar = element("meter");
    bar.max = largest;
    bar.value = Math.abs(share);
    const said = `${share < 0 ? "−" : ""}${Math.round(100 * Math.abs(share))} %`;
    bar.setAttribute("aria-label", `${name}: ${said}`);
    line.append(element("span", "name", name.replace(/^log (.*)/, "$1, logarithm")), bar, element("b", "", said));
    list.append(line);
  }
  return list;
}

async function weighed({ item_id, request }) {
  if (!request) return [element("p", "note", "One source alone gave this row, so nothing was weighed.")];
  const told = await api.explain(request);
  const terms = told.items.find((item) => item.item_id === item_id)?.terms ?? {};
  if (!shares(terms).length) return [element("p", "note", "No term added anything.")];
  const removed = Object.values(told.removed).reduce((a, b) => a + b, 0);
  const note = `Softmax weights, learned online. Filters took ${removed.toLocaleString("en-US")} others away.`;
  const fixed = `Fixed weights. Filters took ${removed.toLocaleString("en-US")} others away.`;
  return [bars(terms), element("p", "note", told.answer.model === "softmax" ? note : fixed)];
}

function place(button) {
  const [from, own] = [button.getBoundingClientRect(), panel.getBoundingClientRect()];
  const left = Math.max(12, Math.min(from.left, innerWidth - own.width - 12));
  const below = from.bottom + 6;
  const top = below + own.height > innerHeight - 12 ? innerHeight - own.height - 12 : below;
  panel.style.left = `${left}px`;
  panel.style.top = `${Math.max(12, top)}px`;
}

async function open(button) {
  const li = button.closest(".card");
  const entry = origin(li);
  opener = button;
  button.setAttribute("aria-expanded", "true");
  $("why-title").textContent = li.querySelector(".title").textContent;
  $("why-reason").textContent = entry.reason ?? "";
  $("why-terms").replaceChildren();
  $("why-sources").replaceChildren(...(entry.sources ?? []).map((name) => element("li", "", name)));
  panel.showPopover();
  place(button);
  $("why-close").focus();
  let parts;
  try {
    parts = await weighed(entry);
  } catch (error) {
    if (!(error instanceof api.Trouble)) throw error;
    parts = [element("p", "note", error.message)];
  }
  if (opener !== button) return;
  $("why-terms").replaceChildren(...parts);
  place(button);
}

panel.addEventListener("toggle", (event) => {
  if (event.newState === "open") return;
  const [had, inside] = [opener, panel.contains(document.activeElement)];
  opener = null;
  had?.setAttribute("aria-expanded", "false");
  if (had?.isConnected && (inside || document.activeElement === document.body)) had.focus({ preventScroll: true });
});
$("why-close").addEventListener("click", () => panel.hidePopover());
addEventListener("scroll", () => opener?.isConnected && place(opener), { passive: true, capture: true });
document.querySelector("main").addEventListener("click", (event) => {
  const button = event.target.closest(".why");
  if (button) open(button);
});
