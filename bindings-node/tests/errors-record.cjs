// Writes each event that this process hands to the core into a file, at once.

const { appendFileSync } = require('node:fs');

const { native } = globalThis[Symbol.for('tallylight.1')].addon;
const { captureItem } = native;
native.captureItem = (category, id, payload, ...rest) => {
  appendFileSync(process.env.TALLYLIGHT_TEST_EVENTS, `${payload}\n`);
  return captureItem(category, id, payload, ...rest);
};
