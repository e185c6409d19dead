import { z } from 'zod';

/**
 * Branded numberings. Mixing `ExpertIndex` (numbering of the unpruned model) with `KeptIndex` (numbering after
 * pruning) is the classic bug of this domain, so the compiler keeps them apart.
 */
export const layerIndex = z.number().int().nonnegative().brand<'LayerIndex'>();
/** Position among the MoE layers only (dense layers are not counted): the row order of every [L, E] statistic. */
export type LayerIndex = z.infer<typeof layerIndex>;

export const expertIndex = z.number().int().nonnegative().brand<'ExpertIndex'>();
/** Expert number in the unpruned model. */
export type ExpertIndex = z.infer<typeof expertIndex>;

export const keptIndex = z.number().int().nonnegative().brand<'KeptIndex'>();
/** Expert number after pruning (dense renumbering). */
export type KeptIndex = z.infer<typeof keptIndex>;

export type TokenId = number & z.$brand<'TokenId'>;
