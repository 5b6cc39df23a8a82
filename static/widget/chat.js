// One visitor's chat: it joins the link, the conversation and the visitor's decisions. It stands
// apart from the view so that the order of things (nothing leaves before consent, a kept text is
// sent exactly once) does not depend on how anything looks.

import { newId } from './dom.js';
import {
  ageBecame, compose, consentIsMissing, countPoints, disconnected, emptyConversation, missingConsent,
  openingFrame, outbox, reduce, streaming, takeBack,
} from './conversation.js';
import { Tabs } from './tabs.js';

const ackPatienceMs = 15_000;
const busyPauseMs = 3_000;
const typingPauseMs = 3_000;
const defaultLimit = 4_000;

/**
 * @typedef {{age: boolean, consent: boolean, busy: boolean, error: string|null}} Step
 * @typedef {{name?: string, text?: string}} Problem a sentence of ours, or a safe one of the server's
 */

export class Chat {
  conversation = emptyConversation();
  /** @type {any} what the last session answer said about policy, retention and provider */
  session = null;
  /** @type {Step|null} */
  step = null;
  /** @type {Problem|null} */
  problem = null;
  restricted = false;
  /** @type {string|null} */
  stopping = null;
  limit = defaultLimit;
  #memory;
  #hooks;
  /** @type {{bracket: string, ageId: string, consentId: string}|null} */
  #accepting = null;
  /** @type {string|null} */
  #withdrawal = null;
  #inFlight = new Set();
  #notBefore = 0;
  #timers = { ack: 0, busy: 0 };
  #typedAt = 0;
  #readSeq = 0;

  constructor({ base, widgetId, locale, memory, isShared, ...hooks }) {
    this.locale = locale;
    this.#memory = memory;
    this.#hooks = hooks;
    for (const { id, text } of memory.get('outbox') ?? []) this.conversation = compose(this.conversation, id, text);
    this.connection = new Tabs({
      isShared,
      share: () => this.#share(),
      adopt: (conversation, limit) => this.#adopt(conversation, limit),
      resume: () => this.#resume(),
      base,
      widgetId,
      locale: () => this.locale,
      token: () => memory.get('token'),
      dropToken: () => this.#becomeStranger(),
      opening: (session) => this.#opening(session),
      onSession: (session) => this.#learn(session),
      onFrame: (frame) => this.#receive(frame),
      onLink: () => this.#linkChanged(),
    });
  }

  get mayWithdraw() {
    return Boolean(this.conversation.you?.granted.includes('ai_answer'));
  }

  start() {
    if (this.connection.link === 'idle' && !this.restricted && !this.conversation.ended) this.connection.open();
  }

  /** @param {string} text @returns {boolean} whether the text was taken */
  say(text) {
    const clean = text.trim();
    if (!clean || this.restricted) return false;
    if (countPoints(clean) > this.limit) return this.#fail({ name: 'tooLong' });
    this.problem = null;
    this.conversation = compose(this.conversation, newId(), clean);
    if (this.conversation.ended || this.connection.link === 'idle') this.connection.open();
    this.#flush();
    this.#changed();
    return true;
  }

  /** @param {string} bracket */
  agree(bracket) {
    this.#memory.visitorActed();
    this.#accepting = { bracket, ageId: newId(), consentId: newId() };
    this.step = { ...this.step, busy: true, error: null };
    this.#proceed();
    this.#changed();
  }

  /** Nothing is sent, not even the refusal: the text goes back to where it was written. */
  decline() {
    this.step = null;
    this.#accepting = null;
    this.#giveBack(outbox(this.conversation));
    this.#fail({ name: 'declined' });
  }

  stop() {
    const held = streaming(this.conversation);
    if (held && this.connection.send({ type: 'stop', message_id: held.messageId })) this.stopping = held.messageId;
    this.#changed();
  }

  /** @param {string} messageId the newest answer's */
  regenerate(messageId) {
    if (!this.connection.send({ type: 'regenerate', message_id: messageId })) this.#fail({ name: 'endFailed' });
  }

