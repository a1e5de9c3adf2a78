// One of the isolates beside the main thread. It has its own contenders and answers one run at a time.
import { parentPort, workerData } from 'node:worker_threads';

import { contenders } from './contenders.mjs';
import { run } from './rounds.mjs';

const { ready, secret } = workerData;
const list = await contenders(secret);

parentPort.on('message', async ({ index, reads, isolates }) => {
  parentPort.postMessage(await run(list[index], reads, ready, isolates));
});
parentPort.postMessage('loaded');
