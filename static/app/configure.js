// The configurator: the form's answers dress the widget on this very page and become code. It
// stands apart from the widget, which knows nothing of it: all it uses is the public interface.

const form = document.querySelector('#choices');
const said = document.querySelector('#said');
const demo = 'wgt_00000000000070008000000000000001';
const usual = { color: '#0a6a55', colorScheme: 'auto', offset: '24', locale: 'auto' };

form.elements.widget.value = new URLSearchParams(location.search).get('widget') ?? demo;

/** What differs from the widget's own ways. */
function chosen() {
  const settings = {};
  for (const [name, value] of new FormData(form)) {
    if (value === '' || value === usual[name]) continue;
    settings[name] = name === 'offset' ? Number(value) : name === 'cookieless' ? true : value;
  }
  return settings;
}

const escaped = (text) => String(text).replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
const attribute = ([name, value]) => `data-${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}="${escaped(value)}"`;

function code(settings, release) {
  const attributes = Object.entries(settings).map(attribute).join(' ');
  const json = JSON.stringify(settings).replaceAll('<', '\\u003c');
  return {
    attributes: `<script async src="${location.origin}/v1/widget.js" ${attributes}></script>`,
    pinned: release
      ? `<script async src="${location.origin}${release.path}" integrity="${release.integrity}" crossorigin="anonymous" ${attributes}></script>`
      : '',
    stub: [
      '<script>',
      `  window.veetflowSettings = ${json};`,
      '  window.veetflow = window.veetflow || function () { (veetflow.q = veetflow.q || []).push(arguments); };',
      '</script>',
      `<script async src="${location.origin}/v1/widget.js"></script>`,
    ].join('\n'),
  };
}

async function findRelease() {
  const answer = await fetch('/v1/widget.json');
  const { files } = await answer.json();
  return files.find((file) => /^\/widget\/[0-9a-f]{16}\/widget\.js$/.test(file.path));
}

let release = null;
let shownWidget = '';

function show() {
  const settings = chosen();
  for (const [name, text] of Object.entries(code(settings, release))) document.querySelector(`#${name}`).textContent = text;
  if (!form.elements.widget.checkValidity()) return;
  if (shownWidget && shownWidget !== settings.widget) window.veetflow('shutdown');
  const all = { position: document.documentElement.dir === 'rtl' ? 'left' : 'right', ...usual, offset: 24, greeting: '', greetingMore: '', ...settings };
  for (const name of ['greeting', 'greetingMore']) if (!all[name]) delete all[name];
  window.veetflow(shownWidget === settings.widget ? 'update' : 'boot', all);
  shownWidget = settings.widget;
}

for (const button of document.querySelectorAll('[data-copy]')) {
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(document.querySelector(`#${button.dataset.copy}`).textContent);
      said.textContent = '已复制 Copied';
    } catch {
      said.textContent = '浏览器不允许复制，请手动选择 The browser does not allow it; please select the text';
    }
  });
}

const onServer = { color: 'color', colorScheme: 'color_scheme', position: 'position', greeting: 'greeting', greetingMore: 'greeting_more' };
const [key, paused] = [document.querySelector('#key'), document.querySelector('#paused')];

/** The key is sent with this one call and kept nowhere. */
async function call(method, path, body) {
  const headers = { authorization: `Bearer ${key.value.trim()}`, 'content-type': 'application/json' };
  const answer = await fetch(`/v1/tenant/${path}`, { method, headers, body: body && JSON.stringify(body) });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.title ?? String(answer.status));
  return said;
}

async function load() {
  const { widgets } = await call('GET', 'widgets');
  const found = widgets.find(({ id }) => id === form.elements.widget.value) ?? widgets[0];
  if (!found) throw new Error('没有 widget There is no widget');
  form.elements.widget.value = found.id;
  for (const [name, theirs] of Object.entries(onServer)) form.elements[name].value = found.settings[theirs] ?? usual[name] ?? '';
  paused.checked = Boolean(found.settings.paused);
  show();
}

async function save() {
  const settings = chosen();
  const kept = { paused: paused.checked };
  for (const [name, theirs] of Object.entries(onServer)) if (settings[name] !== undefined) kept[theirs] = settings[name];
  await call('PUT', `widgets/${form.elements.widget.value}/settings`, kept);
}

for (const [name, act] of Object.entries({ load, save })) {
  document.querySelector(`#${name}`).addEventListener('click', async () => {
    try {
      await act();
      said.textContent = '好了 Done';
    } catch (fault) {
      said.textContent = fault.message;
    }
  });
}

window.veetflow = (...values) => window.veetflow.q.push(values);
window.veetflow.q = [];
const script = document.createElement('script');
script.src = '/v1/widget.js';
document.head.append(script);
form.addEventListener('input', show);
form.addEventListener('submit', (event) => event.preventDefault());
show();
release = await findRelease().catch(() => null);
show();
