// What the visitor sees, as plain data: a reducer from server frames to a view model. It stands
// apart, without network or elements, so that the hard promises (a replayed event applied once, a
// duplicate id shown once, a gap in a stream noticed) can be read and tested in one place.

/**
 * @typedef {{title: string, url: string}} Citation
 * @typedef {{kind: 'message'|'note', key?: string, id?: string, messageId?: string, seq?: number, at?: string,
 *   author?: string, text?: string, state?: 'pending'|'sent'|'streaming'|'done', points?: number, stopReason?: string,
 *   provider?: string, citations?: Citation[],
 *   note?: 'granted'|'denied'|'closed', reason?: string, receipt?: string, digest?: string}} Item a message, or a line of the record
 * @typedef {{conversationId: string|null, epoch: number, lastSeq: number, headSeq: number, ackedSeq: number,
 *   items: Item[], typing: boolean, ended: boolean, gap: boolean,
 *   you: {age: string, granted: string[], needed: string[]} | null}} Conversation
 */

/** @returns {Conversation} */
export function emptyConversation() {
  return {
    conversationId: null, epoch: 0, lastSeq: 0, headSeq: 0, ackedSeq: 0,
    items: [], typing: false, ended: false, gap: false, you: null,
  };
}

/** The protocol counts Unicode code points, never UTF-16 units. @param {string} text */
export function countPoints(text) {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/** Sends the server has not confirmed yet, oldest first. @returns {Item[]} */
export function outbox(conversation) {
  return conversation.items.filter((item) => item.state === 'pending');
}

/** The answer being written now, if any. @returns {Item|undefined} */
export function streaming(conversation) {
  return conversation.items.findLast((item) => item.state === 'streaming');
}

/** The first frame of every socket: where this view stopped. */
export function openingFrame(conversation) {
  const frame = { type: 'open' };
  if (!conversation.conversationId || conversation.ended) return frame;
  frame.conversation_id = conversation.conversationId;
  frame.last_seq = conversation.lastSeq;
  const held = streaming(conversation);
  if (held) frame.partial = { message_id: held.messageId, chars: held.points };
  return frame;
}

/** Text the visitor wrote, shown at once. */
export function compose(conversation, id, text) {
  if (conversation.items.some((item) => item.id === id)) return conversation;
  const message = { kind: 'message', author: 'visitor', id, text, state: 'pending' };
  return { ...conversation, items: [...conversation.items, message] };
}

/** Takes unsent messages back, so that their text can return to the input box. */
export function takeBack(conversation, ids) {
  return { ...conversation, items: conversation.items.filter((item) => item.state !== 'pending' || !ids.includes(item.id)) };
}

/** The server confirmed an age group, or asked for it again ("unknown"). */
export function ageBecame(conversation, age) {
  return conversation.you ? { ...conversation, you: { ...conversation.you, age } } : conversation;
}

/** The server says consent is missing, whatever was believed here. */
export function consentIsMissing(conversation) {
  if (!conversation.you) return conversation;
  const { needed } = conversation.you;
  return { ...conversation, you: { ...conversation.you, granted: [], needed: needed.length ? needed : ['ai_answer'] } };
}

/** Purposes still to be agreed to. @returns {string[]} */
export function missingConsent({ you }) {
  return you ? you.needed.filter((purpose) => !you.granted.includes(purpose)) : [];
}

/** The link dropped: nobody is known to be typing, and the next opening settles any gap. */
export function disconnected(conversation) {
  return conversation.typing || conversation.gap ? { ...conversation, typing: false, gap: false } : conversation;
}

/** @param {Conversation} conversation @param {any} frame @returns {Conversation} */
export function reduce(conversation, frame) {
  switch (frame.type) {
    case 'ready': return ready(conversation, frame);
    case 'ack': return acknowledged(conversation, frame);
    case 'event': return event(conversation, frame);
    case 'delta': return delta(conversation, frame);
    case 'snapshot': return snapshot(conversation, frame);
    case 'done': return done(conversation, frame);
    case 'typing': return { ...conversation, typing: Boolean(frame.on) };
    case 'purge': return purge(conversation, frame);
    default: return conversation;
  }
}

function ready(conversation, frame) {
  const consent = frame.you?.consent ?? {};
  const next = {
    ...conversation,
    gap: false,
    typing: false,
    ended: false,
    epoch: frame.epoch ?? 0,
    headSeq: frame.head_seq ?? 0,
    you: { age: frame.you?.age ?? 'unknown', granted: consent.granted ?? [], needed: consent.needed ?? [] },
  };
  if (frame.conversation_id !== conversation.conversationId) {
    // Another conversation counts from its own beginning; what was said before stays readable.
    Object.assign(next, { conversationId: frame.conversation_id, lastSeq: 0, ackedSeq: 0 });
    next.items = next.items.map((item) => (item.state === 'streaming' ? { ...item, state: 'done', stopReason: 'interrupted' } : item));
  } else if (next.headSeq < next.lastSeq) {
    next.lastSeq = next.headSeq;
  }
  return next;
}

function acknowledged(conversation, frame) {
  return {
    ...conversation,
    ackedSeq: Math.max(conversation.ackedSeq, frame.seq ?? 0),
    items: replace(conversation.items, (item) => item.id === frame.id && item.state === 'pending', { state: 'sent', seq: frame.seq }),
  };
}

function event(conversation, frame) {
  if (frame.seq <= conversation.lastSeq) return conversation;
  // A replay may have holes where retention erased events; a hole in live events is a lost frame.
  const expected = Math.max(conversation.lastSeq, conversation.headSeq, conversation.ackedSeq) + 1;
  if (frame.seq > expected) return { ...conversation, gap: true };
  const next = { ...conversation, lastSeq: frame.seq };
  if (frame.kind === 'message') return message(next, frame);
  if (frame.kind === 'consent_changed') return consentChanged(next, frame);
  if (frame.kind === 'closed') {
    return { ...next, ended: true, typing: false, items: insert(next.items, note(next, frame, 'closed', { reason: frame.reason })) };
  }
  return next;
}

function message(conversation, frame) {
  const own = frame.author === 'visitor';
  const known = (item) => item.kind === 'message' && (own ? item.id === frame.id : item.messageId === frame.message_id);
  const facts = {
    text: frame.text, seq: frame.seq, at: frame.at, state: own ? 'sent' : 'done',
    ...(own ? {} : { stopReason: frame.stop_reason, provider: frame.provider, citations: frame.citations, points: countPoints(frame.text) }),
  };
  const items = conversation.items.some(known)
    ? replace(conversation.items, known, facts)
    : insert(conversation.items, { kind: 'message', author: frame.author, id: frame.id, messageId: frame.message_id, ...facts });
  return { ...conversation, items, typing: own ? conversation.typing : false };
}

function consentChanged(conversation, frame) {
  const granted = new Set(conversation.you?.granted);
  for (const [purpose, decision] of Object.entries(frame.decisions ?? {})) {
    if (decision === 'granted') granted.add(purpose);
    else granted.delete(purpose);
  }
  // `ready` already told the state after everything up to its head: older events are history.
  const you = conversation.you && frame.seq > conversation.headSeq ? { ...conversation.you, granted: [...granted] } : conversation.you;
  const said = frame.decisions?.ai_answer === 'granted' ? 'granted' : 'denied';
  return { ...conversation, you, items: insert(conversation.items, note(conversation, frame, said, { at: frame.at, receipt: frame.receipt?.id, digest: frame.receipt?.digest })) };
}

/** A line of the record. Its key names the conversation too, because each one counts from 1. */
function note(conversation, frame, said, facts) {
  return { kind: 'note', note: said, key: `${conversation.conversationId}/${frame.seq}`, seq: frame.seq, ...facts };
}

function delta(conversation, frame) {
  if (conversation.gap) return conversation;
  const held = conversation.items.find((item) => item.messageId === frame.message_id);
  if (held && held.state !== 'streaming') return conversation;
  if ((held?.points ?? 0) !== frame.index) return { ...conversation, gap: true };
  return shown(conversation, frame.message_id, (held?.text ?? '') + frame.text);
}

function snapshot(conversation, frame) {
  return shown({ ...conversation, gap: false }, frame.message_id, frame.text);
}

function shown(conversation, messageId, text) {
  const facts = { text, points: countPoints(text), state: 'streaming' };
  const known = (item) => item.messageId === messageId;
  const items = conversation.items.some(known)
    ? replace(conversation.items, known, facts)
    : insert(conversation.items, { kind: 'message', author: 'assistant', messageId, ...facts });
  return { ...conversation, items, typing: false };
}

function done(conversation, frame) {
  const held = conversation.items.find((item) => item.messageId === frame.message_id);
  if (!held) {
    // An answer that failed before its first word has nothing to show but its reason.
    if (!frame.stop_reason || frame.stop_reason === 'complete') return { ...conversation, gap: frame.seq > conversation.lastSeq };
    return done(shown(conversation, frame.message_id, ''), frame);
  }
  if (held.state !== 'streaming') return conversation;
  const facts = { state: 'done', seq: frame.seq, at: frame.at, stopReason: frame.stop_reason, provider: frame.provider, citations: frame.citations };
  // The server keeps nothing of such an answer, so neither does the view.
  if (frame.stop_reason === 'consent_withdrawn') Object.assign(facts, { text: '', points: 0, citations: undefined });
  return {
    ...conversation,
    typing: false,
    // The event of the same number may still follow and is the durable text, so only count below it.
    ackedSeq: Math.max(conversation.ackedSeq, frame.seq ?? 0),
    items: replace(conversation.items, (item) => item === held, facts),
  };
}

function purge(conversation, frame) {
  if (frame.all) return { ...emptyConversation(), you: conversation.you, conversationId: conversation.conversationId, headSeq: conversation.headSeq, lastSeq: conversation.lastSeq };
  return {
    ...conversation,
    lastSeq: Math.max(conversation.lastSeq, frame.before_seq - 1),
    items: conversation.items.filter((item) => item.seq === undefined || item.seq >= frame.before_seq),
  };
}

function replace(items, matches, facts) {
  return items.map((item) => (matches(item) ? { ...item, ...facts } : item));
}

/** Recorded things come before what still waits to be sent. */
function insert(items, item) {
  let place = items.length;
  while (place > 0 && items[place - 1].state === 'pending') place -= 1;
  return [...items.slice(0, place), item, ...items.slice(place)];
}
