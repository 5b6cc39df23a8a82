// The loader: the one file a customer's page names. Until the visitor clicks there is no request,
// no cookie and nothing stored. It stands apart as the place where everything is joined, once.

import { Commands, pageSettings } from './commands.js';
import { defineElements } from './elements.js';

/** The page comes first: the button is made when the browser has nothing else to do. */
function whenIdle(act) {
  if (window.requestIdleCallback) requestIdleCallback(act, { timeout: 1_000 });
  else setTimeout(act);
}

function install() {
  const commands = new Commands();
  const waiting = [...(window.veetflow?.q ?? [])];
  let isStarted = false;
  const veetflow = (...call) => {
    if (isStarted) commands.run(...call);
    else waiting.push(call);
  };
  veetflow.isInstalled = true;
  window.veetflow = veetflow;
  window.$veetflow = Object.fromEntries(commands.names().map((name) => [name, (...values) => veetflow(name, ...values)]));
  const start = () => {
    defineElements(pageSettings);
    if (pageSettings().widget) commands.run('boot');
    isStarted = true;
    for (const call of waiting) commands.run(...call);
  };
  // An async script may run before the page has a body.
  if (document.body) whenIdle(start);
  else document.addEventListener('DOMContentLoaded', () => whenIdle(start), { once: true });
}

// Customers paste snippets twice; the second copy does nothing.
if (!window.veetflow?.isInstalled) install();
