// Intercom's snippet, answered by VeetFlow: `Intercom('boot', {app_id})` and its neighbours.

(() => {
  if (window.Intercom?.booted) return;
  const flow = (...call) => window.veetflow(...call);
  const home = new URL(document.currentScript.src).origin;
  const waiting = window.Intercom?.q ?? [];

  const settings = (given = {}) => ({
    widget: given.app_id,
    locale: given.language_override ?? 'auto',
    position: given.alignment,
    color: given.action_color ?? given.background_color,
    hideLauncher: given.hide_default_launcher,
    launcher: given.custom_launcher_selector,
    offset: given.horizontal_padding,
  });

  const who = ({ user_id: id, email, name, user_hash: hash } = {}) => {
    if (id || email) flow('identify', id ?? email, { email, name, identifier_hash: hash });
  };

  const commands = {
    boot: (given) => { flow('boot', settings({ ...window.intercomSettings, ...given })); who(given); },
    update: (given) => { flow('update', settings(given)); who(given); },
    shutdown: () => flow('shutdown'),
    show: () => flow('open'),
    hide: () => flow('close'),
    showMessages: () => flow('open'),
    showSpace: () => flow('open'),
    showNewMessage: (text) => (text ? flow('prefill', text) : flow('open')),
    startConversation: (text) => flow('send', text),
    trackEvent: (name, data) => flow('track', name, data),
    onShow: (listener) => flow('on', 'opened', listener),
    onHide: (listener) => flow('on', 'closed', listener),
    onUnreadCountChange: (listener) => flow('on', 'unread', ({ count }) => listener(count)),
    getVisitorId: () => undefined,
  };

  if (!window.veetflow) {
    window.veetflow = (...call) => window.veetflow.q.push(call);
    window.veetflow.q = [];
  }
  window.Intercom = (name, ...values) => commands[name]?.(...values);
  window.Intercom.booted = true;
  window.veetflowSettings = settings(window.intercomSettings);
  for (const call of waiting) window.Intercom(...call);
  const script = document.createElement('script');
  script.src = `${home}/v1/widget.js`;
  document.head.append(script);
})();
