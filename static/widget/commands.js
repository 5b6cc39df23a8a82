// What a page can ask of the chat: `veetflow('open')`, or the same as methods of `$veetflow`. It
// stands apart because it is the public contract: names here change only with a new major version.

import { bare } from './bare.js';
import { tellPage } from './elements.js';
import { ownScript } from './place.js';
import { readAttributes, readSettings } from './settings.js';

/** The settings of the page: what its script element says, over what its global says. */
export function pageSettings() {
  return bare(readSettings(window.veetflowSettings), readAttributes(ownScript, 'data-'));
}

/** Without a server side in this version; a page that calls one is told, instead of believing that it worked. */
const notOffered = ['identify', 'loginUser', 'setAttributes', 'setLabel', 'removeLabel', 'track', 'registerTool', 'erase'];

export class Commands {
  /** @type {any} the floating chat, once a page asked for one */
  #chat = null;
  #listeners = new Map();
  #isHidden = false;

  /** Runs one command of the page. Whatever happens, nothing is thrown into it. */
  run(name, ...values) {
    try {
      if (notOffered.includes(name)) return tellPage('error', { code: 'not_offered', command: name });
      const act = Object.hasOwn(this.#table, name) ? this.#table[name] : null;
      if (!act) return tellPage('error', { code: 'unknown_command', command: String(name) });
      const result = act(...values);
      if (result instanceof Promise) result.catch(() => tellPage('error', { code: 'failed', command: name }));
    } catch {
      tellPage('error', { code: 'failed', command: String(name) });
    }
    return undefined;
  }

  names() {
    return [...Object.keys(this.#table), ...notOffered];
  }

  #table = {
    boot: (settings) => this.#boot(settings),
    update: (settings) => this.#change(readSettings(settings)),
    open: () => this.#chat?.open(),
    close: () => this.#chat?.close(),
    toggle: () => this.#chat?.toggle(),
    show: () => this.#show(true),
    hide: () => this.#show(false),
    send: (text) => this.#chat?.with((panel) => panel.ask(text)),
    prefill: (text) => this.#chat?.with((panel) => panel.prefill(text)),
    privacy: () => this.#chat?.with((panel) => panel.showPrivacy()),
    exportData: () => this.#chat?.with((panel) => panel.showPrivacy()),
    consent: (decision) => this.#chat?.with((panel) => (decision === 'denied' ? panel.withdraw() : panel.showPrivacy())),
    setLocale: (locale) => this.#change(readSettings({ locale })),
    setColorScheme: (colorScheme) => this.#change(readSettings({ colorScheme })),
    reset: () => this.#reset(),
    logoutUser: () => this.#reset(),
    shutdown: () => this.#shutDown(),
    on: (name, listener) => this.#listen(name, listener),
    off: (name, listener) => this.#unlisten(name, listener),
  };

  #boot(given) {
    const settings = bare(pageSettings(), readSettings(given));
    if (this.#chat) return this.#change(settings);
    if (!settings.widget) return tellPage('error', { code: 'no_widget' });
    /** @type {any} */
    const chat = document.createElement('veetflow-widget');
    chat.settings = settings;
    chat.hidden = this.#isHidden;
    this.#chat = chat;
    this.#keepInPage();
    return tellPage('ready');
  }

  /** Turbo, Astro and others replace the body. The same element, with all it holds, moves to the new one. */
  #keepInPage() {
    const chat = this.#chat;
    const place = () => {
      if (this.#chat === chat && document.body && !chat.isConnected) document.body.append(chat);
    };
    place();
    new MutationObserver(place).observe(document.documentElement, { childList: true });
    let watched = null;
    const watchBody = () => {
      if (document.body === watched) return;
      watched = document.body;
      if (watched) new MutationObserver(place).observe(watched, { childList: true });
    };
    new MutationObserver(watchBody).observe(document.documentElement, { childList: true });
    watchBody();
  }

  #change(settings) {
    const chat = this.#chat;
    if (!chat) return;
    chat.settings = bare(chat.settings, settings);
    chat.dress();
    if (chat.isLoaded) chat.with((panel) => panel.adopt(chat.settings, chat.tongue));
  }

  #show(isShown) {
    this.#isHidden = !isShown;
    if (this.#chat) this.#chat.hidden = !isShown;
    if (!isShown) this.#chat?.close();
  }

  /** Forgets what this browser holds; what the server holds is for the visitor to decide. */
  async #reset() {
    const chat = this.#chat;
    if (!chat) return;
    if (chat.isLoaded) await chat.with((panel) => panel.forget());
    else try { sessionStorage.removeItem(`veetflow:${chat.settings.widget}`); } catch { /* Nothing is held there. */ }
  }

  async #shutDown() {
    await this.#reset();
    this.#chat?.remove();
    this.#chat = null;
  }

  #listen(name, listener) {
    // What the page's own listener throws is reported by the browser as the page's, and reaches nobody else.
    const heard = (event) => listener(event.detail);
    this.#listeners.set(listener, [...(this.#listeners.get(listener) ?? []), [name, heard]]);
    window.addEventListener(`veetflow:${name}`, heard);
  }

  #unlisten(name, listener) {
    for (const [of, heard] of this.#listeners.get(listener) ?? []) if (of === name) window.removeEventListener(`veetflow:${name}`, heard);
  }
}
