// The loader: the one file a customer's page names. Until the visitor clicks there is no request,
// no cookie and nothing stored. It stands apart as the place where everything is joined, once.

import { Commands, pageSettings } from './commands.js';
import { defineElements } from './elements.js';

function install() {
  const commands = new Commands();
  const waiting = [...(window.veetflow?.q ?? [])];
  const veetflow = (...call) => commands.run(...call);
  veetflow.isInstalled = true;
  window.veetflow = veetflow;
  window.$veetflow = Object.fromEntries(commands.names().map((name) => [name, (...values) => commands.run(name, ...values)]));
  defineElements(pageSettings);
  const start = () => {
    if (pageSettings().widget) commands.run('boot');
    for (const call of waiting) commands.run(...call);
  };
  // An async script may run before the page has a body.
  if (document.body) start();
  else document.addEventListener('DOMContentLoaded', start, { once: true });
}

// Customers paste snippets twice; the second copy does nothing.
if (!window.veetflow?.isInstalled && !customElements.get('veetflow-widget')) install();
