// Where the rest of the widget is: here, beside the loader, as it stands in the source tree. A
// release puts release/place.js in this file's place; that is why it is so small and stands apart.

/** The script element that brought us, where there is one. */
export const ownScript = document.querySelector('script[data-widget]');

/** The chat server. */
export const home = new URL(import.meta.url).origin;

/** Everything a page pays for only after a click. @returns {Promise<typeof import('./panel.js')>} */
export const loadPanel = () => import('./panel.js');
