import { refuse } from '../contract/errors.ts';

/** A stream of random numbers determined by its seed, the same on every machine. */
export interface RandomSource {
  /** Uniform over 0 .. 2^32 - 1. */
  readonly uint32: () => number;
  /** Uniform over [0, 1), a multiple of 2^-53. */
  readonly float: () => number;
  /** Uniform over 0 .. n - 1, without bias; n from 1 to 2^32. */
  readonly integer: (n: number) => number;
  /** A new array with the same items in random order (Fisher-Yates). */
  readonly shuffle: <T>(items: readonly T[]) => T[];
}

const MASK_64 = (1n << 64n) - 1n;

/** SplitMix64 (Steele, Lea and Flood 2014, doi:10.1145/2714064.2660195): the next 64 bits and the next state. */
const splitMix64 = (state: bigint): readonly [bits: bigint, next: bigint] => {
  const next = (state + 0x9e3779b97f4a7c15n) & MASK_64;
  let z = next;
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK_64;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK_64;
  return [z ^ (z >> 31n), next];
};

const rotateLeft = (x: number, k: number): number => (x << k) | (x >>> (32 - k));

/** xoshiro128** 1.1 (Blackman and Vigna 2021, doi:10.1145/3460772) from a state of four words, not all zero. */
export const xoshiro128StarStar = (state: readonly [number, number, number, number]): (() => number) => {
  let [s0, s1, s2, s3] = state;
  return () => {
    const result = Math.imul(rotateLeft(Math.imul(s1, 5), 7), 9) >>> 0;
    const t = s1 << 9;
    s2 ^= s0;
    s3 ^= s1;
    s1 ^= s2;
    s0 ^= s3;
    s2 ^= t;
    s3 = rotateLeft(s3, 11);
    return result;
  };
};

/**
 * xoshiro128** whose state is two outputs of SplitMix64 started at `seed` (a whole number, 0 .. 2^53 - 1), low word
 * first. The random source of the whole workbench: the method `random`, the bootstrap.
 */
export const seededRandom = (seed: number): RandomSource => {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw refuse('seed-invalid', `The seed ${seed} is not a whole number from 0 to 2^53 - 1.`, 'Give such a number.');
  }
  const [first, afterFirst] = splitMix64(BigInt(seed));
  const [second] = splitMix64(afterFirst);
  const word = (bits: bigint): number => Number(bits & 0xffffffffn);
  const uint32 = xoshiro128StarStar([word(first), word(first >> 32n), word(second), word(second >> 32n)]);

  const float = (): number => {
    const high = uint32() >>> 5;
    const low = uint32() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  };
  const integer = (n: number): number => {
    if (!Number.isInteger(n) || n < 1 || n > 2 ** 32) {
      throw refuse('range-invalid', `Cannot draw one of ${n} numbers.`, 'Give a whole number from 1 to 2^32.');
    }
    const limit = 2 ** 32 - (2 ** 32 % n);
    let draw = uint32();
    while (draw >= limit) draw = uint32();
    return draw % n;
  };
  const shuffle = <T>(items: readonly T[]): T[] => {
    const shuffled: T[] = [];
    for (const item of items) {
      // Inside-out Fisher-Yates: the new item takes a random position, whose occupant, if any, moves to the end.
      for (const tenant of shuffled.splice(integer(shuffled.length + 1), 1, item)) shuffled.push(tenant);
    }
    return shuffled;
  };
  return { uint32, float, integer, shuffle };
};

/** Standard normal numbers by the Box-Muller transform, two at a time. */
export const normalSource = (random: RandomSource): (() => number) => {
  let spare: number | null = null;
  return () => {
    if (spare !== null) {
      const value = spare;
      spare = null;
      return value;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - random.float()));
    const angle = 2 * Math.PI * random.float();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
};
