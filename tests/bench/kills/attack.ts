import type { RandomSource } from '../../../main/statistics/random.ts';

/** Result of one attack. */
export interface Outcome {
  readonly kills: number;
  /** Number of times that a killed or refused command was resumed or restarted. */
  readonly resumed: number;
  /**
   * Whether the final state equals that of an undisturbed run; null if no end was reached, for the reason in `said`.
   */
  readonly isSame: boolean | null;
  readonly said: string;
  /** Unfinished files left behind for the time being. */
  readonly leftovers: number;
  /** Files of unfinished work that were edited between a kill and a resumption. */
  readonly edits?: number;
}

/** A way to disturb the workbench at a random moment, followed to the end. */
export interface Attack {
  readonly name: string;
  readonly once: (random: RandomSource) => Promise<Outcome>;
  readonly end?: () => Promise<void>;
}
