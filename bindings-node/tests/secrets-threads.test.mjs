// One cache for all threads; a worker may end at any time; an idle process ends by itself.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { create, program, skip, transcript } from './servers.mjs';
import { run } from './support.mjs';

const WORKERS = `
  import { once } from 'node:events';
  import { worker } from './tests/support.mjs';
  const say = async (helper, message) => { helper.postMessage(message); return (await once(helper, 'message'))[0]; };
  const PEEKER = \`
    parentPort.on('message', async (name) => {
      try { parentPort.postMessage([t.peek(name)?.reveal(), (await t.getSecret(name)).reveal()]); } catch (error) { parentPort.postMessage([t.peek(name)?.reveal(), error.code, error.constructor.name]); }
    });\`;`;

test('workers share the cache: one call, and each change is seen by all', { skip }, async () => {
  for (const env of [{}, { TALLYLIGHT_NO_EXTERNAL_BUFFERS: '1' }]) {
    const out = await program(
      `${WORKERS}
      t.init();
      await t.getSecret(NAME);
      const helpers = Array.from({ length: 4 }, () => worker(PEEKER));
      const all = async () => [...new Set((await Promise.all(helpers.map((one) => say(one, NAME)))).map(String))];
      const seen = [await all(), await all()];
      t.setSecretOverride(NAME, 'mine');
      seen.push(await all());
      t.clearSecretOverride(NAME);
      await rotate(NAME, 'new');
      await t.refreshSecret(NAME);
      seen.push(await all(), await calls());
      t.shutdown();
      seen.push(await all());
      await Promise.all(helpers.map((one) => one.terminate()));
      answer(seen);`,
      { NAME: await create('old'), env },
    );
    assert.deepEqual(out, [['old,old'], ['old,old'], ['mine,mine'], ['new,new'], 2, [',closed,ClosedError']]);
  }
});

test('1,000 first readers on four threads are one call', { skip }, async () => {
  const out = await program(
    `${WORKERS}
    t.init();
    const helpers = Array.from({ length: 4 }, () => worker(\`
      parentPort.on('message', async (name) => {
        const all = await Promise.all(Array.from({ length: 250 }, () => t.getSecret(name)));
        parentPort.postMessage(all.every((one) => one.reveal() === 'shared') ? all.length : -1);
      });
      parentPort.postMessage('ready');\`));
    await Promise.all(helpers.map((one) => once(one, 'message')));
    const answers = await Promise.all(helpers.map((one) => say(one, NAME)));
    await Promise.all(helpers.map((one) => one.terminate()));
    answer([answers, await calls()]);`,
    { NAME: await create('shared') },
  );
  assert.deepEqual(out, [[250, 250, 250, 250], 1]);
});

test('a worker that is terminated while it waits harms nobody', { skip }, async () => {
  const out = await program(
    `${WORKERS}
    t.init({ secrets: { attemptTimeout: 400, deadline: 2000 } });
    await t.getSecret(NAME);
    await mode({ mode: 'hang' });
    for (let round = 0; round < 6; round++) {
      const helper = worker(\`
        const changes = t.onSecretChange();
        changes.next();
        for (let i = 0; i < 100; i++) t.getSecret(workerData + '-' + (i % 10), { deadline: 50 + i * 5 }).catch(() => {});
        t.prefetchSecrets([workerData, workerData + '-p']).catch(() => {});
        t.both(workerData + '-b').catch(() => {});
        t.withSecret(workerData + '-w', () => {}).catch(() => {});
        parentPort.postMessage('waits');\`, NAME + round);
      await once(helper, 'message');
      await sleep(round * 60);
      await helper.terminate();
    }
    // What they waited for is answered, to nobody.
    await sleep(1500);
    await mode();
    t.refreshSecret(NAME);
    answer([(await t.getSecret(NAME)).reveal(), (await t.refreshSecret(NAME)).reveal()]);`,
    { NAME: await create('alive') },
  );
  assert.deepEqual(out, ['alive', 'alive']);
});

test('a worker that ends by itself waits for what it awaits', { skip }, async () => {
  const out = await program(
    `${WORKERS}
    t.init();
    await mode({ mode: 'slow', delay_ms: 600 });
    const helper = worker(\`t.getSecret(workerData).then((secret) => parentPort.postMessage(secret.reveal()));\`, NAME);
    const [[value], [code]] = await Promise.all([once(helper, 'message'), once(helper, 'exit')]);
    answer([value, code]);`,
    { NAME: await create('awaited') },
  );
  assert.deepEqual(out, ['awaited', 0]);
});

test('a process with warm secrets and an open subscription ends by itself', { skip }, async () => {
  const { code, stdout, stderr } = await transcript(
    `
    t.init({ secrets: { ttl: 500 } });
    const secret = await t.getSecret(NAME);
    (async () => { for await (const change of t.onSecretChange()) console.log(change); })();
    process.on('exit', () => console.log('ends', secret.reveal().length, t.peek(NAME) !== undefined));`,
    { NAME: await create('four') },
  );
  assert.deepEqual([code, stdout, stderr], [0, 'ends 4 true\n', '']);
});

test('a process ends only when what it awaits is answered', { skip }, async () => {
  const { code, stdout } = await transcript(
    `
    t.init();
    await mode({ mode: 'slow', delay_ms: 700 });
    t.getSecret(NAME).then((secret) => console.log('answered', secret.reveal()));`,
    { NAME: await create('late') },
  );
  assert.deepEqual([code, stdout], [0, 'answered late\n']);
});

test('process.exit while much is awaited ends at once and quietly', { skip }, async () => {
  const { code, stderr } = await transcript(
    `
    t.init();
    await mode({ mode: 'hang' });
    for (let i = 0; i < 100; i++) t.getSecret(NAME + i);
    setTimeout(() => process.exit(7), 50);`,
    { NAME: await create() },
  );
  assert.deepEqual([code, stderr], [7, '']);
});

test('shutdown wipes, answers who waits, and init reads anew', { skip }, async () => {
  const out = await program(
    `
    t.init();
    const secret = await t.getSecret(NAME);
    t.setSecretOverride('an-override', 'the override of it');
    const known = t.scrub('[the value of it] the override of it');
    await mode({ mode: 'hang' });
    const waits = t.getSecret(OTHER).catch((error) => error.code);
    await sleep(50);
    t.shutdown();
    const seen = [await waits, t.peek(NAME) ?? null, (await t.getSecret(NAME).catch((error) => error)).constructor.name, t.status().secrets.cached];
    seen.push(t.peek('an-override') ?? null, t.scrub('[the value of it] the override of it') !== known);
    await mode();
    t.init();
    seen.push((await t.getSecret(NAME)).reveal(), await calls());
    // Whoever holds a secret has it.
    seen.push(secret.reveal());
    answer(seen);`,
    { NAME: await create('the value of it'), OTHER: await create() },
  );
  assert.deepEqual(out, ['closed', null, 'ClosedError', 0, null, true, 'the value of it', 3, 'the value of it']);
});

test('secrets need no init, and import reads nothing', async () => {
  const { code, stdout } = await run(`
    import * as t from 'tallylight';
    t.setSecretOverride('a', 'of no init');
    console.log((await t.getSecret('a')).reveal());`);
  assert.deepEqual([code, stdout], [0, 'of no init\n']);
});
