// Which language the demo speaks, and how its question buttons reach the chat. It stands apart as a
// plain script in the head, because the language must be settled before the first paint.

(() => {
  // Calls made before the chat is there wait for it.
  window.veetflow = (...call) => window.veetflow.q.push(call);
  window.veetflow.q = [];
  const wish = new URLSearchParams(location.search).get('lang') ?? navigator.language;
  const locale = wish.toLowerCase().startsWith('zh') ? 'zh' : 'en';
  document.documentElement.lang = locale === 'zh' ? 'zh-CN' : 'en';
  if (locale === 'en') document.title = 'VeetFlow: AI support that asks first';

  document.addEventListener('DOMContentLoaded', () => {
    for (const choice of document.querySelectorAll('[data-language]')) {
      if (choice.dataset.language === locale) choice.setAttribute('aria-current', 'true');
    }
    for (const button of document.querySelectorAll('.questions button')) {
      button.addEventListener('click', () => {
        window.veetflow('send', button.textContent);
      });
    }
  });
})();
