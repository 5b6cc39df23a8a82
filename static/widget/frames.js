// Which texts are frames. It stands apart because everything behind it may then rely on the shapes:
// a frame that is not what the protocol says is dropped here, and a proxy's page is no frame.

const is = {
  text: (value) => typeof value === 'string',
  whole: (value) => Number.isSafeInteger(value) && value >= 0,
  thing: (value) => value !== null && typeof value === 'object' && !Array.isArray(value),
  citations: (value) => value === undefined || (Array.isArray(value) && value.every((one) => is.thing(one) && is.text(one.title))),
  words: (value) => value === undefined || (Array.isArray(value) && value.every(is.text)),
};

const shapes = {
  ready: (frame) => is.text(frame.conversation_id) && is.whole(frame.head_seq) && is.thing(frame.you)
    && (frame.you.consent === undefined || (is.thing(frame.you.consent) && is.words(frame.you.consent.granted) && is.words(frame.you.consent.needed))),
  ack: (frame) => is.text(frame.id) && is.whole(frame.seq),
  event: (frame) => is.whole(frame.seq) && is.text(frame.kind) && (!Object.hasOwn(events, frame.kind) || events[frame.kind](frame)),
  delta: (frame) => is.text(frame.message_id) && is.whole(frame.index) && is.text(frame.text),
  snapshot: (frame) => is.text(frame.message_id) && is.text(frame.text),
  done: (frame) => is.text(frame.message_id) && is.whole(frame.seq) && is.citations(frame.citations),
  typing: () => true,
  purge: (frame) => frame.all === true || is.whole(frame.before_seq),
  error: (frame) => is.text(frame.code),
};

const events = {
  message: (frame) => is.text(frame.author) && is.text(frame.text) && (is.text(frame.id) || is.text(frame.message_id)) && is.citations(frame.citations),
  consent_changed: (frame) => is.thing(frame.decisions),
};

/** @param {any} frame @returns {boolean} */
export const isFrame = (frame) => is.thing(frame) && Object.hasOwn(shapes, frame.type) && shapes[frame.type](frame);

/** @param {unknown} data what came over the socket @returns {any} the frame, or null */
export function readFrame(data) {
  if (typeof data !== 'string') return null;
  try {
    const frame = JSON.parse(data);
    return isFrame(frame) ? frame : null;
  } catch {
    return null;
  }
}

/** Whether an answer to the session request has what the chat goes by. @param {any} session */
export function isSession(session) {
  return is.thing(session) && is.text(session.visitor_token) && is.text(session.ticket) && is.text(session.socket)
    && is.thing(session.widget) && is.thing(session.policy) && is.text(session.policy.url) && is.text(session.policy.notice)
    && is.thing(session.retention) && is.thing(session.ai);
}
