// The top of the panel: who answers, how long it is kept, and the menu. It stands apart because
// what the law asks to be visible at all times lives here, with the way out of it.

import { element, icon, link } from './dom.js';
import { tongues } from './locale.js';

export class Header {
  #t;
  #base;
  #facts = element('p', { class: 'facts' });
  #name = element('h2', { id: 'panel-title' });
  #menu;
  #menuButton;
  #withdraw;
  #end;
  #policy = element('span', { class: 'menu-link' });
  #session = null;

  constructor({ t, base, tongue, canClose, onTongue, onPrivacy, onWithdraw, onEnd, onClose }) {
    this.#t = t;
    this.#base = base;
    this.#name.textContent = t('panel');
    const entry = (name, action) =>
      element('button', {
        type: 'button', 'data-test': name,
        onclick: () => {
          this.closeMenu(true);
          action();
        },
      }, t(name));
    this.#withdraw = entry('withdraw', onWithdraw);
    this.#end = entry('end', onEnd);
    const languages = element(
      'select',
      { 'data-test': 'language', onchange: (event) => onTongue(event.target.value) },
      ...tongues.map((tag) => element('option', { value: tag, lang: tag, selected: tag === tongue }, new Intl.DisplayNames(tag, { type: 'language' }).of(tag))),
    );
    this.#menu = element(
      'div',
      { class: 'menu', id: 'menu', hidden: true },
      entry('privacy', onPrivacy), this.#policy, this.#withdraw, this.#end,
      element('label', { class: 'language' }, element('span', {}, t('language')), languages),
    );
    this.#menuButton = element('button', {
      type: 'button', class: 'plain', 'data-test': 'menu', 'aria-label': t('menu'), title: t('menu'),
      'aria-expanded': 'false', 'aria-controls': 'menu', onclick: () => this.#toggleMenu(),
    }, icon('more'));
    this.node = element(
      'div',
      { class: 'head' },
      element(
        'div',
        { class: 'bar' },
        element('span', { class: 'badge' }, icon('mark')),
        this.#name,
        this.#menuButton,
        canClose && element('button', { type: 'button', class: 'plain', 'data-test': 'close', 'aria-label': t('minimise'), title: t('minimise'), onclick: onClose }, icon('close')),
      ),
      this.#facts,
      this.#menu,
    );
  }

  get menuIsOpen() {
    return !this.#menu.hidden;
  }

  get menuButton() {
    return this.#menuButton;
  }

  update({ session, mayWithdraw, mayEnd }) {
    this.#withdraw.hidden = !mayWithdraw;
    this.#end.hidden = !mayEnd;
    if (!session || session === this.#session) return;
    this.#session = session;
    this.#name.textContent = session.widget.name;
    this.#facts.replaceChildren(
      element('span', { lang: session.lang }, session.ai.label),
      element('span', {}, this.#t('keptFor', { until: session.retention.until_text })),
    );
    this.#policy.replaceChildren(link(session.policy.url, this.#base, {}, this.#t('policy')));
  }

  closeMenu(focusBack = false) {
    if (this.#menu.hidden) return;
    this.#menu.hidden = true;
    this.#menuButton.setAttribute('aria-expanded', 'false');
    if (focusBack) this.#menuButton.focus();
  }

  #toggleMenu() {
    if (this.menuIsOpen) return this.closeMenu();
    this.#menu.hidden = false;
    this.#menuButton.setAttribute('aria-expanded', 'true');
    return undefined;
  }
}
