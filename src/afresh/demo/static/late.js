// A pipeline that is late: clicks are held back in this page for so long, then they are posted with the
// time at which they were made. What is on its way survives a reload.

const KEY = "afresh-demo:late";
const STEPS = [[0, "on time"], [60e3, "a minute late"], [600e3, "ten minutes late"], [3600e3, "an hour late"]];

const $ = (id) => document.getElementById(id);
const clock = (ms) => {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
};

export class Late {
  #arrive; #changed; #held = []; #step = 0; #busy = false;

  // arrive(event): posts an event that has been held back; waited for, one at a time.
  // changed(ms): the pipeline is so late from now on.
  constructor(arrive, changed) {
    this.#arrive = arrive;
    this.#changed = changed;
    try {
      const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "{}");
      if (STEPS[kept.step]) [this.#step, this.#held] = [kept.step, kept.held];
    } catch { /* nothing is kept there */ }
    $("late").value = this.#step;
    $("late").addEventListener("input", () => this.#set(Number($("late").value)));
    setInterval(() => this.#tick(), 500);
  }

  get ms() { return STEPS[this.#step][0]; }
  get name() { return STEPS[this.#step][1]; }

  start() { this.#set(this.#step); }

  // An event on its way.
  hold(event) {
    this.#held.push(event);
    this.#keep();
    this.#tell();
  }

  #set(step) {
    this.#step = step;
    this.#keep();
    this.#changed(this.ms);
    this.#tell();
    this.#tick();
  }

  async #tick() {
    this.#tell();
    if (this.#busy) return;
    this.#busy = true;
    try {
      while (this.#held.length && this.#held[0].timestamp + this.ms <= Date.now()) {
        await this.#arrive(this.#held[0]);
        this.#held.shift();
        this.#keep();
      }
    } finally {
      this.#busy = false;
      this.#tell();
    }
  }

  #keep() {
    try {
      sessionStorage.setItem(KEY, JSON.stringify({ step: this.#step, held: this.#held }));
    } catch { /* it lasts as long as this page, then */ }
  }

  #tell() {
    const waiting = this.#held.length;
    const next = waiting ? this.#held[0].timestamp + this.ms - Date.now() : 0;
    $("late").setAttribute("aria-valuetext", this.name);
    $("late-name").textContent = this.name;
    $("late-note").textContent = waiting
      ? `${waiting === 1 ? "1 click is" : `${waiting} clicks are`} on the way; the next arrives in ${clock(next)}.`
      : this.ms ? "Your clicks are held back for so long, and the list stands still meanwhile." : "A click is in the next answer.";
  }
}
