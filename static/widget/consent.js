// The one step before the first message leaves: age group, and consent to an AI answer. It stands
// apart because its fairness is a decision of its own: neutral choices, nothing preselected, and
// two answers of equal weight.

import { element, icon, link } from './dom.js';

const brackets = ['under_16', '16_17', '18_plus'];

export class ConsentCard {
  #t;
  #error;
  #buttons = [];
  #ages = null;

  constructor({ t, base, session, step, bracket, onChoose, onAgree, onDecline }) {
    this.#t = t;
    this.chosen = bracket;
    this.#error = element('p', { class: 'card-error', role: 'alert' });
    const button = (name, action) => element('button', { type: 'button', class: 'choice', 'data-test': name, onclick: action }, t(name));
    this.#buttons = [
      button('decline', onDecline),
      button('agree', () => (step.age && !this.chosen ? this.#askAge() : onAgree(this.chosen))),
    ];
    this.heading = element('h3', { tabindex: -1, id: 'consent-title' }, icon('lock'), t('consentTitle'));
    if (step.age) this.#ages = this.#ageGroup(onChoose);
    this.node = element(
      'section',
      { class: 'card', 'data-test': 'consent-card', 'aria-labelledby': 'consent-title' },
      this.heading,
      this.#ages,
      element('p', { class: 'notice', lang: session.lang, dir: 'ltr' }, session.policy.notice, ' ', link(session.policy.url, base, { class: 'policy' }, t('readPolicy'))),
      element(
        'dl',
        {},
        element('div', {}, element('dt', {}, t('factAnswer')), element('dd', { lang: session.lang, dir: 'auto' }, session.ai.label)),
        element('div', {}, element('dt', {}, t('factKept')), element('dd', { lang: session.lang, dir: 'auto' }, session.retention.until_text)),
      ),
      this.#error,
      element('div', { class: 'choices' }, ...this.#buttons),
    );
    this.update(step);
  }

  /** @param {import('./chat.js').Step} step */
  update(step) {
    for (const button of this.#buttons) button.disabled = step.busy;
    for (const input of this.node.querySelectorAll('input')) input.disabled = step.busy;
    this.#tell(step.busy ? this.#t('recording') : step.error, step.busy);
  }

  #ageGroup(onChoose) {
    const choose = (bracket) => {
      this.chosen = bracket;
      this.#tell('');
      onChoose(bracket);
    };
    return element(
      'fieldset',
      {},
      element('legend', {}, this.#t('ageQuestion')),
      ...brackets.map((bracket) =>
        element(
          'label',
          {},
          element('input', {
            type: 'radio', name: 'age', value: bracket, 'data-test': `age-${bracket}`,
            checked: bracket === this.chosen, onchange: () => choose(bracket),
          }),
          element('span', {}, this.#t(`age_${bracket}`)),
        )),
    );
  }

  #askAge() {
    this.#tell(this.#t('ageMissing'));
    this.#ages?.querySelector('input')?.focus();
  }

  #tell(text, calm = false) {
    this.#error.textContent = text ?? '';
    this.#error.toggleAttribute('data-calm', calm);
  }
}
