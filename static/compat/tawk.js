// tawk.to's snippet, answered by VeetFlow: `Tawk_API.maximize()` and its callbacks. Its address
// names the widget as its last part.

(() => {
  const api = (window.Tawk_API ??= {});
  if (api.isVeetflow) return;
  const flow = (...call) => window.veetflow(...call);
  const own = new URL(document.currentScript.src);
  const widget = own.pathname.split('/').find((part) => part.startsWith('wgt_'));
  const state = { isOpen: false, isShown: true, isOngoing: false };

  const show = (isShown) => {
    state.isShown = isShown;
    flow(isShown ? 'show' : 'hide');
  };

  Object.assign(api, {
    isVeetflow: true,
    maximize: () => flow('open'),
    minimize: () => flow('close'),
    toggle: () => flow('toggle'),
    popup: () => window.open(`${own.origin}/chat/${widget}`, '_blank', 'noopener'),
    showWidget: () => show(true),
    hideWidget: () => show(false),
    toggleVisibility: () => show(!state.isShown),
    start: () => flow('boot', { widget }),
    shutdown: () => flow('shutdown'),
    endChat: () => flow('close'),
    setAttributes: (values) => flow('setAttributes', values),
    addEvent: (name, values) => flow('track', name, values),
    addTags: (tags) => tags.forEach((tag) => flow('setLabel', tag)),
    removeTags: (tags) => tags.forEach((tag) => flow('removeLabel', tag)),
    isChatMaximized: () => state.isOpen,
    isChatMinimized: () => !state.isOpen,
    isChatHidden: () => !state.isShown,
    isChatOngoing: () => state.isOngoing,
  });

  const happened = {
    ready: () => api.onLoad?.(),
    opened: () => { state.isOpen = true; api.onChatMaximized?.(); },
    closed: () => { state.isOpen = false; api.onChatMinimized?.(); },
    unread: ({ count }) => api.onUnreadCountChanged?.(count),
    message: ({ author }) => api[author === 'visitor' ? 'onChatMessageVisitor' : 'onChatMessageAgent']?.(),
    'conversation-started': () => { state.isOngoing = true; api.onChatStarted?.(); },
  };
  for (const [name, tell] of Object.entries(happened)) window.addEventListener(`veetflow:${name}`, ({ detail }) => tell(detail));

  api.onBeforeLoad?.();
  if (!window.veetflow) {
    window.veetflow = (...call) => window.veetflow.q.push(call);
    window.veetflow.q = [];
  }
  window.veetflowSettings = api.autoStart === false ? {} : { widget, locale: 'auto' };
  const script = document.createElement('script');
  script.src = `${own.origin}/v1/widget.js`;
  document.head.append(script);
})();
