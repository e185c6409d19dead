import type { RandomSource } from '../statistics/random.ts';

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
