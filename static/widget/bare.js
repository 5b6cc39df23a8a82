// An object that has what it is given and nothing else. It stands apart because pages alter
// `Object.prototype`, and what we read, or hand to the browser, must not come from there.

/** @param {...object} parts @returns {any} */
export const bare = (...parts) => Object.assign(Object.create(null), ...parts);
