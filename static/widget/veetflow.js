// The loader: the one file a customer's page names. It decides when anything at all happens.
// It stands apart so that a page pays for a button only: until the visitor clicks, there is no
// request, no cookie and nothing stored. The rest of the widget is imported on the first click.

const script = document.querySelector('script[data-widget]');
const base = new URL(import.meta.url).origin;
const widgetId = script?.dataset.widget ?? '';

const launcherTexts = {
  zh: { open: '打开客服对话', close: '收起客服对话', failed: '对话窗口没有加载成功，请再点一次' },
  en: { open: 'Open chat', close: 'Hide chat', failed: 'The chat did not load. Please try again.' },
};

const launcherCss = `
:host { all: initial; position: fixed; inset-block-end: 24px; inset-inline-end: 24px; z-index: 2147483000;
  --vf-fill: #0a6a55; --vf-fill-strong: #085444; --vf-alert: #c2410c; }
.launcher { all: unset; box-sizing: border-box; position: relative; display: grid; place-items: center;
  inline-size: 60px; block-size: 60px; border-radius: 50%; cursor: pointer; color: #fff; background: var(--vf-fill);
  border: 1px solid transparent; box-shadow: 0 1px 2px rgb(8 32 26 / .18), 0 10px 28px rgb(8 32 26 / .26);
  transition: background-color .18s, transform .18s; }
.launcher:hover { background: var(--vf-fill-strong); transform: translateY(-2px); }
.launcher:focus-visible { outline: 3px solid var(--vf-fill); outline-offset: 3px; }
.launcher svg { inline-size: 30px; block-size: 30px; fill: none; stroke: currentColor; stroke-width: 2;
  stroke-linecap: round; stroke-linejoin: round; }
.launcher[data-busy] svg { animation: breathe 1s ease-in-out infinite alternate; }
.launcher[data-unread]::after { content: ""; position: absolute; inset-block-start: 2px; inset-inline-end: 2px;
  inline-size: 13px; block-size: 13px; border-radius: 50%; background: var(--vf-alert); border: 2px solid #fff; }
@keyframes breathe { to { opacity: .45; } }
@media (prefers-color-scheme: dark) { :host { --vf-fill: #17795f; --vf-fill-strong: #1b8a6d; }
  .launcher:focus-visible { outline-color: #6fd6b8; } }
@media (prefers-reduced-motion: reduce) { .launcher, .launcher svg { transition: none; animation: none !important; }
  .launcher:hover { transform: none; } }
@media (forced-colors: active) { .launcher { border-color: ButtonText; } }
@media (max-width: 480px) { :host { inset-block-end: 16px; inset-inline-end: 16px; } }
`;

/** `data-locale` may name a language, or say "page" to follow `<html lang>`. @returns {'zh'|'en'} */
function chosenLocale() {
  const wish = script?.dataset.locale ?? '';
  const named = wish === 'page' ? document.documentElement.lang : wish;
  return (named || navigator.language || 'en').toLowerCase().startsWith('zh') ? 'zh' : 'en';
}

/** True when this tab already chatted and had the panel open: a reload then carries on by itself. */
function wasOpenBeforeReload() {
  try {
    const held = JSON.parse(sessionStorage.getItem(`veetflow:${widgetId}`) ?? 'null');
    return Boolean(held?.token && held.open);
  } catch {
    return false;
  }
}

function bubbleIcon() {
  const space = 'http://www.w3.org/2000/svg';
  const picture = document.createElementNS(space, 'svg');
  picture.setAttribute('viewBox', '0 0 32 32');
  picture.setAttribute('aria-hidden', 'true');
  for (const line of ['M16 4.5c6.9 0 12 4.5 12 10.3S22.9 25 16 25c-1.5 0-2.9-.2-4.2-.6L6 27.5l1.2-5.3C5.2 20.3 4 17.7 4 14.8 4 9 9.1 4.5 16 4.5Z', 'M10 12.5c1.6 5 3.4 6.5 6 2.3s4.4-2.7 6 0']) {
    const path = document.createElementNS(space, 'path');
    path.setAttribute('d', line);
    picture.append(path);
  }
  return picture;
}

class VeetflowWidget extends HTMLElement {
  #button = document.createElement('button');
  /** @type {Promise<import('./panel.js').Panel> | null} */
  #panel = null;
  #locale = chosenLocale();

  connectedCallback() {
    if (this.shadowRoot) return;
    const root = this.attachShadow({ mode: 'open' });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(launcherCss);
    root.adoptedStyleSheets = [sheet];
    this.#button.type = 'button';
    this.#button.className = 'launcher';
    this.#button.dataset.test = 'launcher';
    this.#button.append(bubbleIcon());
    this.#button.addEventListener('click', () => this.toggle());
    root.append(this.#button);
    this.#describe(false);
    window.addEventListener('veetflow:ask', (event) => this.ask(event.detail?.text));
    window.addEventListener('veetflow:open', () => this.open());
    if (wasOpenBeforeReload()) this.open({ quietly: true });
  }

  async toggle() {
    const panel = await this.#load();
    if (panel?.isOpen) panel.close();
    else panel?.open();
  }

  async open(how) {
    (await this.#load())?.open(how);
  }

  /** @param {unknown} text a question the page itself offers as a button */
  async ask(text) {
    const panel = await this.#load();
    panel?.open();
    if (typeof text === 'string' && text.trim()) panel?.ask(text);
  }

  #load() {
    this.#panel ??= this.#importPanel();
    return this.#panel;
  }

  async #importPanel() {
    this.#button.toggleAttribute('data-busy', true);
    try {
      const { Panel } = await import('./panel.js');
      return new Panel({
        root: this.shadowRoot,
        launcher: this.#button,
        base,
        widgetId,
        locale: this.#locale,
        onToggle: (isOpen, locale) => {
          this.#locale = locale;
          this.#describe(isOpen);
          window.dispatchEvent(new CustomEvent(isOpen ? 'veetflow:opened' : 'veetflow:closed'));
        },
      });
    } catch {
      // A failed import must not stick: the next click tries again.
      this.#panel = null;
      this.#button.title = launcherTexts[this.#locale].failed;
      return null;
    } finally {
      this.#button.removeAttribute('data-busy');
    }
  }

  #describe(isOpen) {
    const words = launcherTexts[this.#locale];
    this.#button.setAttribute('aria-label', isOpen ? words.close : words.open);
    this.#button.setAttribute('aria-expanded', String(isOpen));
  }
}

// Customers paste snippets twice; the second copy must do nothing.
if (script && widgetId && !customElements.get('veetflow-widget')) {
  customElements.define('veetflow-widget', VeetflowWidget);
  const place = () => document.body.append(document.createElement('veetflow-widget'));
  // An async module may run before the page has a body.
  if (document.body) place();
  else document.addEventListener('DOMContentLoaded', place, { once: true });
}
