// The server's HTTP API, and what is remembered of its items.

export class Trouble extends Error {
  constructor(message, hint = "") {
    super(hint ? `${message} ${hint}` : message);
  }
}

async function ask(path, body) {
  const options = body === undefined ? {} : {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Trouble("The server does not answer.", "Is afresh demo still running in its terminal?");
  }
  const answer = await response.json().catch(() => null);
  if (response.ok && answer !== null) return answer;
  const wait = response.headers.get("Retry-After");
  const rejected = answer?.rejected?.[0]?.detail;
  throw new Trouble(
    rejected ?? answer?.detail ?? answer?.title ?? `The server said ${response.status}.`,
    answer?.hint ?? (wait ? `Try again in ${wait} s.` : ""),
  );
}

// A random id of 96 bits, as text.
export function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const query = (path, parameters) => ask(`${path}?${new URLSearchParams(parameters)}`);

export const households = () => ask("/demo/households");
export const freshness = (user) => ask(`/demo/freshness/${encodeURIComponent(user)}`);
export const send = (event) => ask("/v1/events", event);
// Answers of surfaces can be explained by their request_id, those of the other routes cannot.
export const recommend = async (request) =>
  ({ ...await ask("/v1/recommend", { surface: "home", ...request }), explained: true });
export const explain = (id) => ask(`/v1/explain/${encodeURIComponent(id)}`);
export const similar = (id, n) => query(`/v1/items/${encodeURIComponent(id)}/similar`, { n });
export const trending = (window, n, where = {}) => query("/v1/trending", { window, n, ...where });

export async function features(userId, names) {
  const answer = await ask("/v1/features", { keys: { user_id: [userId] }, features: names });
  return answer.rows[0] ?? {};
}

const known = new Map();

// The record of an item; one without a record is shown by its id.
export function item(id) {
  if (!known.has(id)) {
    const asked = ask(`/v1/items/${encodeURIComponent(id)}`).catch((error) => {
      known.delete(id);
      if (error instanceof Trouble) return { title: `Product ${id}` };
      throw error;
    });
    known.set(id, asked);
  }
  return known.get(id);
}
