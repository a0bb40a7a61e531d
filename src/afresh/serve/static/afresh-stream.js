// @ts-check
// An open list's connection: calls `told` with the data of each event `list`, `lost` once when it
// ends, and returns what closes it.

/**
 * Without a key, context or rules. `lost` comes instead of EventSource's own retries, which keep one pace and stop
 * at a 503.
 * @param {string} url @param {(data: string) => void} told @param {() => void} lost
 */
export function source(url, told, lost) {
  const opened = new EventSource(url);
  opened.addEventListener("list", (event) => told(event.data));
  opened.onerror = () => { opened.close(); lost(); };
  return () => opened.close();
}

/**
 * With what EventSource cannot send: a key, a body.
 * @param {(signal: AbortSignal) => Promise<Response>} ask
 * @param {(data: string) => void} told @param {() => void} lost
 */
export function reader(ask, told, lost) {
  const stop = new AbortController();
  read(() => ask(stop.signal), told).catch(() => stop.signal.aborted || lost());
  return () => stop.abort();
}

async function read(/** @type {() => Promise<Response>} */ ask,
  /** @type {(data: string) => void} */ told) {
  const answer = await ask();
  if (!answer.ok || !answer.body) throw new Error(answer.statusText);
  const parts = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (let part = await parts.read(); !part.done; part = await parts.read()) {
    const events = (rest + part.value).split("\n\n");
    rest = events.pop() ?? "";
    for (const event of events) {
      const at = event.indexOf("\ndata: ");
      if (event.startsWith("event: list") && at > 0) told(event.slice(at + 7));
    }
  }
  throw new Error("The stream ended.");
}
