// How the items of a conversation look in the log. It stands apart because it alone turns items
// into nodes, and redraws only those that changed: an answer arrives in hundreds of small pieces.

import { element, icon, link } from './dom.js';
import { markdown, settled } from './markdown.js';

const plainEndings = [undefined, null, 'complete'];
const shownAtOnce = 150;
const copiedForMs = 2_000;

export class MessageList {
  node = element('ol', { class: 'items' });
  #t;
  #base;
  #onNewAnswer;
  #most = shownAtOnce;
  #onMore;
  /** @type {Map<string, {node: HTMLElement, item: any, hint: string}>} */
  #drawn = new Map();

  constructor({ t, base, onNewAnswer, onMore }) {
    this.#t = t;
    this.#base = base;
    this.#onNewAnswer = onNewAnswer;
    this.#onMore = onMore;
    this.more = element('button', { type: 'button', class: 'quiet more', 'data-test': 'earlier', hidden: true, onclick: () => this.#showMore() }, t('earlier'));
  }

  /**
   * The newest items; a long history is drawn a piece at a time, as somebody asks for it.
   * @param {import('./conversation.js').Item[]} items
   * @param {string} waiting why unsent messages still wait
   * @param {boolean} mayAsk whether another answer can be asked for now
   */
  render(items, waiting, mayAsk) {
    const kept = new Map();
    const shown = items.slice(-this.#most);
    this.more.hidden = shown.length === items.length;
    const newest = items.findLast((item) => item.kind === 'message' && item.author === 'assistant');
    shown.forEach((item, position) => {
      const key = item.key ?? item.id ?? item.messageId;
      const held = this.#drawn.get(key) ?? { node: element('li'), item: null, hint: '' };
      const hint = `${item.state === 'pending' ? waiting : ''}${item === newest && mayAsk ? '*' : ''}`;
      if (held.item !== item || held.hint !== hint) this.#draw(held.node, item, waiting, item === newest && mayAsk);
      kept.set(key, { node: held.node, item, hint });
      if (this.node.children[position] !== held.node) this.node.insertBefore(held.node, this.node.children[position] ?? null);
    });
    for (const [key, { node }] of this.#drawn) if (!kept.has(key)) node.remove();
    this.#drawn = kept;
  }

  #showMore() {
    this.#most += shownAtOnce;
    this.#onMore();
  }

  #draw(node, item, waiting, mayAsk) {
    if (item.kind === 'note') {
      node.className = 'note';
      node.replaceChildren(...this.#note(item));
      return;
    }
    const own = item.author === 'visitor';
    node.className = own ? 'message own' : 'message';
    Object.assign(node.dataset, { test: 'message', author: item.author, state: item.state });
    node.replaceChildren(
      element('span', { class: 'unseen' }, `${this.#t(own ? 'you' : 'assistant')}: `),
      own ? element('div', { class: 'bubble', dir: 'auto' }, item.text) : this.#answer(item),
      ...(own ? [item.state === 'pending' && element('p', { class: 'hint' }, waiting)] : this.#ending(item, mayAsk)).filter(Boolean),
    );
  }

  #answer(item) {
    const blocks = markdown(item.state === 'streaming' ? settled(item.text) : item.text, this.#base);
    return blocks.length > 0 ? element('div', { class: 'bubble', dir: 'auto' }, ...blocks) : '';
  }

  #ending(item, mayAsk) {
    if (item.state !== 'done') return [];
    const failed = ['error', 'interrupted'].includes(item.stopReason);
    return [
      item.citations?.length > 0 && element(
        'div',
        { class: 'sources' },
        element('span', { class: 'sources-title' }, this.#t('sources')),
        ...item.citations.map(({ title, url }) => link(url, this.#base, { 'data-test': 'citation', dir: 'auto' }, title)),
      ),
      !plainEndings.includes(item.stopReason) && element('p', { class: 'hint' }, this.#t(`stop_${item.stopReason}`)),
      element(
        'div',
        { class: 'deeds' },
        item.text && element('button', { type: 'button', class: 'deed', 'data-test': 'copy', onclick: (event) => this.#copy(event.currentTarget, item.text) }, icon('copy'), element('span', {}, this.#t('copy'))),
        mayAsk && element('button', { type: 'button', class: 'deed', 'data-test': 'new-answer', onclick: () => this.#onNewAnswer(item.messageId) }, icon('again'), element('span', {}, this.#t(failed ? 'askAgain' : 'newAnswer'))),
      ),
    ];
  }

  async #copy(button, text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // No right to the clipboard, as on plain http: the words stay selectable.
      return;
    }
    button.lastChild.textContent = this.#t('copied');
    setTimeout(() => { button.lastChild.textContent = this.#t('copy'); }, copiedForMs);
  }

  #note(item) {
    if (item.note === 'closed') return [this.#t(`closed_${item.reason}`) || this.#t('closed_other')];
    const words = this.#t(item.note === 'granted' ? 'noteGranted' : 'noteDenied');
    if (!item.receipt) return [words];
    return [words, element('span', { class: 'receipt' }, this.#t('noteReceipt', { id: item.receipt }))];
  }
}
