import type { RandomSource } from '../../../main/statistics/random.ts';

/** How one attack ended. */
export interface Outcome {
  readonly kills: number;
  /** Times that something killed or refused was resumed or begun again. */
  readonly resumed: number;
  /** Whether what is there in the end is what an undisturbed run gives; null: no end was reached, and `said` why. */
  readonly isSame: boolean | null;
  readonly said: string;
  /** Unfinished files that stayed for the time being. */
  readonly leftovers: number;
}

/** A way of disturbing the workbench at a random moment, and seeing it through. */
export interface Attack {
  readonly name: string;
  readonly once: (random: RandomSource) => Promise<Outcome>;
}