  withdraw() {
    this.#withdrawal = newId();
    if (!this.#sendWithdrawal() && this.connection.link === 'idle') this.connection.open();
  }

  end() {
    if (!this.connection.send({ type: 'close' })) this.#fail({ name: 'endFailed' });
  }

  /** @param {string} locale */
  setLocale(locale) {
    this.locale = locale;
    this.#memory.set('tongue', locale);
    if (this.session) this.connection.refreshSession();
  }

  /** Tells that somebody types, never what; and not before the visitor agreed to anything. */
  typed() {
    if (!this.mayWithdraw || Date.now() - this.#typedAt < typingPauseMs) return;
    this.#typedAt = Date.now();
    this.connection.send({ type: 'typing', on: true });
  }

  seen() {
    const { lastSeq } = this.conversation;
    if (lastSeq > this.#readSeq && this.mayWithdraw && this.connection.send({ type: 'read', seq: lastSeq })) this.#readSeq = lastSeq;
  }

  /** Everything this browser holds is gone; what the server holds is not touched. */
  forget() {
    this.connection.leave();
    this.#memory.set('token', undefined);
    this.#memory.forget();
    this.conversation = emptyConversation();
    Object.assign(this, { session: null, step: null, problem: null, restricted: false, stopping: null });
    [this.#accepting, this.#withdrawal] = [null, null];
    this.#inFlight.clear();
    this.#changed();
  }

  /** For a tab that joins: what was said, without what this one has not sent yet. */
  #share() {
    const { conversation, session, limit } = this;
    return { session, limit, conversation: { ...conversation, items: conversation.items.filter((item) => item.state !== 'pending') } };
  }

  /** The leading tab's conversation, and what waits to be sent from this one. */
  #adopt(shared, limit) {
    if (!Array.isArray(shared?.items)) return;
    const known = new Set(shared.items.map((item) => item.id));
    const waiting = outbox(this.conversation).filter((item) => !known.has(item.id));
    this.conversation = { ...emptyConversation(), ...shared, items: [...shared.items, ...waiting] };
    this.limit = limit ?? defaultLimit;
    this.#changed();
  }

  /** As after `ready`, which the leading tab was told long ago. */
  #resume() {
    if (this.connection.link !== 'ready') return;
    this.#sendWithdrawal();
    if (this.#accepting) this.#proceed();
    else this.#flush();
    this.#changed();
  }

  #learn(session) {
    // The server says its sentences in Chinese or in English; the page must say which it is.
    this.session = { ...session, lang: this.locale.startsWith('zh') ? 'zh-Hans' : 'en' };
    this.#memory.set('token', session.visitor_token);
    this.#changed();
  }

  #opening(session) {
    if (!this.conversation.conversationId && !this.conversation.ended && session.conversation_id) {
      this.conversation = { ...this.conversation, conversationId: session.conversation_id };
    }
    return openingFrame(this.conversation);
  }

