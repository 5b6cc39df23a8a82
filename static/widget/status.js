// Which single sentence the status line shows. It stands apart because several things can be wrong
// at once, and only the one the visitor can do something about should be said.

/**
 * @param {import('./chat.js').Chat} chat
 * @param {import('./words.js').Translate} t
 * @returns {{text: string, tone: 'calm'|'alert'|'notice', remedy?: 'continueHere'|'retry'}}
 */
export function statusOf(chat, t) {
  const { link, refusal } = chat.connection;
  const waiting = chat.conversation.items.some((item) => item.state === 'pending');
  if (chat.restricted) return { text: t('restricted', { age: chat.session?.min_age ?? 16 }), tone: 'notice' };
  if (link === 'elsewhere') return { text: t('elsewhere'), tone: 'calm', remedy: 'continueHere' };
  if (link === 'refused') return { text: refusal?.title || t('refused'), tone: 'alert', remedy: 'retry' };
  if (link === 'waiting') return { text: t(waiting ? 'offline' : 'offlineIdle'), tone: 'alert' };
  if (chat.problem) return problem(chat.problem, t);
  if (link === 'connecting') return { text: t('connecting'), tone: 'calm' };
  return { text: '', tone: 'calm' };
}

/** @param {import('./chat.js').Problem} problem @param {import('./words.js').Translate} t @returns {{text: string, tone: 'calm'|'alert'}} */
function problem({ name = 'problem', text }, t) {
  return { text: text ?? t(name), tone: name === 'declined' ? 'calm' : 'alert' };
}
