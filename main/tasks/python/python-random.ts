/** Words of state of MT19937, and the offset of the word that is mixed in. */
const WORDS = 624;
const DISTANCE = 397;

/** The part of CPython's `random.Random` that is needed to draw examples. */
export interface PythonRandom {
  /** getrandbits(count) for 1 to 32 bits. */
  readonly bits: (count: number) => number;
  /** Uniform over 0 .. n - 1, n from 1 to 2^32 - 1: `_randbelow` with getrandbits. */
  readonly below: (n: number) => number;
  /** sample(pool, count): `count` members without replacement, in the order drawn. */
  readonly sample: <T>(pool: readonly T[], count: number) => T[];
}

/**
 * The Mersenne Twister MT19937 (Matsumoto and Nishimura 1998, doi:10.1145/272991.272995) seeded by `init_by_array` with
 * the 32-bit words of `seed`, lowest first, as CPython seeds `random.Random(seed)` for a whole number.
 */
const mersenneTwister = (seed: number): (() => number) => {
  const state = new Uint32Array(WORDS);
  const at = (index: number): number => state[index] ?? 0;
  const low = seed % 2 ** 32;
  const high = Math.floor(seed / 2 ** 32);
  const key = high === 0 ? [low] : [low, high];
  state[0] = 19_650_218;
  for (let index = 1; index < WORDS; index++)
    state[index] = Math.imul(1_812_433_253, at(index - 1) ^ (at(index - 1) >>> 30)) + index;
  let index = 1;
  const step = (): void => {
    if (++index < WORDS) return;
    state[0] = at(WORDS - 1);
    index = 1;
  };
  for (let round = 0; round < WORDS; round++) {
    const word = round % key.length;
    state[index] = (at(index) ^ Math.imul(at(index - 1) ^ (at(index - 1) >>> 30), 1_664_525)) + (key[word] ?? 0) + word;
    step();
  }
  for (let round = 1; round < WORDS; round++) {
    state[index] = (at(index) ^ Math.imul(at(index - 1) ^ (at(index - 1) >>> 30), 1_566_083_941)) - index;
    step();
  }
  state[0] = 0x8000_0000;

  let next = WORDS;
  const refill = (): void => {
    for (let index = 0; index < WORDS; index++) {
      const mixed = (at(index) & 0x8000_0000) | (at((index + 1) % WORDS) & 0x7fff_ffff);
      state[index] = at((index + DISTANCE) % WORDS) ^ (mixed >>> 1) ^ (mixed & 1 ? 0x9908_b0df : 0);
    }
    next = 0;
  };
  return () => {
    if (next === WORDS) refill();
    let word = at(next++);
    word ^= word >>> 11;
    word ^= (word << 7) & 0x9d2c_5680;
    word ^= (word << 15) & 0xefc6_0000;
    return (word ^ (word >>> 18)) >>> 0;
  };
};

/**
 * `sample` copies pools up to this size and draws from larger ones by index (CPython's rule, which weighs a list
 * against a set).
 */
const copiedPoolSize = (count: number): number =>
  21 + (count > 5 ? 4 ** Math.ceil(Math.log(count * 3) / Math.log(4)) : 0);

/**
 * `random.Random(seed)` for a whole number from 0 to 2^53 - 1; the same draws in CPython 3.2 and all later versions.
 */
export const pythonRandom = (seed: number): PythonRandom => {
  if (!Number.isSafeInteger(seed) || seed < 0) throw new RangeError(`not a seed: ${String(seed)}`);
  const word = mersenneTwister(seed);
  const bits = (count: number): number => word() >>> (32 - count);
  const below = (n: number): number => {
    const width = 32 - Math.clz32(n);
    let drawn = bits(width);
    while (drawn >= n) drawn = bits(width);
    return drawn;
  };
  const indices = (size: number, count: number): number[] => {
    if (count < 0 || count > size) throw new RangeError(`a sample of ${String(count)} from ${String(size)}`);
    if (size <= copiedPoolSize(count)) {
      const left = Array.from({ length: size }, (_, index) => index);
      return Array.from({ length: count }, () => {
        const index = below(left.length);
        const taken = left[index] ?? 0;
        // The last remaining member takes the position of the drawn one.
        left[index] = left.at(-1) ?? 0;
        left.pop();
        return taken;
      });
    }
    const drawn = new Set<number>();
    while (drawn.size < count) drawn.add(below(size));
    return [...drawn];
  };
  return {
    bits,
    below,
    sample: (pool, count) => indices(pool.length, count).flatMap((index) => pool.slice(index, index + 1)),
  };
};
