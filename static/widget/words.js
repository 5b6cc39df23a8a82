// How a sentence is chosen and filled in. It stands apart from the sentences, so that each language
// is one file that can be corrected, and is fetched, on its own.

/**
 * @typedef {typeof import('./words-en.js').default} Words
 * @typedef {(name: string, values?: Record<string, string|number>) => string} Translate
 */

/** @param {string} tongue @returns {Promise<{words: Words, tongue: string}>} */
export async function loadWords(tongue) {
  return { words: (await import(`./words-${tongue}.js`)).default, tongue };
}

const isolate = (text) => `\u2068${text}\u2069`;

/** A sentence with forms is chosen by the plural rules of its language. @returns {Translate} */
export function translator(words, tongue) {
  const plurals = new Intl.PluralRules(tongue);
  const numbers = new Intl.NumberFormat(tongue);
  return (name, values = {}) => {
    const found = Object.hasOwn(words, name) ? words[name] : '';
    const sentence = typeof found === 'object' ? found[plurals.select(Number(values.count))] ?? found.other : found;
    return sentence.replace(/\{(\w+)\}/g, (_, key) => {
      const value = values[key] ?? '';
      // Words of another direction, such as the server's English ones, must not mix with the sentence round them.
      return typeof value === 'number' ? numbers.format(value) : isolate(value);
    });
  };
}
