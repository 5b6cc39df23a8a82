// The language of the hosted page. It stands apart as a plain script in the head, so that the page
// is announced in the right language from the start.

(() => {
  const wish = new URLSearchParams(location.search).get('lang') ?? navigator.language;
  if (/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/.test(wish)) document.documentElement.lang = wish;
  window.veetflowSettings = { locale: 'page' };
})();
