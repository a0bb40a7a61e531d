// @ts-check
// What a page needs of an afresh server: events out, lists in. No dependency, no build step.
//
//   import { Afresh } from "/afresh.js";
//   const shop = new Afresh();
//   shop.track("view", "i1");
//   shop.live({ surface: "home" }, (list) => shop.reorder(ul, list.items.map((i) => i.item_id)));

/**
 * @typedef {{item_id: string, score: number, sources: string[], reason: string}} Item
 * @typedef {{request_id: string, items: Item[], offset: string, fresh: boolean,
 *   freshness_ms: number, model: string, variant: string | null, degraded: string[],
 *   groups: {title: string, item_id: string | null, items: Item[]}[]}} List
 * @typedef {{surface?: string, n?: number, user_id?: string, session_id?: string,
 *   context?: Record<string, string | number>, rules?: object, cursor?: string}} Asked
 * @typedef {{base?: string, key?: string, remember?: boolean, impression?: string, dwell?: string,
 *   onRejected?: (rejected: object[]) => void}} Options
 * cursor: of `recommend` alone; an open list has no next page.
 * base: the server's address; this page's own at first. key: an API key (everybody who opens the
 * page can read it). remember: know a visitor again by an anonymous id, which is sent as `user_id`
 * until somebody is identified; ask for consent first. impression, dwell: event types of the
 * definition to send from `observe`; none are sent without. dwell needs the property `dwell_ms`.
 */

import { Kept, newId } from "./afresh-kept.js";
import { reorder, watch } from "./afresh-page.js";
import { reader, source } from "./afresh-stream.js";

const IDLE_MS = 30 * 60_000; // a session ends after so long without an event
const BATCH = 50; // events in one request
const KEPT = 1000; // events in the outbox; beyond it the oldest go
const KEEPALIVE_BYTES = 60_000; // browsers refuse more when a page is left

export class Afresh {
  #base; #options; #kept = new Kept();
  #sending = false; #failures = 0; #timer = 0; #after = "";
  /** @type {Set<() => void>} */ #lives = new Set();
  /** @type {Set<() => void>} */ #leaving = new Set();

