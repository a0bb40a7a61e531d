// @ts-check
// What a page shows: who really saw an item, and lists that change their order in place.

const VISIBLE_MS = 1000; // an impression: half of it visible for so long
const GLIDE_MS = 350;

/**
 * Watch an element. `seen` is called once, when half of it (or of the window) was visible for a
 * second on end; `dwelt` with the milliseconds of each visit of a second or more, when it ends.
 * @param {Element} element @param {() => void} seen @param {(ms: number) => void} dwelt
 * @returns {{stop: () => void, pause: () => void}} pause: end a visit now, for a page that is left.
 */
export function watch(element, seen, dwelt) {
  let since = 0, timer = 0, told = false, inside = false;
  const begin = () => {
    if (since || !inside || document.hidden) return;
    since = performance.now();
    if (!told) timer = setTimeout(() => { told = true; seen(); }, VISIBLE_MS);
  };
  const pause = () => {
    clearTimeout(timer);
    const ms = since && performance.now() - since;
    since = 0;
    if (ms >= VISIBLE_MS) dwelt(Math.round(ms));
  };
  const turn = () => (document.hidden ? pause() : begin());
  const watcher = new IntersectionObserver((entries) => {
    const { intersectionRatio, intersectionRect, rootBounds } = entries[entries.length - 1];
    const covered = rootBounds ? intersectionRect.height / rootBounds.height : 0;
    inside = intersectionRatio >= 0.5 || covered >= 0.5;
    if (inside) begin(); else pause();
  }, { threshold: [0, 0.1, 0.25, 0.5, 0.75, 1] });
  watcher.observe(element);
  document.addEventListener("visibilitychange", turn);
  const stop = () => {
    pause();
    watcher.disconnect();
    document.removeEventListener("visibilitychange", turn);
  };
  return { stop, pause };
}

/**
 * Bring a container's children into this order; each glides to its new place, unless the reader
 * asked for less motion. A child's item is its `data-id`. With `create`, items without a child get
 * one and children without an item go; without, what is not named stays behind the rest. What had
 * the focus keeps it.
 * @param {Element} container @param {string[]} ids @param {(id: string) => Element} [create]
 */
export function reorder(container, ids, create) {
  const children = /** @type {HTMLElement[]} */ ([...container.children]);
  const boxes = new Map(children.map((child) => [child, child.getBoundingClientRect()]));
  const known = new Map(children.map((child) => [child.dataset.id, child]));
  const focused = document.activeElement;
  const wanted = [];
  for (const id of new Set(ids)) {
    const child = known.get(id) ?? create?.(id);
    if (child) wanted.push(/** @type {HTMLElement} */ (child));
  }
  const kept = new Set(wanted);
  if (create) children.forEach((child) => kept.has(child) || child.remove());
  wanted.forEach((child, at) => {
    if (container.children[at] !== child) container.insertBefore(child, container.children[at]);
  });
  if (focused instanceof HTMLElement && focused !== document.activeElement && focused.isConnected) {
    focused.focus({ preventScroll: true });
  }
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const glide = { duration: GLIDE_MS, easing: "cubic-bezier(.2, .7, .2, 1)" };
  for (const child of /** @type {HTMLElement[]} */ ([...container.children])) {
    const before = boxes.get(child), now = child.getBoundingClientRect();
    if (!before) { child.animate([{ opacity: 0 }, { opacity: 1 }], glide); continue; }
    const x = before.left - now.left, y = before.top - now.top;
    if (x || y) child.animate([{ transform: `translate(${x}px, ${y}px)` }, {}], glide);
  }
}
