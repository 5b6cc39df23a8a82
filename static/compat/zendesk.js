// Zendesk's snippet, answered by VeetFlow: `zE('messenger', 'open')`. Its address names the widget
// as `?key=wgt_…`.

(() => {
  if (window.zE?.booted) return;
  const flow = (...call) => window.veetflow(...call);
  const own = new URL(document.currentScript.src);
  const waiting = window.zE?._ ?? window.zE?.q ?? [];

  const messenger = {
    open: () => flow('open'),
    close: () => flow('close'),
    show: () => flow('show'),
    hide: () => flow('hide'),
    loginUser: (provide) => flow('loginUser', provide),
    logoutUser: () => flow('logoutUser'),
  };
  const setters = {
    locale: (locale) => flow('setLocale', locale),
    zIndex: (zIndex) => flow('update', { zIndex }),
    cookies: (isAllowed) => flow('update', { cookieless: !isAllowed }),
  };
  const events = { open: 'opened', close: 'closed' };

  function on(name, listener) {
    if (name === 'unreadMessages') flow('on', 'unread', ({ count }) => listener(count));
    else if (events[name]) flow('on', events[name], () => listener());
  }

  function zE(room, name, ...values) {
    // Before the chat is there, `zE(function)` means: as soon as it is.
    if (typeof room === 'function') return room();
    if (room === 'messenger:on') return on(name, ...values);
    if (room === 'messenger:set') return setters[name]?.(...values);
    return messenger[name]?.(...values);
  }

  if (!window.veetflow) {
    window.veetflow = (...call) => window.veetflow.q.push(call);
    window.veetflow.q = [];
  }
  zE.booted = true;
  window.zE = zE;
  window.veetflowSettings = { widget: own.searchParams.get('key'), locale: window.zESettings?.webWidget?.locale ?? 'auto' };
  for (const call of waiting) zE(...call);
  const script = document.createElement('script');
  script.src = `${own.origin}/v1/widget.js`;
  document.head.append(script);
})();