  /** @param {Options} [options] */
  constructor(options = {}) {
    this.#options = options;
    this.#base = (options.base ?? "").replace(/\/$/, "");
    addEventListener("online", () => this.#flushNow());
    addEventListener("pagehide", () => this.#leave());
    document.addEventListener("visibilitychange", () => document.hidden && this.#leave());
    this.#flush(); // what an earlier page left
  }

  // Who.

  /** This visit's id; after half an hour without an event, a new one. */
  get sessionId() {
    const [id, at] = (this.#kept.get("session") ?? "").split(" ");
    return id && Date.now() - Number(at) < IDLE_MS ? id : this.#newSession();
  }

  /** The person identified, or the visitor remembered, or nobody. */
  get userId() {
    const named = this.#kept.get("user");
    if (named || !this.#options.remember) return named ?? undefined;
    if (!this.#kept.get("visitor")) this.#kept.set("visitor", `a-${newId()}`);
    return this.#kept.get("visitor") ?? undefined;
  }

  /** From now on, and in this session so far, everything is this person's. @param {string} user */
  identify(user) {
    const before = this.#kept.get("user");
    if (before && before !== user) this.#newSession(); // the old one stays the other person's
    this.#kept.set("user", user);
    if (before !== user) this.track("identify");
    this.#lives.forEach((reopen) => reopen());
  }

  /** From now on it is nobody's, in a new session. */
  logout() {
    this.#kept.remove("user");
    this.#newSession();
    this.#lives.forEach((reopen) => reopen());
  }

  /** Erase all that is kept in this browser: ids, and events not yet sent. */
  forget() {
    this.#kept.names("").forEach((name) => this.#kept.remove(name));
    this.#after = "";
    this.#lives.forEach((reopen) => reopen());
  }

  #newSession() {
    const id = `s-${newId()}`;
    this.#kept.set("session", `${id} ${Date.now()}`);
    return id;
  }

  // Events.

  /**
   * Note an event. It is sent at once, or when the server can be reached again, after a reload
   * too; it counts once, however often it had to be sent. Returns its id.
   * @param {string} type @param {string} [itemId] @param {Record<string, unknown>} [properties]
   */
  track(type, itemId, properties) {
    const id = newId(), session = this.sessionId, now = Date.now();
    const event = { event_id: id, event_type: type, timestamp: now, user_id: this.userId,
      session_id: session, item_id: itemId, properties };
    this.#kept.set("session", `${session} ${now}`);
    this.#kept.set(`out:${id}`, JSON.stringify(event));
    this.#kept.names("out:").slice(0, -KEPT).forEach((name) => this.#kept.remove(name));
    if (!this.#timer) this.#flush();
    return id;
  }

  /** How many events wait to be acknowledged. */
  get waiting() { return this.#kept.names("out:").length; }

  #flushNow() {
    clearTimeout(this.#timer);
    this.#timer = this.#failures = 0;
    this.#flush();
  }

  #batch() {
    const names = this.#kept.names("out:").slice(0, BATCH);
    return { names, body: `[${names.map((name) => this.#kept.get(name)).filter(Boolean)}]` };
  }

  async #flush() {
    if (this.#sending) return;
    this.#sending = true;
    try {
      await Promise.resolve(); // events of one turn go together
      for (let { names, body } = this.#batch(); names.length; { names, body } = this.#batch()) {
        const retryAfter = await this.#post(names, body);
        if (retryAfter !== null) {
          const wait = Math.min(60, 2 ** this.#failures++) * (0.5 + Math.random() / 2);
          const again = () => { this.#timer = 0; this.#flush(); };
          this.#timer = setTimeout(again, 1000 * Math.max(wait, retryAfter));
          return;
        }
        this.#failures = 0;
      }
    } finally {
      this.#sending = false;
    }
  }

  /** Null when the server has judged these events; else the seconds it asks to wait. */
  async #post(/** @type {string[]} */ names, /** @type {string} */ body) {
    try {
      const keepalive = body.length < KEEPALIVE_BYTES;
      const answer = await this.#fetch("/v1/events", { method: "POST", body, keepalive });
      if (![202, 400, 413, 422].includes(answer.status)) {
        return Number(answer.headers.get("retry-after")) || 0;
      }
      const said = await answer.json();
      names.forEach((name) => this.#kept.remove(name));
      if (said.offset) this.#after = said.offset;
      if (said.rejected?.length) this.#options.onRejected?.(said.rejected);
      return null;
    } catch {
      return 0;
    }
  }

  /** The page may be gone in a moment. What arrives twice counts once, so all is sent again. */
  #leave() {
    this.#leaving.forEach((tell) => tell());
    const { names, body } = this.#batch();
    if (!names.length) return;
    const own = new URL(this.#base || "/", location.href).origin === location.origin;
    const sent = own && !this.#options.key && navigator.sendBeacon?.(
      `${this.#base}/v1/events`, new Blob([body], { type: "application/json" }));
    if (!sent) this.#post(names, body);
  }

  /** @param {string} path @param {RequestInit} [init] */
  #fetch(path, init = {}) {
    /** @type {Record<string, string>} */
    const headers = init.body ? { "content-type": "application/json" } : {};
    if (this.#options.key) headers.authorization = `Bearer ${this.#options.key}`;
    return fetch(this.#base + path, { ...init, headers, credentials: "omit" });
  }

  // Lists.

  #asked(/** @type {Asked} */ asked) {
    return { user_id: this.userId, session_id: this.sessionId, ...asked };
  }

  /** A list that reflects every event acknowledged here. @param {Asked} [asked] @returns {Promise<List>} */
  async recommend(asked = {}) {
    const body = JSON.stringify({ ...this.#asked(asked), after: this.#after || undefined });
    const answer = await this.#fetch("/v1/recommend", { method: "POST", body });
    const said = await answer.json();
    if (!answer.ok) throw new Error(`${said.title}: ${said.detail} ${said.hint ?? ""}`.trim());
    return said;
  }

  /**
   * A list that stays open: `onList` is called with each new one. Returns what closes it.
   * @param {Asked} asked @param {(list: List) => void} onList @returns {() => void}
   */
  live(asked, onList) {
    let failures = 0, timer = 0, close = () => {};
    const told = (/** @type {string} */ data) => { failures = 0; onList(JSON.parse(data)); };
    const lost = () => {
      clearTimeout(timer);
      timer = setTimeout(open, 1000 * Math.min(60, 2 ** failures++) * (0.5 + Math.random() / 2));
    };
    const open = () => {
      const given = Object.entries(this.#asked(asked)).filter(([, value]) => value != null);
      const body = JSON.stringify(Object.fromEntries(given));
      const inAddress = new URLSearchParams(given.map(([k, v]) => [k, String(v)]));
      close = this.#options.key || asked.context || asked.rules
        ? reader((signal) => this.#fetch("/v1/live", { method: "POST", body, signal }), told, lost)
        : source(`${this.#base}/v1/live?${inAddress}`, told, lost);
    };
    const reopen = () => { close(); clearTimeout(timer); open(); };
    this.#lives.add(reopen);
    open();
    return () => { this.#lives.delete(reopen); clearTimeout(timer); close(); };
  }

  // The page.

  /**
   * Tell when an item was really seen, and for how long; each only if the options name an event
   * type for it. Returns what ends it.
   * @param {Element} element @param {string} itemId @returns {() => void}
   */
  observe(element, itemId) {
    const { impression, dwell } = this.#options;
    const { stop, pause } = watch(
      element,
      () => impression && this.track(impression, itemId),
      (ms) => dwell && this.track(dwell, itemId, { dwell_ms: ms }),
    );
    this.#leaving.add(pause);
    return () => { this.#leaving.delete(pause); stop(); };
  }

  /** See `reorder` of the module. */
  reorder = reorder;
}

export { reorder };
