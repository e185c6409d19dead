import type { Pin } from '../../../main/contract/plan.ts';

/** Whether an expert must stay (true) or must go (false); null: the method decides. */
export const pinOf = (pins: readonly Pin[] | undefined, layer: number, expert: number): boolean | null =>
  pins?.find((pin) => pin.layer === layer && pin.expert === expert)?.keep ?? null;
