// The open list: what the server pushes when an event anywhere changes this household's list.
//
// While a click is on its way its own answer is awaited, and what was pushed meanwhile is held
// back; then the newer of the two is shown. Request ids begin with their time.

import { Afresh } from "/afresh.js";

const shop = new Afresh();
const time = (answer) => answer.request_id.slice(0, 12);

export class Live {
  #show; #close = () => {}; #held = null; #shown = ""; #waiting = 0;

  // show(answer): called with each list that is newer than what is shown.
  constructor(show) { this.#show = show; }

  open(who, n) {
    this.#close();
    this.#held = null;
    this.#close = shop.live({ surface: "home", n, ...who }, (answer) => this.#told(answer));
  }

  #told(answer) {
    if (this.#waiting) this.#held = answer;
    else if (time(answer) >= this.#shown) this.#show({ ...answer, explained: true });
  }

  // Pushes wait from here until the function that is returned was called.
  hold() {
    this.#waiting += 1;
    return () => {
      this.#waiting -= 1;
      const held = this.#held;
      if (this.#waiting || !held) return;
      this.#held = null;
      this.#told(held);
    };
  }

  // This answer, asked for by the page itself, is now what is shown.
  shown(answer) { this.#shown = time(answer); }
}
