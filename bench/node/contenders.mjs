// Everybody who takes part, in the order of the rounds. Main thread and workers build the same list.
import { makeInput } from './input.mjs';
import { peers } from './peers.mjs';

export async function contenders({ peersOnly }) {
  const input = makeInput();
  if (peersOnly) return peers(input);
  const { ours } = await import('./ours.mjs');
  return [...peers(input), ...ours(input)];
}
