// How the items of a conversation look in the log. It stands apart because it alone turns items
// into nodes, and redraws only those that changed: an answer arrives in hundreds of small pieces.

import { element, link } from './dom.js';
import { markdown, settled } from './markdown.js';

const plainEndings = [undefined, null, 'complete'];

export class MessageList {
  node = element('ol', { class: 'items' });
  #t;
  #base;
  #onAskAgain;
  /** @type {Map<string, {node: HTMLElement, item: any, waiting: string}>} */
  #drawn = new Map();

  constructor({ t, base, onAskAgain }) {
    this.#t = t;
    this.#base = base;
    this.#onAskAgain = onAskAgain;
  }

  /**
   * @param {import('./conversation.js').Item[]} items
   * @param {string} waiting why unsent messages still wait
   */
  render(items, waiting) {
    const kept = new Map();
    items.forEach((item, position) => {
      const key = item.key ?? item.id ?? item.messageId;
      const held = this.#drawn.get(key) ?? { node: element('li'), item: null, waiting: '' };
      const hint = item.state === 'pending' ? waiting : '';
      if (held.item !== item || held.waiting !== hint) this.#draw(held.node, item, hint, position === items.length - 1);
      kept.set(key, { node: held.node, item, waiting: hint });
      if (this.node.children[position] !== held.node) this.node.insertBefore(held.node, this.node.children[position] ?? null);
    });
    for (const [key, { node }] of this.#drawn) if (!kept.has(key)) node.remove();
    this.#drawn = kept;
  }

  #draw(node, item, hint, isLast) {
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
      own ? element('div', { class: 'bubble' }, item.text) : this.#answer(item),
      ...(own ? [hint && element('p', { class: 'hint' }, hint)] : this.#ending(item, isLast)).filter(Boolean),
    );
  }

  #answer(item) {
    const blocks = markdown(item.state === 'streaming' ? settled(item.text) : item.text, this.#base);
    return blocks.length > 0 ? element('div', { class: 'bubble' }, ...blocks) : '';
  }

  #ending(item, isLast) {
    const parts = [];
    if (item.citations?.length) {
      parts.push(
        element(
          'div',
          { class: 'sources' },
          element('span', { class: 'sources-title' }, this.#t('sources')),
          ...item.citations.map(({ title, url }) => link(url, this.#base, { 'data-test': 'citation' }, title)),
        ),
      );
    }
    if (item.state === 'done' && !plainEndings.includes(item.stopReason)) {
      const failed = ['error', 'interrupted'].includes(item.stopReason);
      parts.push(
        element(
          'p',
          { class: 'hint' },
          this.#t(`stop_${item.stopReason}`),
          failed && isLast && element('button', { type: 'button', class: 'quiet', onclick: this.#onAskAgain }, this.#t('askAgain')),
        ),
      );
    }
    return parts;
  }

  #note(item) {
    if (item.note === 'closed') return [this.#t(`closed_${item.reason}`) || this.#t('closed_other')];
    const words = this.#t(item.note === 'granted' ? 'noteGranted' : 'noteDenied');
    if (!item.receipt) return [words];
    return [words, element('span', { class: 'receipt' }, this.#t('noteReceipt', { id: item.receipt }))];
  }
}
