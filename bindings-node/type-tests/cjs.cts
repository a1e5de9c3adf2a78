// The same package through require.

import tallylight = require('tallylight');

const client: tallylight.Tallylight = tallylight.init();
client.operation('a').record(1);
// @ts-expect-error a duration is a number
client.operation('a').record('1');
