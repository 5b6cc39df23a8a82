// Several tabs of one visitor, one socket. The tab that holds the lock has the link to the server
// and passes on every frame; the others speak through it, and one of them follows when it closes.
// It stands apart, with the same face as a connection, so that the chat need not know in which tab
// it runs. A cookieless chat shares nothing: what is passed on could be heard by the page's scripts.

import { Connection } from './connection.js';
import { isFrame, isSession } from './frames.js';
import { newId } from './dom.js';

const answerWithinMs = 2_000;

/** The visitor that a token names: bytes 16 to 32. Tokens change with each visit, visitors do not. */
function visitorOf(token) {
  try {
    return atob(token.replaceAll('-', '+').replaceAll('_', '/').slice(0, 44)).slice(16, 32);
  } catch {
    return null;
  }
}

export class Tabs {
  #options;
  #own;
  #me = newId();
  /** @type {BroadcastChannel|null} */
  #channel = null;
  /** @type {'none'|'alone'|'leading'|'following'} */
  #role = 'none';
  #link = 'idle';
  #refusal = null;
  #timer = 0;
  /** @type {(value?: any) => void} */
  #letGo = () => {};
  #inLine = null;

  constructor(options) {
    this.#options = options;
    this.#own = new Connection({
      ...options,
      onSession: (session) => {
        options.onSession(session);
        this.#tell({ type: 'session', session });
      },
      onFrame: (frame) => {
        options.onFrame(frame);
        this.#tell({ type: 'frame', frame });
      },
      onLink: () => {
        if (this.#role === 'following') return;
        options.onLink();
        this.#tell({ type: 'link', link: this.#own.link, refusal: this.#own.refusal });
      },
    });
  }

  get link() {
    return this.#role === 'following' ? this.#link : this.#own.link;
  }

  get refusal() {
    return this.#role === 'following' ? this.#refusal : this.#own.refusal;
  }

  open() {
    if (this.#role === 'following') return this.#post({ type: 'open' });
    if (this.#role !== 'none') return this.#own.open();
    if (!this.#options.isShared || !navigator.locks || !window.BroadcastChannel) {
      this.#role = 'alone';
      return this.#own.open();
    }
    return this.#join();
  }

  /** @returns {boolean} whether the frame left, as far as this tab can know */
  send(frame) {
    if (this.#role !== 'following') return this.#own.send(frame);
    if (this.#link !== 'ready') return false;
    this.#post({ type: 'send', frame });
    return true;
  }

  /** What is held has a gap. A following tab asks the one that leads, which has what was lost. */
  reconnect() {
    if (this.#role === 'following') this.#greet();
    else this.#own.reconnect();
  }

  rest() {
    if (this.#role === 'following') this.#become('idle');
    else this.#own.rest();
  }

  refreshSession() {
    return this.#own.refreshSession();
  }

  /** Leaves the other tabs to themselves. */
  leave() {
    clearTimeout(this.#timer);
    this.#inLine?.abort();
    this.#channel?.close();
    this.#channel = null;
    this.#link = 'idle';
    this.#role = 'none';
    this.#own.rest();
    this.#letGo();
  }

  #join() {
    const name = `veetflow:${this.#options.widgetId}`;
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = ({ data }) => this.#hear(data);
    this.#role = 'following';
    this.#become('connecting');
    navigator.locks.request(name, { ifAvailable: true }, (lock) => {
      if (this.#role !== 'following') return undefined;
      if (lock) return this.#lead();
      this.#standInLine(name);
      this.#greet();
      return undefined;
    }).catch(() => this.#goAlone());
  }

  /** The lock comes when the tab that leads is gone. */
  #standInLine(name) {
    this.#inLine = new AbortController();
    navigator.locks.request(name, { signal: this.#inLine.signal }, () => (this.#role === 'following' ? this.#lead() : undefined)).catch(() => {});
  }

  /** Held until this tab leaves or is closed. */
  #lead() {
    clearTimeout(this.#timer);
    this.#role = 'leading';
    this.#own.open();
    return new Promise((resolve) => { this.#letGo = resolve; });
  }

  /** Nobody answered, as from a frozen tab, or somebody else's chat is there: then this tab has its own link. */
  #goAlone() {
    this.leave();
    this.#role = 'alone';
    this.#own.open();
  }

  #greet() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#goAlone(), answerWithinMs);
    this.#post({ type: 'hello' });
  }

  #hear(message) {
    if (message === null || typeof message !== 'object' || (message.to && message.to !== this.#me)) return;
    if (this.#role === 'leading') this.#serve(message);
    else if (this.#role === 'following') this.#follow(message);
  }

  #serve({ type, from, frame }) {
    if (type === 'hello') {
      const { session, conversation, limit } = this.#options.share();
      this.#post({ type: 'state', to: from, session, conversation, limit, link: this.#own.link, refusal: this.#own.refusal });
      if (this.#own.link === 'idle') this.#own.open();
    } else if (type === 'open') {
      this.#own.open();
    } else if (type === 'send' && !this.#own.send(frame)) {
      this.#tell({ type: 'link', link: this.#own.link, refusal: this.#own.refusal });
    }
  }

  #follow({ type, ...message }) {
    if (type === 'state') {
      clearTimeout(this.#timer);
      const [mine, theirs] = [this.#options.token(), message.session?.visitor_token];
      if (mine && theirs && visitorOf(mine) !== visitorOf(theirs)) return this.#goAlone();
      if (isSession(message.session)) this.#options.onSession(message.session);
      this.#options.adopt(message.conversation, message.limit);
      this.#become(message.link, message.refusal);
      this.#options.resume();
    } else if (type === 'frame' && isFrame(message.frame)) {
      this.#options.onFrame(message.frame);
    } else if (type === 'session' && isSession(message.session)) {
      this.#options.onSession(message.session);
    } else if (type === 'link') {
      this.#become(message.link, message.refusal);
    }
    return undefined;
  }

  #become(link, refusal = null) {
    this.#link = link;
    this.#refusal = refusal;
    this.#options.onLink();
  }

  #tell(message) {
    if (this.#role === 'leading') this.#post(message);
  }

  #post(message) {
    this.#channel?.postMessage({ from: this.#me, ...message });
  }
}
