// What the visitor can see and do about their own data: what is held, who answered, what was
// decided, a copy, and the ways out. It stands apart because none of it may depend on the chat
// being pleasant to look at, and because everything said here is derived from the record itself.

import { element, icon, link } from './dom.js';

/** The answers of each provider, newest last. @returns {Map<string, {count: number, at: string}>} */
function answersByProvider(items) {
  const found = new Map();
  for (const { kind, author, provider, at } of items) {
    if (kind !== 'message' || author === 'visitor' || !provider) continue;
    const held = found.get(provider);
    found.set(provider, { count: (held?.count ?? 0) + 1, at: at ?? held?.at ?? '' });
  }
  return found;
}

/** What the visitor can take along: the record as this browser was told it, with nothing left out but the token. */
export function copyOf({ conversation, session }, now) {
  const messages = conversation.items.filter((item) => item.kind === 'message' && item.seq);
  const decisions = conversation.items.filter((item) => item.receipt);
  return {
    format: 'veetflow.copy.v1',
    made_at: now.toISOString(),
    conversation_id: conversation.conversationId,
    kept_for: session?.retention.until_text,
    policy: session?.policy.version,
    decisions: decisions.map(({ seq, at, note, receipt, digest }) => ({ seq, at, ai_answer: note, receipt: { id: receipt, digest } })),
    messages: messages.map(({ seq, at, author, text, provider, stopReason, citations }) => ({
      seq, at, author, text, provider, stop_reason: stopReason, citations,
    })),
  };
}

function saveCopy(chat) {
  const text = JSON.stringify(copyOf(chat, new Date()), null, 2);
  const address = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  element('a', { href: address, download: 'conversation.json' }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

export class PrivacyView {
  #t;
  #when;
  #base;
  #body = element('div', { class: 'sheet-body' });
  #shown = '';

  constructor({ t, tongue, base, cookieless, onBack, actions }) {
    this.#t = t;
    this.#base = base;
    this.#when = new Intl.DateTimeFormat(tongue, { dateStyle: 'medium', timeStyle: 'short' });
    this.cookieless = cookieless;
    this.actions = actions;
    this.heading = element('h3', { tabindex: -1, id: 'privacy-title' }, icon('lock'), t('privacy'));
    this.node = element(
      'section',
      { class: 'sheet', 'data-test': 'privacy-panel', 'aria-labelledby': 'privacy-title' },
      element('button', { type: 'button', class: 'quiet', 'data-test': 'privacy-back', onclick: onBack }, t('back')),
      this.heading,
      this.#body,
    );
  }

  /** Redrawn only when what it says changed: a press must not lose its button. @param {import('./chat.js').Chat} chat */
  update(chat) {
    const { conversation, session, mayWithdraw } = chat;
    const mayEnd = conversation.items.some((item) => item.seq) && !conversation.ended;
    const state = [conversation.lastSeq, conversation.conversationId, conversation.items.length, session?.policy.version, mayWithdraw, mayEnd].join('/');
    if (state === this.#shown) return;
    this.#shown = state;
    this.#body.replaceChildren(
      this.#part('heldTitle', ...this.#held(conversation, session)),
      this.#part('wentTitle', ...this.#answers(conversation, session)),
      this.#part('consentsTitle', ...this.#decisions(conversation)),
      this.#part('choicesTitle', this.#choices(chat, mayWithdraw, mayEnd)),
    );
    if (session) this.#body.append(element('p', {}, link(session.policy.url, this.#base, {}, this.#t('readPolicy'))));
  }

  #part(title, ...content) {
    return element('div', { class: 'part' }, element('h4', {}, this.#t(title)), ...content);
  }

  #held({ items }, session) {
    const count = items.filter((item) => item.kind === 'message' && item.seq).length;
    const until = session?.retention.until_text ?? '';
    return [
      element('p', {}, count > 0 ? this.#t('heldMessages', { count, until }) : this.#t('heldNothing')),
      element('p', {}, this.#t(this.cookieless ? 'heldCookieless' : 'heldDevice')),
      navigator.globalPrivacyControl === true && element('p', { 'data-test': 'gpc' }, this.#t('gpcOn')),
    ];
  }

  #answers({ items }, session) {
    const found = [...answersByProvider(items)];
    if (found.length === 0) return [element('p', {}, this.#t('wentNobody'))];
    return found.map(([provider, { count, at }]) => element('p', {}, this.#t('wentTo', { provider: provider === session?.ai.provider ? session.ai.label : provider, count, at: this.#date(at) })));
  }

  #decisions({ items }) {
    const decided = items.filter((item) => item.receipt);
    if (decided.length === 0) return [element('p', {}, this.#t('consentsNone'))];
    return decided.map(({ note, at, receipt }) => element(
      'p', {},
      `${this.#t(note === 'granted' ? 'decidedGranted' : 'decidedDenied')}, ${this.#date(at)}`,
      element('span', { class: 'receipt' }, this.#t('noteReceipt', { id: receipt })),
    ));
  }

  #choices(chat, mayWithdraw, mayEnd) {
    const choice = (name, isOffered, act) => isOffered && element(
      'li', {},
      element('button', { type: 'button', class: 'choice', 'data-test': `privacy-${name}`, 'aria-describedby': `about-${name}`, onclick: act }, this.#t(name)),
      element('p', { id: `about-${name}` }, this.#t(`${name}More`)),
    );
    return element(
      'ul', { class: 'ways' },
      choice('download', chat.conversation.items.some((item) => item.seq), () => saveCopy(chat)),
      choice('withdraw', mayWithdraw, this.actions.withdraw),
      choice('end', mayEnd, this.actions.end),
      choice('forget', true, this.actions.forget),
    );
  }

  #date(at) {
    const instant = new Date(at);
    return Number.isNaN(instant.getTime()) ? '' : this.#when.format(instant);
  }
}
