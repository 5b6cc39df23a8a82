// The box the visitor writes in. It stands apart because it decides when a key press means "send":
// never while an input method is still composing a character, never with Shift held.

import { countPoints } from './conversation.js';
import { element, icon } from './dom.js';

const tallestPixels = 132;
const warnFromLeft = 200;
const composingKeyCode = 229;

export class Composer {
  #t;
  #onSend;
  #limit = 4_000;

  constructor({ t, text, onSend, onTyped }) {
    this.#t = t;
    this.#onSend = onSend;
    this.input = element('textarea', {
      rows: 1, 'data-test': 'input', 'aria-label': t('input'), placeholder: t('placeholder'), enterkeyhint: 'send',
      'aria-describedby': 'counter',
      onkeydown: (event) => this.#key(event),
      oninput: () => {
        this.#fit();
        if (this.input.value) onTyped();
      },
    });
    this.input.value = text;
    this.counter = element('p', { class: 'counter', id: 'counter' });
    this.button = element('button', { type: 'submit', class: 'send', 'data-test': 'send', 'aria-label': t('send'), title: t('send') }, icon('send'));
    this.node = element(
      'form',
      { class: 'composer', onsubmit: (event) => this.#submit(event) },
      element('div', { class: 'field' }, this.input, this.button),
      this.counter,
    );
  }

  get text() {
    return this.input.value;
  }

  /** Text that was not sent returns in front of whatever was written since. @param {string} text */
  putBack(text) {
    this.input.value = this.input.value ? `${text}\n${this.input.value}` : text;
    this.#fit();
  }

  update(limit) {
    this.#limit = limit;
    this.#fit();
  }

  #key(event) {
    if (event.key !== 'Enter' || event.shiftKey) return;
    if (event.isComposing || event.keyCode === composingKeyCode) return;
    this.#submit(event);
  }

  #submit(event) {
    event.preventDefault();
    if (this.button.disabled || !this.#onSend(this.input.value)) return;
    this.input.value = '';
    this.#fit();
  }

  #fit() {
    const left = this.#limit - countPoints(this.input.value.trim());
    this.button.disabled = left < 0 || !this.input.value.trim();
    this.counter.textContent = left < warnFromLeft
      ? this.#t(left < 0 ? 'charactersOver' : 'charactersLeft', { count: Math.abs(left) })
      : '';
    this.counter.toggleAttribute('data-over', left < 0);
    this.input.style.blockSize = 'auto';
    this.input.style.blockSize = `${Math.min(tallestPixels, this.input.scrollHeight)}px`;
  }
}
