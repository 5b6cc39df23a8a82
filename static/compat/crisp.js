// Crisp's snippet, answered by VeetFlow: `$crisp.push([verb, name, values])`.

(() => {
  if (window.$crisp?.is) return;
  const flow = (...call) => window.veetflow(...call);
  const home = new URL(document.currentScript.src).origin;
  const state = { isOpen: false, isVisible: true, unread: 0 };
  const events = {
    'session:loaded': 'ready', 'chat:opened': 'opened', 'chat:closed': 'closed', 'chat:initiated': 'opened',
    'message:sent': 'message', 'message:received': 'message',
  };
  const heard = new Map();

  const verbs = {
    'do chat:open': () => flow('open'),
    'do chat:close': () => flow('close'),
    'do chat:toggle': () => flow('toggle'),
    'do chat:show': () => show(true),
    'do chat:hide': () => show(false),
    'do message:send': ([, text]) => flow('send', text),
    'do session:reset': () => flow('reset'),
    'set message:text': ([text]) => flow('prefill', text),
    'set user:email': (values) => flow('identify', ...values),
    'set session:data': (values) => flow('setAttributes', ...values),
    'config color:theme': ([color]) => flow('update', { color }),
    'config position:reverse': ([isLeft]) => flow('update', { position: isLeft ? 'left' : 'right' }),
    'config container:index': ([zIndex]) => flow('update', { zIndex }),
  };

  function show(isVisible) {
    state.isVisible = isVisible;
    flow(isVisible ? 'show' : 'hide');
  }

  function listen(verb, name, listener) {
    if (verb === 'off') return (heard.get(name) ?? []).forEach((one) => flow('off', events[name], one));
    const wanted = { 'message:sent': 'visitor', 'message:received': 'assistant' }[name];
    const relay = (detail) => (!wanted || detail.author === wanted) && listener(detail);
    heard.set(name, [...(heard.get(name) ?? []), relay]);
    return flow('on', events[name], relay);
  }

  function push(...calls) {
    for (const [verb, name, values = []] of calls) {
      if ((verb === 'on' || verb === 'off') && events[name]) listen(verb, name, values);
      else verbs[`${verb} ${name}`]?.(values);
    }
  }

  window.veetflowSettings = { widget: window.CRISP_WEBSITE_ID, locale: window.CRISP_RUNTIME_CONFIG?.locale ?? 'auto' };
  if (!window.veetflow) {
    window.veetflow = (...call) => window.veetflow.q.push(call);
    window.veetflow.q = [];
  }
  window.addEventListener('veetflow:opened', () => { state.isOpen = true; });
  window.addEventListener('veetflow:closed', () => { state.isOpen = false; });
  window.addEventListener('veetflow:unread', ({ detail }) => { state.unread = detail.count; });
  const waiting = window.$crisp ?? [];
  window.$crisp = {
    push,
    is: (name) => ({ 'chat:opened': state.isOpen, 'chat:closed': !state.isOpen, 'chat:visible': state.isVisible })[name] ?? false,
    get: (name) => (name === 'chat:unread:count' ? state.unread : null),
  };
  push(...waiting);
  const script = document.createElement('script');
  script.src = `${home}/v1/widget.js`;
  document.head.append(script);
})();
