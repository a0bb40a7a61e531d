// What freshness is worth, measured here and now: the server walks the last visits of real households again.

import * as api from "/demo/api.js";
import { element } from "/demo/cards.js";

const NAMES = { 0: "on time", 60000: "a minute late", 600000: "ten minutes late", 3600000: "an hour late" };

const $ = (id) => document.getElementById(id);
const percent = (share) => `${(100 * share).toFixed(1)} %`;

let running = false;

function draw({ late, hits, asked, visits }, of) {
  const rates = hits.map((n) => (asked ? n / asked : 0));
  const most = Math.max(...rates, 1e-9);
  $("worth").replaceChildren(...late.map((ms, i) => {
    const line = element("li");
    const bar = element("meter");
    bar.max = most;
    bar.value = rates[i];
    bar.setAttribute("aria-label", `${NAMES[ms]}: ${percent(rates[i])}`);
    const error = Math.sqrt((rates[i] * (1 - rates[i])) / Math.max(asked, 1));
    const rate = element("b", "", percent(rates[i]));
    rate.append(element("small", "", ` ± ${(100 * error).toFixed(1)}`));
    line.append(element("span", "", NAMES[ms]), bar, rate);
    return line;
  }));
  $("worth-note").textContent = `${asked.toLocaleString("en")} products in ${visits} visits${of > visits ? ` of ${of}` : ""}; ± one standard error.`;
}

// Ask for one household after another; what is known so far is shown all the time.
export async function measure(households) {
  if (running) {
    running = false;
    return;
  }
  running = true;
  $("measure").textContent = "Stop";
  const sum = { late: [], hits: [], asked: 0, visits: 0 };
  try {
    for (const { user_id } of households) {
      if (!running) break;
      const one = await api.freshness(user_id);
      sum.late = one.late_ms;
      sum.hits = one.hits.map((n, i) => n + (sum.hits[i] ?? 0));
      sum.asked += one.asked;
      sum.visits += 1;
      draw(sum, households.length);
    }
  } finally {
    running = false;
    $("measure").textContent = "Measure again";
  }
}
