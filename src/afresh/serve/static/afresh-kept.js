// @ts-check
// Ids, and what a browser keeps of them and of events.

const PREFIX = "afresh:";

/** An id of 32 hex digits that sorts by time. */
export function newId() {
  const random = crypto.getRandomValues(new Uint8Array(10));
  const digits = Array.from(random, (byte) => byte.toString(16).padStart(2, "0"));
  return Date.now().toString(16).padStart(12, "0") + digits.join("");
}

/** localStorage, or the memory of this page where that is forbidden or full. */
export class Kept {
  /** @type {Map<string, string>} */ #memory = new Map();
  /** @param {string} name */
  get(name) {
    if (this.#memory.has(name)) return this.#memory.get(name) ?? null;
    try { return localStorage.getItem(PREFIX + name); } catch { return null; }
  }
  /** @param {string} name @param {string} value */
  set(name, value) {
    try { localStorage.setItem(PREFIX + name, value); } catch { this.#memory.set(name, value); }
  }
  /** @param {string} name */
  remove(name) {
    this.#memory.delete(name);
    try { localStorage.removeItem(PREFIX + name); } catch { /* nothing is kept there */ }
  }
  /** The names that begin so, in order. @param {string} start */
  names(start) {
    const found = [...this.#memory.keys()];
    try {
      for (const name of Object.keys(localStorage)) {
        if (name.startsWith(PREFIX)) found.push(name.slice(PREFIX.length));
      }
    } catch { /* only the memory, then */ }
    return found.filter((name) => name.startsWith(start)).sort();
  }
}
