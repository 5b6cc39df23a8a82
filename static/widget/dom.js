// How elements are made. It stands apart because every view file needs it, and because building
// nodes (never parsing markup) is what keeps text from the network from ever becoming markup.

const drawings = {
  close: ['M6 6l12 12', 'M18 6L6 18'],
  more: ['M5 12h.01', 'M12 12h.01', 'M19 12h.01'],
  send: ['M12 19V5.5', 'M6 11l6-6 6 6'],
  stop: ['M8 8h8v8H8z'],
  lock: ['M7 11V8a5 5 0 0 1 10 0v3', 'M5.5 11h13v9h-13z'],
  copy: ['M9 9h10v10H9z', 'M5 15V5h10'],
  again: ['M19 12a7 7 0 1 1-2.2-5.1', 'M19 4v4h-4'],
  mark: ['M3.5 8.5c2.8 10 5.6 12 8.5 4s5.7-6 8.5 0'],
};

/**
 * @param {string} tag
 * @param {Record<string, unknown>} [attributes] a function value becomes a listener (`onclick`)
 * @param {...(Node|string|null|false|undefined)} children
 * @returns {any} an element of that tag
 */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') node.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else if (value === true) node.setAttribute(name, '');
    else if (value !== false && value != null) node.setAttribute(name, String(value));
  }
  for (const child of children) if (child !== null && child !== false && child !== undefined) node.append(child);
  return node;
}

/** @param {keyof typeof drawings} name */
export function icon(name) {
  const space = 'http://www.w3.org/2000/svg';
  const picture = document.createElementNS(space, 'svg');
  picture.setAttribute('viewBox', '0 0 24 24');
  picture.setAttribute('aria-hidden', 'true');
  picture.setAttribute('class', `icon icon-${name}`);
  for (const line of drawings[name]) {
    const path = document.createElementNS(space, 'path');
    path.setAttribute('d', line);
    picture.append(path);
  }
  return picture;
}

/**
 * The address a link may carry, or null when it must stay plain text. Relative addresses belong
 * to the chat server, not to the page the widget happens to be embedded in.
 * @param {string} address
 * @param {string} base
 */
export function safeAddress(address, base) {
  // A source without an address is named, and leads nowhere: an empty one would lead to the page itself.
  if (!address) return null;
  try {
    const resolved = new URL(address, base);
    return ['http:', 'https:', 'mailto:'].includes(resolved.protocol) ? resolved.href : null;
  } catch {
    return null;
  }
}

/** Links leave the page in a new tab, so that the conversation stays where it is. */
export function link(address, base, attributes, ...children) {
  const href = safeAddress(address, base);
  if (!href) return element('span', {}, ...children);
  return element('a', { ...attributes, href, target: '_blank', rel: 'noopener noreferrer' }, ...children);
}

/** An id even where `crypto.randomUUID` is missing, as on plain http addresses. */
export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
