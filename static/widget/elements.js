// The two elements a page can hold: the floating button with its window, and a chat inside the
// page. It stands apart because it is where the page's world ends and ours begins.

import { bare } from './bare.js';
import { palette } from './colour.js';
import { launcherStyle, Launcher } from './launcher.js';
import { chooseTongue, directionOf } from './locale.js';
import { home, loadPanel } from './place.js';
import { readAttributes, readSettings } from './settings.js';

/** Tells the page what happened, never what was said. @param {string} name @param {object} [detail] */
export function tellPage(name, detail = {}) {
  window.dispatchEvent(new CustomEvent(`veetflow:${name}`, { detail }));
}

/** True when this tab already chatted and had the window open: a reload then carries on by itself. */
function wasOpenBeforeReload(widget) {
  try {
    const held = JSON.parse(sessionStorage.getItem(`veetflow:${widget}`) ?? 'null');
    return Boolean(held?.token && held.open);
  } catch {
    return false;
  }
}

class ChatElement extends HTMLElement {
  /** @type {import('./settings.js').Settings} */
  settings = bare();
  #launcher = new Launcher(() => this.toggle());
  /** @type {Promise<import('./panel.js').Panel|null>|null} */
  #panel = null;
  #custom = null;

  connectedCallback() {
    if (this.shadowRoot) return;
    this.settings = bare(this.defaults(), this.settings, readAttributes(this, ''));
    const root = this.attachShadow({ mode: 'open' });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(launcherStyle);
    root.adoptedStyleSheets = [sheet];
    root.append(this.#launcher.node);
    this.dress();
    if (this.settings.mode === 'full') this.open({ quietly: true });
    else if (this.mode === 'float' && !this.settings.cookieless && wasOpenBeforeReload(this.settings.widget)) this.open({ quietly: true });
  }

  defaults() {
    return {};
  }

  get mode() {
    return this.settings.mode ?? 'float';
  }

  get tongue() {
    return chooseTongue(this.settings.locale);
  }

  /** Shows the settings: again whenever one of them changed. */
  dress() {
    const { colorScheme, position, zIndex, offset, color, hideLauncher, launcher } = this.settings;
    this.dataset.mode = this.mode;
    this.dataset.scheme = colorScheme ?? 'auto';
    this.dataset.side = position ?? (directionOf(this.tongue) === 'rtl' ? 'left' : 'right');
    if (zIndex !== undefined) this.style.setProperty('--vf-layer', String(zIndex));
    if (offset !== undefined) this.style.setProperty('--vf-offset', `${offset}px`);
    for (const [name, value] of palette(color)) this.style.setProperty(name, value);
    this.#launcher.tell({ tongue: this.tongue });
    this.#launcher.node.hidden = Boolean(hideLauncher) || this.isOpen;
    this.#useLauncherOf(launcher);
  }

  /** A button of the page's own. It is looked up at each click, because pages replace their elements. */
  #useLauncherOf(selector) {
    if (!selector || this.#custom === selector) return;
    const isFirst = this.#custom === null;
    this.#custom = selector;
    if (!isFirst) return;
    document.addEventListener('click', (event) => {
      try {
        if (event.target instanceof Element && event.target.closest(this.#custom)) this.toggle();
      } catch {
        // The selector is not one: the page's own mistake, which must not end its other listeners.
      }
    });
  }

  isOpen = false;

  async toggle() {
    if (this.isOpen) (await this.#load())?.close();
    else await this.open();
  }

  /** @param {{quietly?: boolean}} [how] */
  async open(how) {
    (await this.#load())?.open(how);
  }

  async close() {
    if (this.isOpen) (await this.#load())?.close();
  }

  /** What a command needs the whole chat for. @param {(panel: import('./panel.js').Panel) => void} act */
  async with(act) {
    const panel = await this.#load();
    if (panel) act(panel);
  }

  /** Whether the chat was ever loaded: only then is there something to change or to forget. */
  get isLoaded() {
    return this.#panel !== null;
  }

  #load() {
    this.#panel ??= this.#importPanel();
    return this.#panel;
  }

  async #importPanel() {
    this.#launcher.busy(true);
    try {
      const { createPanel } = await loadPanel();
      return await createPanel({
        root: this.shadowRoot,
        base: home,
        settings: this.settings,
        mode: this.mode,
        tongue: this.tongue,
        onEvent: (name, detail) => this.#happened(name, detail),
        onDress: (served) => {
          this.settings = bare(readSettings(served), this.settings);
          this.dress();
          return this.settings;
        },
      });
    } catch {
      // A failed import must not stick: the next click tries again.
      this.#panel = null;
      this.#launcher.failed();
      tellPage('error', { code: 'not_loaded' });
      return null;
    } finally {
      this.#launcher.busy(false);
    }
  }

  #happened(name, detail) {
    if (name === 'opened' || name === 'closed') {
      this.isOpen = name === 'opened';
      this.#launcher.node.hidden = this.isOpen || Boolean(this.settings.hideLauncher);
      this.#launcher.tell({ isOpen: this.isOpen });
      if (name === 'closed' && !this.#launcher.node.hidden) this.#launcher.node.focus();
    } else if (name === 'unread') {
      this.#launcher.tell({ unread: detail.count });
    } else if (name === 'locale') {
      this.settings = bare(this.settings, { locale: detail.locale });
      this.dress();
      return;
    }
    tellPage(name, detail);
  }
}

/** Defines both elements once. @param {() => import('./settings.js').Settings} pageSettings */
export function defineElements(pageSettings) {
  customElements.define('veetflow-widget', class extends ChatElement {});
  customElements.define('veetflow-chat', class extends ChatElement {
    defaults() {
      return bare(pageSettings(), { mode: 'inline' });
    }
  });
}
