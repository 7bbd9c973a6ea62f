// A client of the hub's API, and of HQ's: requests, problems, keys.
//
// A command has a key. If there is no answer, send the same command with the same key until it is answered: it is
// executed once. `post` does so for `patience`; what must not get lost belongs into a queue that survives the page.

/** The API refused: `type` is for programs, `message` for people, `members` has the rest of the problem. */
export class Problem extends Error {
  /**
   *
   * @param {{type?: string, detail?: string, title?: string, status?: number}} problem
   * @param {number} status
   * @param {number} wait
   */
  constructor(problem, status, wait) {
    super(problem.detail ?? problem.title ?? `HTTP ${status}`);
    this.name = "Problem";
    this.type = (problem.type ?? "").replace("/problems/", "");
    this.status = status;
    this.members = /** @type {Record<string, any>} */ (problem);
    /** Milliseconds until a repeat makes sense; 0 if it does not. */
    this.wait = wait;
  }
}

/** No answer: the outcome of a command is unknown. */
export class NoAnswer extends Error {
  constructor() {
    super("no answer");
    this.name = "NoAnswer";
  }
}

/**
 * The body of an answer. One that is cut off after its headers counts as no answer.
 * @template T
 * @param {Promise<T>} body
 * @returns {Promise<T>}
 */
function whole(body) {
  return body.catch(() => {
    throw new NoAnswer();
  });
}

export const newKey = () => crypto.randomUUID();

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export class Api {
  /** @param {{token?: string}} [credential] a register's token; without it the browser sends the console's cookie */
  constructor({ token } = {}) {
    this.token = token;
    /** The store's epoch: it changes when the store was restored from a backup. @type {string | undefined} */
    this.epoch = undefined;
    /** @type {(isAnswering: boolean) => void} */
    this.onAnswer = () => {};
  }

  /** @param {string} path below /api/v1 @param {Record<string, any>} [query] */
  async get(path, query = {}) {
    return whole((await this.fetch("GET", path + asQuery(query), undefined, {}, 10_000)).json());
  }

  /** A file, such as a picture. @param {string} path */
  async blob(path) {
    return whole((await this.fetch("GET", path, undefined, {}, 10_000)).blob());
  }

  /**
   * Sends a command.
   * @param {string} path below /api/v1
   * @param {any} [body]
   * @param {{key?: string, patience?: number, timeout?: number}} [how] `patience`: how long to repeat it without an
   * answer
   */
  async post(path, body = {}, { key = newKey(), patience = 0, timeout = 15_000 } = {}) {
    const until = Date.now() + patience;
    for (let attempt = 0; ; attempt++) {
      try {
        const answer = await this.fetch("POST", path, JSON.stringify(body), { "idempotency-key": key }, timeout);
        const text = await whole(answer.text());
        return text ? JSON.parse(text) : undefined;
      } catch (error) {
        const wait =
          error instanceof NoAnswer ? Math.min(200 * 2 ** attempt, 2000) : error instanceof Problem ? error.wait : 0;
        if (wait === 0 || Date.now() + wait > until) throw error;
        await pause(wait);
      }
    }
  }

  async fetch(method, path, body, headers, timeout) {
    const all = { ...headers };
    if (body !== undefined) all["content-type"] = "application/json";
    if (this.token) all.authorization = `Bearer ${this.token}`;
    let answer;
    try {
      answer = await fetch(`/api/v1${path}`, {
        method,
        body,
        headers: all,
        cache: "no-store",
        credentials: this.token ? "omit" : "same-origin",
        signal: AbortSignal.timeout(timeout),
      });
    } catch {
      this.onAnswer(false);
      throw new NoAnswer();
    }
    this.onAnswer(true);
    this.epoch = answer.headers.get("store-hub-epoch") ?? this.epoch;
    if (answer.ok) return answer;
    const problem = await answer.json().catch((error) => {
      if (error instanceof SyntaxError) return {};
      throw new NoAnswer();
    });
    const isBusy = answer.status === 429 || answer.status === 503;
    throw new Problem(problem, answer.status, isBusy ? 1000 * Number(answer.headers.get("retry-after") ?? 1) : 0);
  }
}

/** @param {Record<string, any>} query */
function asQuery(query) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  return given.length ? `?${new URLSearchParams(given)}` : "";
}