  #becomeStranger() {
    this.#memory.set('token', undefined);
    this.conversation = { ...this.conversation, conversationId: null, lastSeq: 0, ackedSeq: 0 };
  }

  #linkChanged() {
    if (this.connection.link !== 'ready') {
      this.#inFlight.clear();
      clearTimeout(this.#timers.ack);
      this.stopping = null;
      this.conversation = disconnected(this.conversation);
    }
    this.#changed();
  }

  #receive(frame) {
    const before = this.#answerCount();
    // The end of an answer that was watched says no time of its own; the record's differs by less than it took to come.
    if (frame.type === 'done') frame.at = new Date().toISOString();
    this.conversation = reduce(this.conversation, frame);
    if (frame.type === 'ready') this.#ready(frame);
    else if (frame.type === 'ack') this.#acknowledged(frame);
    else if (frame.type === 'event') this.#happened(frame);
    else if (frame.type === 'error') this.#refused(frame);
    else if (frame.type === 'purge' && frame.all) this.#memory.forget();
    if (streaming(this.conversation)?.messageId !== this.stopping) this.stopping = null;
    if (this.#answerCount() > before) {
      this.#hooks.onAnswer(this.conversation.items.findLast((item) => item.kind === 'message' && item.author !== 'visitor'));
    }
    if (this.conversation.gap) this.connection.reconnect();
    this.#changed();
  }

  /** Answers finished while we watched; a replay of older ones is no news. */
  #answerCount() {
    const { items, headSeq } = this.conversation;
    return items.filter((item) => item.state === 'done' && item.seq > headSeq).length;
  }

  #ready(frame) {
    this.limit = frame.limits?.text_chars ?? defaultLimit;
    this.#readSeq = 0;
    if (this.step) this.step = { ...this.step, ...this.#needs() };
    this.#resume();
  }

  #acknowledged(frame) {
    this.#inFlight.delete(frame.id);
    if (this.#inFlight.size === 0) clearTimeout(this.#timers.ack);
    if (frame.id === this.#accepting?.ageId) {
      this.conversation = ageBecame(this.conversation, this.#accepting.bracket);
      this.step = { ...this.step, age: false };
      this.#proceed();
    } else if (this.problem?.name === 'busy') {
      this.problem = null;
    }
  }

  #happened(frame) {
    if (frame.kind === 'message' && frame.author === 'visitor' && frame.seq > this.conversation.headSeq) {
      const said = this.conversation.items.filter((item) => item.author === 'visitor' && item.seq);
      if (said.length === 1) this.#hooks.onEvent('conversation-started', {});
      this.#hooks.onEvent('message', { author: 'visitor' });
    }
    if (frame.kind === 'consent_changed') {
      if (frame.id === this.#withdrawal) this.#withdrawal = null;
      this.#hooks.onEvent('consent-changed', { granted: this.conversation.you?.granted ?? [] });
      if (frame.id === this.#accepting?.consentId) {
        this.step = { ...this.step, consent: false };
        this.#proceed();
      }
    }
    // Nothing more comes here; the next message opens a new conversation.
    if (frame.kind === 'closed' && outbox(this.conversation).length === 0) this.connection.rest();
  }

  #needs() {
    const age = Boolean(this.session?.age_needed) && this.conversation.you?.age === 'unknown';
    return { age, consent: missingConsent(this.conversation).length > 0 };
  }

  /** The acceptance goes on from wherever it stood, also after a reconnect, with the same ids. */
  #proceed() {
    const accepting = this.#accepting;
    if (!accepting) return;
    if (this.step.age) {
      this.connection.send({ type: 'age', id: accepting.ageId, bracket: accepting.bracket });
    } else if (this.step.consent) {
      const decisions = Object.fromEntries(missingConsent(this.conversation).map((purpose) => [purpose, 'granted']));
      this.connection.send({ type: 'consent', id: accepting.consentId, policy_version: this.session.policy.version, decisions });
    } else {
      this.#accepting = null;
      this.step = null;
      this.#flush();
    }
  }

  #flush() {
    const waiting = outbox(this.conversation);
    if (waiting.length === 0 || this.connection.link !== 'ready' || this.conversation.ended) return;
    const needs = this.#needs();
    if (needs.age || needs.consent) {
      this.step ??= { ...needs, busy: false, error: null };
      return;
    }
    this.#memory.visitorActed();
    if (Date.now() < this.#notBefore) return;
    for (const { id, text } of waiting) {
      if (!this.#inFlight.has(id) && this.connection.send({ type: 'send', id, text })) this.#inFlight.add(id);
    }
    clearTimeout(this.#timers.ack);
    this.#timers.ack = setTimeout(() => this.#inFlight.size && this.connection.reconnect(), ackPatienceMs);
  }

  #sendWithdrawal() {
    if (!this.#withdrawal) return true;
    const version = this.session?.policy.version;
    return this.connection.send({ type: 'consent', id: this.#withdrawal, policy_version: version, decisions: { ai_answer: 'denied' } });
  }

  #refused({ code, message, id, retry_after_ms: pauseMs }) {
    if (code === 'age_restricted') return this.#restrict();
    // What another tab was refused is that tab's to say.
    if (id && !this.#isOurs(id)) return undefined;
    if (this.#accepting && [this.#accepting.ageId, this.#accepting.consentId].includes(id)) {
      this.#accepting = null;
      this.step = { ...this.step, busy: false, error: message ?? '' };
      return this.connection.refreshSession();
    }
    if (id === this.#withdrawal) this.#withdrawal = null;
    if (id) this.#inFlight.delete(id);
    else this.#inFlight.clear();
    const refused = outbox(this.conversation).filter((item) => item.id === id);
    switch (code) {
      case 'consent_required':
        this.conversation = consentIsMissing(this.conversation);
        return this.#flush();
      case 'age_required':
        this.session = { ...this.session, age_needed: true };
        this.conversation = ageBecame(this.conversation, 'unknown');
        return this.#flush();
      case 'rate_limited': case 'busy': case 'unavailable': return this.#pause(pauseMs ?? busyPauseMs);
      case 'conversation_closed':
        this.conversation = { ...this.conversation, ended: true };
        return this.connection.open();
      case 'too_long':
        this.#giveBack(refused);
        return this.#fail({ name: 'tooLong' });
      default:
        this.#giveBack(refused);
        if (this.connection.link === 'connecting' && this.conversation.conversationId) {
          // The conversation asked for is not there any more: the next opening asks for a new one.
          this.conversation = { ...this.conversation, conversationId: null, lastSeq: 0, ackedSeq: 0, gap: true };
        }
        return this.#fail(message ? { text: message } : { name: 'problem' });
    }
  }

  #isOurs(id) {
    const ids = [this.#accepting?.ageId, this.#accepting?.consentId, this.#withdrawal];
    return ids.includes(id) || outbox(this.conversation).some((item) => item.id === id);
  }

  #pause(pauseMs) {
    this.#notBefore = Date.now() + pauseMs;
    clearTimeout(this.#timers.busy);
    this.#timers.busy = setTimeout(() => this.#flush(), pauseMs + 20);
    this.#fail({ name: 'busy' });
  }

  #restrict() {
    this.restricted = true;
    this.step = null;
    this.#accepting = null;
    this.conversation = takeBack(this.conversation, outbox(this.conversation).map((item) => item.id));
    this.connection.rest();
  }

  #giveBack(messages) {
    if (messages.length === 0) return;
    this.conversation = takeBack(this.conversation, messages.map((item) => item.id));
    this.#hooks.onReturn(messages.map((item) => item.text).join('\n'));
  }

  #fail(problem) {
    this.problem = problem;
    this.#changed();
    return false;
  }

  #changed() {
    this.#rememberOutbox();
    this.#hooks.onChange();
  }

  /** A reload may not lose a message that was agreed to; a text still without consent is not kept. */
  #rememberOutbox() {
    if (!this.conversation.you) return;
    const agreed = !this.step && missingConsent(this.conversation).length === 0;
    const waiting = agreed ? outbox(this.conversation).map(({ id, text }) => ({ id, text })) : [];
    const ids = (messages) => messages.map((message) => message.id).join();
    if (ids(waiting) !== ids(this.#memory.get('outbox') ?? [])) this.#memory.set('outbox', waiting);
  }
}
