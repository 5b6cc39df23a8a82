// The window of the chat: it puts header, log, status line and composer together and shows what
// the chat says. It stands apart from the chat so that no rule hides in the view.

import { Chat } from './chat.js';
import { Composer } from './composer.js';
import { ConsentCard } from './consent.js';
import { outbox, streaming } from './conversation.js';
import { element, icon } from './dom.js';
import { Header } from './header.js';
import { translator } from './i18n.js';
import { TabMemory } from './memory.js';
import { MessageList } from './messages.js';
import { statusOf } from './status.js';
import { panelSheet } from './style.js';

const nearBottomPixels = 80;

export class Panel {
  isOpen = false;
  #options;
  #memory;
  #chat;
  #locale;
  #t;
  #parts;
  #card = null;
  #bracket = '';
  #drawing = 0;
  #announcer = element('p', { class: 'unseen', role: 'status' });
  #shell = element('section', {
    class: 'panel', 'data-test': 'panel', role: 'dialog', 'aria-labelledby': 'panel-title', hidden: true,
    onkeydown: (event) => this.#escape(event),
    onclick: (event) => event.target.closest('.menu, [data-test=menu]') ?? this.#parts.header.closeMenu(),
  });

  constructor(options) {
    this.#options = options;
    this.#memory = new TabMemory(options.widgetId);
    this.#locale = this.#memory.get('locale') ?? options.locale;
    this.#chat = new Chat({
      base: options.base,
      widgetId: options.widgetId,
      locale: this.#locale,
      memory: this.#memory,
      onChange: () => this.#redrawSoon(),
      onAnswer: (message) => this.#answered(message),
      onReturn: (text) => this.#parts.composer.putBack(text),
    });
    options.root.adoptedStyleSheets.push(panelSheet());
    options.root.append(this.#shell, this.#announcer);
    document.addEventListener('visibilitychange', () => this.#redrawSoon());
    this.#build('');
  }

  /** @param {{quietly?: boolean}} [how] quietly after a reload: the page keeps the focus */
  open({ quietly = false } = {}) {
    this.#show(true);
    this.#chat.start();
    if (!quietly) this.#parts.composer.input.focus();
  }

  close() {
    this.#show(false);
    this.#options.launcher.focus();
  }

  /** @param {string} text */
  ask(text) {
    if (!this.#chat.step) this.#chat.say(text);
  }

  #show(isOpen) {
    this.isOpen = isOpen;
    this.#shell.hidden = !isOpen;
    this.#options.launcher.hidden = isOpen;
    if (isOpen) this.#options.launcher.removeAttribute('data-unread');
    this.#memory.set('open', isOpen);
    this.#options.onToggle(isOpen, this.#locale);
    this.#redrawSoon();
  }

  /** Built once per language; the text being written moves over. */
  #build(text) {
    const t = translator(this.#locale);
    const chat = this.#chat;
    const header = new Header({
      t,
      base: this.#options.base,
      locale: this.#locale,
      onLocale: (locale) => this.#speak(locale),
      onWithdraw: () => chat.withdraw(),
      onEnd: () => chat.end(),
      onClose: () => this.close(),
    });
    const messages = new MessageList({ t, base: this.#options.base, onAskAgain: () => this.#askAgain() });
    const greeting = element('div', { class: 'greeting' }, element('p', {}, t('greeting')), element('p', {}, t('greetingMore')));
    const thinking = element('p', { class: 'thinking', hidden: true }, element('i'), element('i'), element('i'), element('span', { class: 'unseen' }, t('thinking')));
    const log = element('div', { class: 'log', role: 'log', 'aria-live': 'off', 'aria-label': t('log'), tabindex: 0 }, greeting, messages.node, thinking);
    const status = element('p', { class: 'status', 'data-test': 'status', role: 'status' });
    const action = element('button', { type: 'button', class: 'quiet', hidden: true });
    const stop = element('button', { type: 'button', class: 'stop', 'data-test': 'stop', hidden: true, onclick: () => chat.stop() }, icon('stop'), element('span'));
    const composer = new Composer({ t, text, onSend: (words) => chat.say(words), onTyped: () => chat.typed() });
    const foot = element('div', { class: 'foot' }, element('div', { class: 'line' }, status, action, stop), composer.node);
    this.#t = t;
    this.#card = null;
    this.#parts = { header, messages, greeting, thinking, log, status, action, stop, composer, foot };
    this.#shell.lang = this.#locale === 'zh' ? 'zh-CN' : 'en';
    this.#shell.replaceChildren(header.node, log, foot);
    this.#redrawSoon();
  }

  #speak(locale) {
    if (locale === this.#locale) return;
    this.#locale = locale;
    this.#chat.setLocale(locale);
    this.#build(this.#parts.composer.text);
    this.#options.onToggle(this.isOpen, locale);
    this.#shell.querySelector(`[data-test="lang-${locale}"]`).focus();
  }

  /** Many frames, one drawing. A hidden tab gets no animation frames but must not fall behind. */
  #redrawSoon() {
    if (this.#drawing) return;
    const draw = () => {
      this.#drawing = 0;
      this.#redraw();
    };
    this.#drawing = document.hidden ? setTimeout(draw, 50) : requestAnimationFrame(draw);
  }

  #redraw() {
    const { header, messages, greeting, thinking, log, composer } = this.#parts;
    const { conversation, session, mayWithdraw } = this.#chat;
    const follow = log.scrollHeight - log.scrollTop - log.clientHeight < nearBottomPixels;
    header.update({ session, mayWithdraw, mayEnd: conversation.items.some((item) => item.seq) && !conversation.ended });
    greeting.hidden = conversation.items.length > 0 || this.#chat.restricted;
    messages.render(conversation.items, this.#waitingReason());
    thinking.hidden = !conversation.typing;
    this.#drawStatus();
    this.#drawCard();
    composer.node.hidden = Boolean(this.#card) || this.#chat.restricted;
    composer.update(this.#chat.limit);
    const wroteMore = outbox(conversation).length > 0;
    if (follow || wroteMore) log.scrollTop = log.scrollHeight;
    if (this.isOpen && !document.hidden) this.#chat.seen();
  }

  #waitingReason() {
    if (this.#chat.step) return this.#t('waitingConsent');
    return this.#t(this.#chat.connection.link === 'ready' ? 'sending' : 'waitingNetwork');
  }

  #drawStatus() {
    const { status, action, stop } = this.#parts;
    const { text, tone, remedy } = statusOf(this.#chat, this.#t);
    if (status.textContent !== text) status.textContent = text;
    status.dataset.tone = tone;
    action.hidden = !remedy;
    if (remedy) {
      action.textContent = this.#t(remedy);
      action.onclick = () => this.#chat.connection.open();
    }
    const answer = streaming(this.#chat.conversation);
    stop.hidden = !answer || this.#chat.connection.link !== 'ready';
    stop.disabled = Boolean(this.#chat.stopping);
    stop.lastChild.textContent = this.#t(this.#chat.stopping ? 'stopping' : 'stop');
  }

  #drawCard() {
    const { step, session } = this.#chat;
    if (!step) {
      if (!this.#card) return;
      const hadFocus = this.#card.node.contains(this.#options.root.activeElement) || !this.#options.root.activeElement;
      this.#card.node.remove();
      this.#card = null;
      this.#parts.composer.node.hidden = false;
      if (hadFocus && this.isOpen) this.#parts.composer.input.focus();
      return;
    }
    const shape = `${session.policy.version} ${session.policy.notice}`;
    if (this.#card?.shape === shape) return this.#card.update(step);
    const isNew = !this.#card;
    this.#card?.node.remove();
    this.#card = new ConsentCard({
      t: this.#t,
      base: this.#options.base,
      session,
      step,
      bracket: this.#bracket,
      onChoose: (bracket) => { this.#bracket = bracket; },
      onAgree: (bracket) => this.#chat.agree(bracket),
      onDecline: () => this.#chat.decline(),
    });
    this.#card.shape = shape;
    this.#parts.foot.append(this.#card.node);
    if (isNew && this.isOpen) this.#card.heading.focus();
  }

  #askAgain() {
    const last = this.#chat.conversation.items.findLast((item) => item.author === 'assistant' && item.messageId);
    if (last) this.#chat.regenerate(last.messageId);
  }

  /** Only finished answers are read aloud: a screen reader cannot follow single words. */
  #answered(message) {
    if (!message) return;
    this.#announcer.textContent = `${this.#t('assistant')}: ${message.text || this.#t(`stop_${message.stopReason}`)}`;
    if (!this.isOpen) this.#options.launcher.toggleAttribute('data-unread', true);
  }

  #escape(event) {
    if (event.key !== 'Escape' || event.isComposing) return;
    event.stopPropagation();
    if (this.#parts.header.menuIsOpen) this.#parts.header.closeMenu(true);
    else this.close();
  }
}
