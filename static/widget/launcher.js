// How the button looks and what it is called. It stands apart because it is all that a page pays
// for before a click, and so holds the few words and rules that are needed until then.

const words = {
  'zh-Hans': ['打开客服对话', '收起客服对话'],
  'zh-Hant': ['開啟客服對話', '收起客服對話'],
  en: ['Open chat', 'Hide chat'],
  ja: ['チャットを開く', 'チャットを閉じる'],
  es: ['Abrir el chat', 'Ocultar el chat'],
  fr: ['Ouvrir le chat', 'Masquer le chat'],
  de: ['Chat öffnen', 'Chat ausblenden'],
  ar: ['فتح المحادثة', 'إخفاء المحادثة'],
};

export const launcherStyle = `
:host { all: initial !important; color-scheme: light dark !important; --vf-fill: light-dark(#0a6a55, #17795f); --vf-fill-strong: light-dark(#085444, #1b8a6d);
  --vf-on-fill: #fff; --vf-link: light-dark(#0a6a55, #74d7ba); }
:host([data-scheme=light]) { color-scheme: light !important; }
:host([data-scheme=dark]) { color-scheme: dark !important; }
:host([data-mode=float]) { position: fixed !important; z-index: var(--vf-layer, 2147483000) !important; bottom: var(--vf-offset, 24px) !important; right: var(--vf-offset, 24px) !important; }
:host([data-mode=float][data-side=left]) { right: auto !important; left: var(--vf-offset, 24px) !important; }
:host(:not([data-mode=float])) { display: grid !important; place-items: center !important; position: relative !important; inline-size: 100% !important; block-size: 100% !important; min-block-size: 360px !important; }
:host([hidden]) { display: none !important; }
.launcher { all: unset; box-sizing: border-box; position: relative; display: grid; place-items: center;
  inline-size: 60px; block-size: 60px; border-radius: 50%; cursor: pointer; color: var(--vf-on-fill); background: var(--vf-fill);
  border: 1px solid transparent; box-shadow: 0 1px 2px rgb(8 32 26 / .18), 0 10px 28px rgb(8 32 26 / .26);
  transition: background-color .18s, transform .18s; }
.launcher[hidden] { display: none; }
.launcher:hover { background: var(--vf-fill-strong); transform: translateY(-2px); }
.launcher:focus-visible { outline: 3px solid var(--vf-link); outline-offset: 3px; }
.launcher svg { inline-size: 30px; block-size: 30px; fill: none; stroke: currentColor; stroke-width: 2;
  stroke-linecap: round; stroke-linejoin: round; }
.launcher[data-busy] svg { animation: breathe 1s ease-in-out infinite alternate; }
.launcher[data-unread]::after { content: attr(data-unread); position: absolute; inset-block-start: -4px; inset-inline-end: -4px; box-sizing: border-box;
  min-inline-size: 22px; padding: 0 6px; border-radius: 11px; font: 600 12px/22px system-ui, sans-serif; text-align: center; color: #fff; background: #a8380b; }
@keyframes breathe { to { opacity: .45; } }
@media (prefers-reduced-motion: reduce) { .launcher, .launcher svg { transition: none; animation: none !important; }
  .launcher:hover { transform: none; } }
@media (forced-colors: active) { .launcher { border-color: ButtonText; } }
@media (max-width: 480px) { :host { --vf-offset: 16px; } }
@media print { :host { display: none !important; } }
`;

const outline = ['M16 4.5c6.9 0 12 4.5 12 10.3S22.9 25 16 25c-1.5 0-2.9-.2-4.2-.6L6 27.5l1.2-5.3C5.2 20.3 4 17.7 4 14.8 4 9 9.1 4.5 16 4.5Z', 'M10 12.5c1.6 5 3.4 6.5 6 2.3s4.4-2.7 6 0'];

function bubble() {
  const space = 'http://www.w3.org/2000/svg';
  const picture = document.createElementNS(space, 'svg');
  picture.setAttribute('viewBox', '0 0 32 32');
  picture.setAttribute('aria-hidden', 'true');
  for (const line of outline) {
    const path = document.createElementNS(space, 'path');
    path.setAttribute('d', line);
    picture.append(path);
  }
  return picture;
}

export class Launcher {
  node = document.createElement('button');
  #tongue = 'en';
  #isOpen = false;
  #unread = 0;

  constructor(onPress) {
    this.node.type = 'button';
    this.node.className = 'launcher';
    this.node.dataset.test = 'launcher';
    this.node.append(bubble());
    this.node.addEventListener('click', onPress);
  }

  /** @param {{tongue?: string, isOpen?: boolean, unread?: number}} facts */
  tell({ tongue = this.#tongue, isOpen = this.#isOpen, unread = this.#unread }) {
    [this.#tongue, this.#isOpen, this.#unread] = [tongue, isOpen, unread];
    const label = (words[tongue] ?? words.en)[isOpen ? 1 : 0];
    this.node.setAttribute('aria-label', unread > 0 ? `${label} (${unread})` : label);
    this.node.setAttribute('aria-expanded', String(isOpen));
    this.node.removeAttribute('title');
    if (unread > 0) this.node.dataset.unread = unread > 99 ? '99+' : String(unread);
    else delete this.node.dataset.unread;
  }

  /** The click had no effect: the label says so, in the one way that needs no further language. */
  failed() {
    this.node.title = `${this.node.ariaLabel} ✗`;
  }

  busy(isBusy) {
    this.node.toggleAttribute('data-busy', isBusy);
  }
}
