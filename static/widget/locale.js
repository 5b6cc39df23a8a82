// Which of our languages suits a wish. It stands apart because loader and chat must agree on it.

/** The languages the widget speaks. */
export const tongues = ['zh-Hans', 'zh-Hant', 'en', 'ja', 'es', 'fr', 'de', 'ar'];

/** @param {unknown} wish a BCP 47 tag @returns {string|null} */
export function tongueOf(wish) {
  const parts = String(wish ?? '').toLowerCase().split(/[-_]/);
  if (parts[0] === 'zh') return parts.some((part) => ['hant', 'tw', 'hk', 'mo'].includes(part)) ? 'zh-Hant' : 'zh-Hans';
  return tongues.includes(parts[0]) ? parts[0] : null;
}

/**
 * "page" follows `<html lang>`; "auto" and nothing follow the browser; a tag names a language.
 * @param {unknown} wish @returns {string}
 */
export function chooseTongue(wish) {
  const named = wish === 'page' ? document.documentElement.lang : wish;
  const wishes = [named, ...(navigator.languages ?? []), navigator.language];
  for (const tag of wishes) {
    const tongue = tongueOf(tag);
    if (tongue) return tongue;
  }
  return 'en';
}

/** @param {string} tongue */
export const directionOf = (tongue) => (tongue === 'ar' ? 'rtl' : 'ltr');
