/**
 * Seeded random numbers and the distributions that model calls and arrivals follow.
 *
 * Each call draws from a stream of its own, (seed, number of the call), so that what call 17 does depends on nothing
 * but the seed and 17, however the calls around it overlap.
 */

/**
 * @param {number} seed
 * @param {number} [stream]
 */
export function createRandom(seed, stream = 0) {
  let state = mix(mix(seed >>> 0) ^ Math.imul(stream + 1, 0x9e3779b1));

  /** Uniform in [0, 1): mulberry32. */
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  /** Uniform in (0, 1]: safe under a logarithm. */
  const positive = () => 1 - uniform();
  /** Standard normal (Box-Muller). */
  const normal = () => Math.sqrt(-2 * Math.log(positive())) * Math.cos(2 * Math.PI * uniform());

  return {
    uniform,
    /** @param {number} median @param {number} sigma */
    logNormal: (median, sigma) => median * Math.exp(sigma * normal()),
    /** @param {number} min @param {number} alpha the smaller, the heavier the tail */
    pareto: (min, alpha) => min / positive() ** (1 / alpha),
    /** @param {number} mean */
    exponential: (mean) => -mean * Math.log(positive()),
  };
}

/** @typedef {ReturnType<typeof createRandom>} Random */

/**
 * Spreads neighbouring seeds far apart (the finisher of MurmurHash3).
 * @param {number} value
 */
function mix(value) {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
