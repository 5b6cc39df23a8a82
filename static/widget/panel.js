// The window of the chat: it puts header, log, status line and composer together and shows what
// the chat says. It stands apart from the chat so that no rule hides in the view.

import { Chat } from './chat.js';
import { Composer } from './composer.js';
import { ConsentCard } from './consent.js';
import { outbox, streaming } from './conversation.js';
import { element, icon } from './dom.js';
import { Header } from './header.js';
import { chooseTongue, directionOf } from './locale.js';
import { TabMemory } from './memory.js';
import { MessageList } from './messages.js';
import { PrivacyView } from './privacy.js';
import { statusOf } from './status.js';
import { panelSheet } from './style.js';
import { loadWords, translator } from './words.js';

const nearBottomPixels = 80;
const focusable = 'a[href], button:not(:disabled), textarea, input:not(:disabled), select, [tabindex="0"]';

/** The chat with its words: they are fetched in the visitor's language only. */
export async function createPanel(options) {
  const memory = new TabMemory(options.settings.widget, Boolean(options.settings.cookieless));
  return new Panel(options, memory, await loadWords(memory.get('tongue') ?? options.tongue));
}

export class Panel {
  isOpen = false;
  #options;
  #memory;
  #chat;
  #tongue;
  #t;
  #parts;
  #card = null;
  #privacy = null;
  #bracket = '';
  #drawing = 0;
  #unread = 0;
  #dressedFor = null;
  #announcer = element('p', { class: 'unseen', role: 'status' });
  #shell = element('section', {
    class: 'panel', 'data-test': 'panel', role: 'dialog', 'aria-labelledby': 'panel-title', hidden: true,
    onkeydown: (event) => this.#key(event),
    onclick: (event) => event.target.closest('.menu, [data-test=menu]') ?? this.#parts.header.closeMenu(),
  });

  constructor(options, memory, { words, tongue }) {
    this.#options = options;
    this.#memory = memory;
    this.#tongue = tongue;
    this.#chat = new Chat({
      base: options.base,
      widgetId: options.settings.widget,
      locale: tongue,
      memory,
      isShared: !options.settings.cookieless,
      onChange: () => this.#redrawSoon(),
      onAnswer: (message) => this.#answered(message),
      onReturn: (text) => this.#parts.composer.putBack(text),
      onEvent: options.onEvent,
    });
    options.root.adoptedStyleSheets.push(panelSheet());
    options.root.append(this.#shell, this.#announcer);
    document.addEventListener('visibilitychange', () => this.#redrawSoon());
    this.#build(words, '');
  }

  /** @param {{quietly?: boolean}} [how] quietly after a reload: the page keeps the focus */
  open({ quietly = false } = {}) {
    if (!this.isOpen) this.#show(true);
    this.#chat.start();
    if (!quietly) this.#parts.composer.input.focus();
  }

  close() {
    if (this.isOpen && this.#options.mode !== 'full') this.#show(false);
  }

  /** @param {unknown} text */
  ask(text) {
    if (typeof text !== 'string' || !text.trim()) return;
    this.open();
    if (!this.#chat.step) this.#chat.say(text);
  }

  /** @param {unknown} text put into the box, for the visitor to send or not */
  prefill(text) {
    if (typeof text !== 'string') return;
    this.open();
    this.#parts.composer.putBack(text);
  }

  withdraw() {
    this.#chat.withdraw();
  }

  showPrivacy() {
    this.open({ quietly: true });
    this.#privacy ??= new PrivacyView({
      t: this.#t,
      tongue: this.#tongue,
      base: this.#options.base,
      cookieless: Boolean(this.#options.settings.cookieless),
      onBack: () => this.#hidePrivacy(),
      actions: { withdraw: () => this.#chat.withdraw(), end: () => this.#chat.end(), forget: () => this.forget() },
    });
    this.#redraw();
    this.#privacy.heading.focus();
  }

  forget() {
    this.#chat.forget();
    this.#bracket = '';
    this.#hidePrivacy();
  }

  /** New settings of the page; a language the visitor chose here outlives the page's wish. */
  adopt(settings, tongue) {
    const asked = settings.locale !== this.#options.settings.locale;
    this.#options.settings = settings;
    if (asked) this.#speak(tongue);
    else this.#redrawSoon();
  }

  #hidePrivacy() {
    this.#privacy?.node.remove();
    this.#privacy = null;
    this.#redraw();
    if (this.isOpen) this.#parts.header.menuButton.focus();
  }

  #show(isOpen) {
    this.isOpen = isOpen;
    this.#shell.hidden = !isOpen;
    this.#memory.set('open', isOpen);
    this.#options.onEvent(isOpen ? 'opened' : 'closed', {});
    if (isOpen) this.#countUnread(0);
    this.#redrawSoon();
  }

  #countUnread(count) {
    if (count === this.#unread) return;
    this.#unread = count;
    this.#options.onEvent('unread', { count });
  }

  /** Built once per language; the text being written moves over. */
  #build(words, text) {
    const t = translator(words, this.#tongue);
    const chat = this.#chat;
    const header = new Header({
      t,
      base: this.#options.base,
      tongue: this.#tongue,
      canClose: this.#options.mode !== 'full',
      onTongue: (tongue) => this.#speak(tongue),
      onPrivacy: () => this.showPrivacy(),
      onWithdraw: () => chat.withdraw(),
      onEnd: () => chat.end(),
      onClose: () => this.close(),
    });
    const messages = new MessageList({ t, base: this.#options.base, onNewAnswer: (id) => chat.regenerate(id), onMore: () => this.#redraw() });
    const greeting = element('div', { class: 'greeting' }, element('p', { dir: 'auto' }), element('p', { dir: 'auto' }));
    const thinking = element('p', { class: 'thinking', hidden: true }, element('i'), element('i'), element('i'), element('span', { class: 'unseen' }, t('thinking')));
    const log = element('div', { class: 'log', role: 'log', 'aria-live': 'off', 'aria-label': t('log'), tabindex: 0 }, greeting, messages.more, messages.node, thinking);
    const status = element('p', { class: 'status', 'data-test': 'status', role: 'status' });
    const action = element('button', { type: 'button', class: 'quiet', hidden: true });
    const stop = element('button', { type: 'button', class: 'stop', 'data-test': 'stop', hidden: true, onclick: () => chat.stop() }, icon('stop'), element('span'));
    const composer = new Composer({ t, text, onSend: (sent) => chat.say(sent), onTyped: () => chat.typed() });
    const foot = element('div', { class: 'foot' }, element('div', { class: 'line' }, status, action, stop), composer.node);
    this.#t = t;
    this.#card = null;
    this.#privacy = null;
    this.#parts = { header, messages, greeting, thinking, log, status, action, stop, composer, foot };
    this.#shell.lang = this.#tongue;
    this.#shell.dir = directionOf(this.#tongue);
    this.#announcer.lang = this.#tongue;
    this.#shell.replaceChildren(header.node, log, foot);
    this.#redrawSoon();
  }

  async #speak(wish) {
    const tongue = chooseTongue(wish);
    if (tongue === this.#tongue) return;
    // A language that does not arrive leaves the one in use.
    const found = await loadWords(tongue).catch(() => null);
    if (!found) return;
    this.#tongue = tongue;
    this.#chat.setLocale(tongue);
    this.#build(found.words, this.#parts.composer.text);
    this.#options.onEvent('locale', { locale: tongue });
    if (this.isOpen) this.#parts.header.menuButton.focus();
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

  /** What the customer chose on the server; the page's own settings go before it. */
  #dress(session) {
    if (!session || session === this.#dressedFor) return;
    this.#dressedFor = session;
    const { color_scheme: colorScheme, greeting_more: greetingMore, ...rest } = session.widget.settings ?? {};
    this.#options.settings = this.#options.onDress({ ...rest, colorScheme, greetingMore });
  }

  #redraw() {
    const { header, messages, greeting, thinking, log, composer, foot } = this.#parts;
    const { conversation, session, mayWithdraw } = this.#chat;
    this.#dress(session);
    const follow = log.scrollHeight - log.scrollTop - log.clientHeight < nearBottomPixels;
    header.update({ session, mayWithdraw, mayEnd: conversation.items.some((item) => item.seq) && !conversation.ended });
    this.#drawGreeting(greeting);
    greeting.hidden = conversation.items.length > 0 || this.#chat.restricted;
    messages.render(conversation.items, this.#waitingReason(), this.#mayAskAgain());
    thinking.hidden = !conversation.typing;
    this.#drawStatus();
    this.#drawCard();
    this.#drawPrivacy(log, foot);
    composer.node.hidden = Boolean(this.#card) || this.#chat.restricted;
    composer.update(this.#chat.limit);
    const wroteMore = outbox(conversation).length > 0;
    if (follow || wroteMore) log.scrollTop = log.scrollHeight;
    if (this.isOpen && !document.hidden) this.#chat.seen();
  }

  /** A customer's own words stand as they were given, in whatever language that is. */
  #drawGreeting(node) {
    const { greeting = this.#t('greeting'), greetingMore = this.#t('greetingMore') } = this.#options.settings;
    [greeting, greetingMore].forEach((text, at) => {
      if (node.children[at].textContent !== text) node.children[at].textContent = text;
    });
  }

  #mayAskAgain() {
    const { conversation, connection } = this.#chat;
    return connection.link === 'ready' && !conversation.ended && !conversation.typing && !streaming(conversation)
      && this.#chat.mayWithdraw && outbox(conversation).length === 0;
  }

  #drawPrivacy(log, foot) {
    log.hidden = Boolean(this.#privacy);
    foot.hidden = Boolean(this.#privacy);
    if (!this.#privacy) return;
    this.#privacy.update(this.#chat);
    if (!this.#privacy.node.isConnected) this.#shell.append(this.#privacy.node);
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

  /** Only finished answers are read aloud: a screen reader cannot follow single words. */
  #answered(message) {
    if (!message) return;
    this.#announcer.textContent = `${this.#t('assistant')}: ${message.text || this.#t(`stop_${message.stopReason}`)}`;
    this.#options.onEvent('message', { author: message.author });
    if (!this.isOpen) this.#countUnread(this.#unread + 1);
  }

  #key(event) {
    if (event.isComposing) return;
    if (event.key === 'Tab') this.#keepFocusInside(event);
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    if (this.#parts.header.menuIsOpen) this.#parts.header.closeMenu(true);
    else if (this.#privacy) this.#hidePrivacy();
    else this.close();
  }

  /** On a small screen the window covers the page: behind it there is nothing to reach. */
  #keepFocusInside(event) {
    if (this.#options.mode !== 'float' || !matchMedia('(max-width: 480px)').matches) return;
    /** @type {any[]} */
    const stops = [...this.#shell.querySelectorAll(focusable)].filter((node) => node.checkVisibility());
    const [first, last] = [stops.at(0), stops.at(-1)];
    const { activeElement } = this.#options.root;
    if (activeElement !== (event.shiftKey ? first : last)) return;
    event.preventDefault();
    (event.shiftKey ? last : first)?.focus();
  }
}
