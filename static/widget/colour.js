// Colours that a customer chose, made readable. It stands apart because it is arithmetic: contrast
// as WCAG 2.2 defines it, and the nearest shade that has enough of it.

const channels = (hex) => [1, 3, 5].map((from) => parseInt(hex.slice(from, from + 2), 16));
const toHex = (values) => `#${values.map((value) => Math.round(value).toString(16).padStart(2, '0')).join('')}`;

function luminance(hex) {
  const [red, green, blue] = channels(hex).map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** @returns {number} from 1 to 21 */
export function contrast(one, other) {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

/** The shade of `hex` nearest to it that can be read on every one of `grounds`. */
export function readable(hex, grounds, towards) {
  for (let step = 0; step <= 20; step += 1) {
    const mixed = toHex(channels(hex).map((value, at) => value + (channels(towards)[at] - value) * (step / 20)));
    if (grounds.every((ground) => contrast(mixed, ground) >= 4.5)) return mixed;
  }
  return towards;
}

/** Custom properties for one chosen colour; none for the widget's own. @param {unknown} hex @returns {[string, string][]} */
export function palette(hex) {
  if (typeof hex !== 'string') return [];
  const onFill = contrast(hex, '#ffffff') >= 4.5 ? '#ffffff' : '#14211d';
  const fill = contrast(hex, onFill) >= 4.5 ? hex : readable(hex, [onFill], '#ffffff');
  const [light, dark] = [readable(hex, ['#ffffff', '#f1f5f2'], '#000000'), readable(hex, ['#141b19', '#202a27'], '#ffffff')];
  return [['--vf-fill', fill], ['--vf-fill-strong', fill], ['--vf-on-fill', onFill], ['--vf-link', `light-dark(${light}, ${dark})`]];
}
