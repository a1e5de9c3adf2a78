// Every way of reading a cached secret, warm. Each loop is a function of its own, so that V8 inlines the read into it as
// into a user's code; the value goes into `kept`, so that none is left out.
import { open } from './caches.mjs';

/** Longer than any run, so that every read is a hit. */
const TTL_MS = 3_600_000;
const AWAITED = 'awaited';

export let kept;

export async function contenders(secret) {
  const ours = await open('tallylight', TTL_MS);
  const theirs = await open('powertools', TTL_MS);
  await ours.read(secret);
  await theirs.read(secret);
  const { getSecret, getSecretSync, peek } = ours.api;
  const { getSecret: powertools } = theirs.api;
  const options = { maxAge: TTL_MS / 1000 };
  const resolved = Promise.resolve(secret);
  return [
    {
      name: 'await of a resolved promise',
      peer: true,
      note: 'what any awaited read pays',
      async loop(reads) {
        for (let i = 0; i < reads; i++) kept = await resolved;
      },
    },
    {
      name: 'Powertools, getSecret',
      peer: true,
      note: AWAITED,
      async loop(reads) {
        for (let i = 0; i < reads; i++) kept = await powertools(secret, options);
      },
    },
    {
      name: 'Tallylight, peek',
      peer: false,
      goal: [{ text: '<= 50 ns', limit: 50 }],
      loop(reads) {
        for (let i = 0; i < reads; i++) kept = peek(secret);
      },
    },
    {
      name: 'Tallylight, getSecretSync',
      peer: false,
      loop(reads) {
        for (let i = 0; i < reads; i++) kept = getSecretSync(secret);
      },
    },
    {
      name: 'Tallylight, getSecret',
      peer: false,
      note: AWAITED,
      goal: [{ text: '<= 200 ns', limit: 200 }],
      async loop(reads) {
        for (let i = 0; i < reads; i++) kept = await getSecret(secret);
      },
    },
  ];
}
