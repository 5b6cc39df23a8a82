// What this tab remembers across a reload. It stands apart because it is the only file that
// touches storage, and because its one rule matters: nothing is written until the visitor acted,
// and in a cookieless chat nothing is written at all.

/** @typedef {{token?: string, open?: boolean, tongue?: string, outbox?: {id: string, text: string}[]}} Remembered */

export class TabMemory {
  #key;
  /** @type {Remembered} */
  #held = {};
  #mayWrite = false;
  #isCookieless;

  constructor(widgetId, isCookieless) {
    this.#key = `veetflow:${widgetId}`;
    this.#isCookieless = isCookieless;
    if (isCookieless) return;
    try {
      const held = JSON.parse(sessionStorage.getItem(this.#key) ?? '{}');
      if (held !== null && typeof held === 'object' && !Array.isArray(held)) this.#held = held;
      if (!Array.isArray(this.#held.outbox)) delete this.#held.outbox;
      this.#mayWrite = Boolean(this.#held.token);
    } catch {
      // Storage may be forbidden or hold nonsense: then this page load starts from nothing.
    }
  }

  get(name) {
    return this.#held[name];
  }

  set(name, value) {
    if (this.#held[name] === value) return;
    this.#held[name] = value;
    this.#write();
  }

  /** The visitor accepted or sent something: from here on the tab may remember. */
  visitorActed() {
    if (this.#mayWrite || this.#isCookieless) return;
    this.#mayWrite = true;
    this.#write();
  }

  /** The server asked to forget local copies. The token stays in use for this page load only. */
  forget() {
    this.#mayWrite = false;
    this.#held = { token: this.#held.token, open: this.#held.open };
    try {
      sessionStorage.removeItem(this.#key);
    } catch {
      // Nothing was stored where storage is forbidden.
    }
  }

  #write() {
    if (!this.#mayWrite) return;
    try {
      sessionStorage.setItem(this.#key, JSON.stringify(this.#held));
    } catch {
      // The conversation goes on in memory; only a reload will not remember it.
    }
  }
}
