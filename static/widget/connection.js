// The way to the server and back to it: session request, socket, and when to try again. It stands
// apart so that every reason to reconnect, to wait or to give up is decided in this file only.

import { bare } from './bare.js';
import { isSession, readFrame } from './frames.js';

/**
 * @typedef {'idle'|'connecting'|'ready'|'waiting'|'elsewhere'|'refused'} Link
 * @typedef {{code: string, title: string}} Refusal
 */

const patienceMs = 15_000;
const firstPauseMs = 600;
const longestPauseMs = 30_000;
const wakeCheckMs = 10_000;
const asleepAfterMs = 40_000;

class SessionFault extends Error {
  /** @param {{status?: number, code?: string, title?: string, retry_after_ms?: number}} told */
  constructor({ status, code = '', title = '', retry_after_ms: retryAfterMs }) {
    super(title);
    this.title = title;
    this.code = code;
    this.status = status;
    this.retryAfterMs = retryAfterMs;
    this.mayPass = !status || status === 408 || status === 425 || status === 429 || status >= 500;
  }
}

/** @param {number} code @returns {Link} where a closed socket leaves the visitor */
function afterClose(code) {
  if (code === 1000) return 'idle';
  if (code === 4001) return 'elsewhere';
  return code >= 4500 && code <= 4999 ? 'refused' : 'waiting';
}

export class Connection {
  /** @type {Link} */
  link = 'idle';
  /** @type {Refusal|null} */
  refusal = null;
  #options;
  /** @type {WebSocket|null} */
  #socket = null;
  #attempt = 0;
  /** Each opening has its own number: whatever an older one still reports is ignored. */
  #turn = 0;
  #timer = 0;
  #calmTimer = 0;
  #sleepTimer = 0;

  constructor(options) {
    this.#options = options;
    window.addEventListener('online', () => this.link === 'waiting' && this.open());
    window.addEventListener('offline', () => {
      if (this.link === 'ready' || this.link === 'connecting') this.#retry();
    });
    document.addEventListener('visibilitychange', () => document.hidden || this.#wake());
    window.addEventListener('pageshow', (event) => event.persisted && this.#wake());
  }

  /** Timers stand still while a machine sleeps, and its sockets are dead without knowing it. */
  #watchForSleep() {
    let seenAt = Date.now();
    this.#sleepTimer = setInterval(() => {
      const now = Date.now();
      if (now - seenAt > asleepAfterMs && this.link === 'ready' && !document.hidden) this.open();
      seenAt = now;
    }, wakeCheckMs);
  }

  #wake() {
    if (this.link === 'waiting') this.open();
  }

  async open() {
    this.#release();
    const turn = this.#turn;
    this.#become('connecting');
    try {
      const session = await this.#requestSession();
      if (turn !== this.#turn) return;
      this.#options.onSession(session);
      this.#connect(session, turn);
    } catch (fault) {
      if (turn !== this.#turn) return;
      if (!(fault instanceof SessionFault) || fault.mayPass) this.#retry(fault.retryAfterMs);
      else this.#refuse(fault);
    }
  }

  /** Asks again for the words that depend on the language; the socket in use stays as it is. */
  async refreshSession() {
    try {
      this.#options.onSession(await this.#requestSession());
    } catch {
      // The next opening brings the same words.
    }
  }

  /** @returns {boolean} whether the frame left */
  send(frame) {
    if (this.link !== 'ready' || this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** The stream lost something: start again from what is held, with the usual pause. */
  reconnect() {
    this.#retry();
  }

  /** Leaves for good, until somebody opens again. */
  rest() {
    this.#release();
    this.#become('idle');
  }

  async #requestSession() {
    const { base, widgetId, locale, token, dropToken } = this.#options;
    const held = token();
    const answer = await fetch(`${base}/v1/widget/${encodeURIComponent(widgetId)}/session`, bare({
      method: 'POST',
      credentials: 'omit',
      cache: 'no-store',
      headers: { 'content-type': 'application/json', ...(held ? { 'x-veetflow-visitor': held } : {}) },
      body: JSON.stringify({ locale: locale() }),
      signal: AbortSignal.timeout(patienceMs),
    }));
    if (answer.ok) {
      const session = await answer.json();
      // A captive portal answers everything with a page of its own: that may pass.
      if (!isSession(session)) throw new SessionFault({});
      return session;
    }
    if (answer.status === 401 && held) {
      // The short-lived token ran out: the visitor starts anew instead of being locked out.
      dropToken();
      return this.#requestSession();
    }
    throw new SessionFault({ ...(await answer.json().catch(() => ({}))), status: answer.status });
  }

  #connect(session, turn) {
    const address = new URL(session.socket, this.#options.base);
    address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(address, ['veetflow.v1', `ticket.${session.ticket}`]);
    this.#socket = socket;
    this.#timer = setTimeout(() => this.#retry(), patienceMs);
    socket.addEventListener('open', () => socket.send(JSON.stringify(this.#options.opening(session))));
    socket.addEventListener('message', (message) => {
      if (turn === this.#turn) this.#receive(message.data);
    });
    socket.addEventListener('close', (close) => {
      if (turn === this.#turn) this.#closed(close.code);
    });
  }

  #receive(data) {
    const frame = readFrame(data);
    if (!frame) return;
    if (frame.type === 'ready') {
      clearTimeout(this.#timer);
      // Only a link that lasts earns a quick next attempt; one that breaks at once does not.
      this.#calmTimer = setTimeout(() => { this.#attempt = 0; }, 5_000);
      this.#watchForSleep();
      this.#become('ready');
    }
    this.#options.onFrame(frame);
  }

  #closed(code) {
    const link = afterClose(code);
    if (link === 'waiting') return this.#retry();
    if (link === 'refused') return this.#refuse({ code: String(code), title: '' });
    this.#release();
    return this.#become(link);
  }

  #retry(pauseMs) {
    this.#release();
    const grown = Math.min(longestPauseMs, firstPauseMs * 2 ** this.#attempt);
    this.#attempt += 1;
    // Jitter keeps a drained node's visitors from returning in one wave.
    const pause = Math.max(pauseMs ?? 0, grown * (0.5 + Math.random() * 0.5));
    this.#timer = setTimeout(() => this.open(), pause);
    this.#become('waiting');
  }

  /** @param {Refusal} refusal */
  #refuse({ code, title }) {
    this.#release();
    this.refusal = { code, title };
    this.#become('refused');
  }

  #release() {
    this.#turn += 1;
    clearTimeout(this.#timer);
    clearTimeout(this.#calmTimer);
    clearInterval(this.#sleepTimer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close(1000);
  }

  #become(link) {
    this.link = link;
    this.#options.onLink();
  }
}
