// What a page may ask for, and what becomes of nonsense: it is left out. It stands apart because
// everything in here was written by somebody else, with or without mistakes.

import { bare } from './bare.js';

/** @typedef {Record<string, any>} Settings by name; every value was checked */

const oneOf = (...words) => (value) => (words.includes(value) ? value : undefined);
const text = (longest) => (value) => (typeof value === 'string' && value.length <= longest ? value : undefined);
const truth = (value) => (value === true || value === '' || value === 'true' ? true : value === false || value === 'false' ? false : undefined);
const whole = (value) => (Number.isSafeInteger(Number(value)) && value !== '' ? Number(value) : undefined);
const matching = (pattern) => (value) => (pattern.test(String(value)) ? String(value) : undefined);

const readers = {
  widget: matching(/^wgt_[0-9a-f]{32}$/),
  locale: text(35),
  position: oneOf('left', 'right'),
  colorScheme: oneOf('auto', 'light', 'dark'),
  color: matching(/^#[0-9a-f]{6}$/i),
  zIndex: whole,
  offset: whole,
  hideLauncher: truth,
  launcher: text(200),
  greeting: text(300),
  greetingMore: text(600),
  cookieless: truth,
  mode: oneOf('inline', 'full'),
};

/** Only what is known, well formed and the object's own: a page may have altered `Object.prototype`. @returns {Settings} */
export function readSettings(given) {
  const kept = bare();
  if (given === null || typeof given !== 'object') return kept;
  for (const name of Object.keys(readers)) {
    if (!Object.hasOwn(given, name) || given[name] == null) continue;
    const value = readers[name](given[name]);
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}

/** `data-color-scheme="dark"` says the same as `{colorScheme: 'dark'}`. @param {Element|null} node @param {string} prefix */
export function readAttributes(node, prefix) {
  const given = {};
  for (const name of Object.keys(readers)) {
    const attribute = prefix + name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    if (node?.hasAttribute(attribute)) given[name] = node.getAttribute(attribute);
  }
  return readSettings(given);
}
