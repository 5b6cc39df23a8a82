// Chatwoot's snippet, answered by VeetFlow: a site that changes only its BASE_URL keeps its calls
// and its events. It stands apart, like its neighbours, because it is another vendor's contract.

(() => {
  const flow = (...call) => window.veetflow(...call);
  const given = window.chatwootSettings ?? {};
  const relayed = {
    ready: 'ready', opened: 'opened', closed: 'closed', error: 'error',
    message: 'on-message', 'conversation-started': 'on-start-conversation',
  };

  function run({ websiteToken, baseUrl }) {
    if (window.$chatwoot) return;
    const chatwoot = {
      baseUrl, websiteToken, hasLoaded: false, isOpen: false,
      toggle: (state) => flow({ open: 'open', close: 'close' }[state] ?? 'toggle'),
      toggleBubbleVisibility: (state) => flow('update', { hideLauncher: state === 'hide' }),
      popoutChatWindow: () => window.open(`${baseUrl}/chat/${websiteToken}`, '_blank', 'noopener'),
      setUser: (id, user) => flow('identify', id, user),
      setLocale: (locale) => flow('setLocale', locale),
      setColorScheme: (scheme) => flow('setColorScheme', scheme),
      setLabel: (label) => flow('setLabel', label),
      removeLabel: (label) => flow('removeLabel', label),
      reset: () => flow('reset'),
    };
    for (const name of ['setCustomAttributes', 'deleteCustomAttribute', 'setConversationCustomAttributes', 'deleteConversationCustomAttribute']) {
      chatwoot[name] = (values) => flow('setAttributes', values);
    }
    window.$chatwoot = chatwoot;
    window.addEventListener('veetflow:ready', () => { chatwoot.hasLoaded = true; });
    window.addEventListener('veetflow:opened', () => { chatwoot.isOpen = true; });
    window.addEventListener('veetflow:closed', () => { chatwoot.isOpen = false; });
    for (const [ours, theirs] of Object.entries(relayed)) {
      window.addEventListener(`veetflow:${ours}`, ({ detail }) => window.dispatchEvent(new CustomEvent(`chatwoot:${theirs}`, { detail })));
    }
    window.veetflowSettings = {
      widget: websiteToken, position: given.position, hideLauncher: given.hideMessageBubble, colorScheme: given.darkMode,
      locale: given.useBrowserLanguage ? 'auto' : given.locale ?? 'auto',
    };
    if (!window.veetflow) {
      window.veetflow = (...call) => window.veetflow.q.push(call);
      window.veetflow.q = [];
    }
    const script = document.createElement('script');
    script.src = `${baseUrl}/v1/widget.js`;
    document.head.append(script);
  }

  window.chatwootSDK ??= { run };
})();
