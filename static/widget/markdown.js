// Turns the little Markdown that answers use into nodes. It stands apart because it decides what
// an answer may look like: paragraphs, lists, bold, code and safe links, and nothing else.

import { element, link } from './dom.js';

const inlinePattern = /`([^`\n]{1,2000})`|\*\*(.{1,2000}?)\*\*|\[([^\[\]\n]{1,300})\]\(([^()\s]{1,2000})\)|(https?:\/\/[^\s<>()"'，。；、）」]{1,2000}[^\s<>()"'，。；、）」.,;:!?])/g;
// Marks that turn the order of letters round let a link look like another one.
const overrides = /[\u202d\u202e]/g;
const bulletPattern = /^\s*[-*•]\s+(.*)$/;
const numberPattern = /^\s*(\d{1,4})[.)、]\s+(.*)$/;

/** @param {string} text @param {string} base @returns {(Node|string)[]} */
function inline(text, base) {
  const nodes = [];
  let from = 0;
  for (const match of text.matchAll(inlinePattern)) {
    const [whole, code, bold, label, address, bare] = match;
    if (match.index > from) nodes.push(text.slice(from, match.index));
    if (code) nodes.push(element('code', {}, code));
    else if (bold) nodes.push(element('strong', {}, ...inline(bold, base)));
    else nodes.push(link(address ?? bare, base, {}, label ?? bare));
    from = match.index + whole.length;
  }
  if (from < text.length) nodes.push(text.slice(from));
  return nodes;
}

/** Single line breaks inside a paragraph are kept: answers use them on purpose. */
function paragraph(lines, base) {
  const block = element('p');
  lines.forEach((line, position) => {
    if (position > 0) block.append(element('br'));
    const heading = /^#{1,6}\s+(.*)$/.exec(line);
    block.append(...(heading ? [element('strong', {}, ...inline(heading[1], base))] : inline(line, base)));
  });
  return block;
}

function list(lines, base) {
  const first = numberPattern.exec(lines[0]);
  const block = first ? element('ol', { start: first[1] }) : element('ul');
  for (const line of lines) {
    const text = bulletPattern.exec(line)?.[1] ?? numberPattern.exec(line)?.[2] ?? line;
    block.append(element('li', {}, ...inline(text, base)));
  }
  return block;
}

function kindOf(line) {
  if (bulletPattern.test(line)) return 'bullets';
  if (numberPattern.test(line)) return 'numbers';
  return line.trim() ? 'words' : 'blank';
}

const longestTail = 600;

/** Half-written marks at the end of a growing answer must not flicker as raw signs. */
export function settled(text) {
  return text.slice(0, -longestTail) + settledTail(text.slice(-longestTail));
}

function settledTail(text) {
  const shown = text.replace(/\[([^\[\]\n]*)(\]?|\]\([^)\s]*)$/, '$1').replace(/[*`]+$/, '');
  const lastLine = shown.slice(shown.lastIndexOf('\n') + 1);
  return lastLine.split('**').length % 2 ? shown : `${shown}**`;
}

/** @param {string} text @param {string} base where relative links lead */
export function markdown(text, base) {
  const blocks = [];
  const lines = text.replace(/\r\n?/g, '\n').replace(overrides, '').split('\n');
  let position = 0;
  while (position < lines.length) {
    if (lines[position].startsWith('```')) {
      // An unfinished fence is normal while an answer streams: it runs to the end for now.
      const closing = lines.findIndex((line, at) => at > position && line.startsWith('```'));
      const end = closing < 0 ? lines.length : closing;
      blocks.push(element('pre', { tabindex: 0 }, element('code', {}, lines.slice(position + 1, end).join('\n'))));
      position = end + 1;
      continue;
    }
    const kind = kindOf(lines[position]);
    const start = position;
    while (position < lines.length && kindOf(lines[position]) === kind && !lines[position].startsWith('```')) position += 1;
    const run = lines.slice(start, position);
    if (kind === 'words') blocks.push(paragraph(run, base));
    else if (kind !== 'blank') blocks.push(list(run, base));
  }
  return blocks;
}
