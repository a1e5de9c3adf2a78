// The latencies that every contender records: log-normal around 20 ms (its P99 is 3.2 times its median), made before any
// clock is read, the same in every isolate.

/** Long enough that no branch predictor learns the order, short enough for the second-level cache. */
export const LENGTH = 16_384;

const MEDIAN_MS = 20;
const SIGMA = 0.5;

function uniforms(seed) {
  // Mulberry32: any even generator does, and it must be the same one everywhere.
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** The input in the units that the contenders take, so that none converts inside its loop. */
export function makeInput() {
  const uniform = uniforms(0x7a11);
  const ms = new Float64Array(LENGTH);
  const seconds = new Float64Array(LENGTH);
  const ns = new Float64Array(LENGTH);
  for (let i = 0; i < LENGTH; i++) {
    // Box-Muller.
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    const normal = radius * Math.cos(2 * Math.PI * uniform());
    ns[i] = Math.round(MEDIAN_MS * 1e6 * Math.exp(SIGMA * normal));
    ms[i] = ns[i] / 1e6;
    seconds[i] = ns[i] / 1e9;
  }
  return { ms, seconds, ns };
}
