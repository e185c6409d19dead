import type { Checkpoint } from '../../checkpoint/open-checkpoint.ts';
import { isGgufPath } from '../../files/gguf-path.ts';
import { readBytes, readText } from '../../files/regular-file.ts';
import { fewTokensNote, readImportanceMatrix } from './importance-matrix.ts';
import { addNumpyArray, rankingOfCounts, RoutedCounts } from './routed-experts.ts';
import { MAX_PLAN_CHARACTERS } from '../read-plan.ts';

/** A million tokens of 94 layers and 8 choices in a byte each. */
const MAX_ARRAY_BYTES = 2 ** 30;

/** Whether a file ranks experts but is no text: an importance matrix (GGUF), or an array of routed experts (.npy). */
export const isCountsFile = (file: string): boolean => isGgufPath(file) || file.toLowerCase().endsWith('.npy');

export interface RankingText {
  /** A text that `readExpertFile` reads. */
  readonly text: string;
  /** Warnings for the user. */
  readonly notes: readonly string[];
}

/**
 * The ranking in a file as text: that of a file of counts, the most tokens first; any other file as it is.
 *
 * @throws WorkbenchError `bad-gguf`, `bad-imatrix`, `routed-experts`, or as `readText`.
 */
export const readRankingText = async (
  file: string,
  { descriptor, info }: Pick<Checkpoint, 'descriptor' | 'info'>,
): Promise<RankingText> => {
  if (!isCountsFile(file)) return { text: await readText(file, { mostBytes: MAX_PLAN_CHARACTERS }), notes: [] };
  if (isGgufPath(file)) {
    const blocks = descriptor.moeLayers.map(({ block }) => block);
    const { counts } = await readImportanceMatrix(file, { experts: info.experts, blocks });
    return {
      text: JSON.stringify({ ranking: rankingOfCounts(counts) }),
      notes: [`Experts by their tokens in ${file}: ${fewTokensNote(counts)}`],
    };
  }
  const counts = new RoutedCounts(info, file);
  addNumpyArray(counts, await readBytes(file, { mostBytes: MAX_ARRAY_BYTES }), info.topK, file);
  return { text: JSON.stringify({ ranking: rankingOfCounts(counts.counts()) }), notes: [] };
};
