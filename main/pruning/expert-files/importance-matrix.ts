import { type GgufContents, type GgufTensorInfo, readGguf } from '../../checkpoint/gguf/read-gguf.ts';
import { readTensor } from '../../checkpoint/read-tensor.ts';
import { refuse } from '../../contract/errors.ts';
import { FEW_TOKENS } from '../../contract/sweep.ts';
import type { Checkpoint } from '../../checkpoint/open-checkpoint.ts';
import { isGgufPath } from '../../files/list-folder.ts';
import { readBytes, readText } from '../../files/regular-file.ts';
import { addNumpyArray, rankingOfCounts, RoutedCounts } from './routed-experts.ts';
import { MAX_PLAN_CHARACTERS } from '../read-plan.ts';

/**
 * llama.cpp's importance matrices in GGUF form (tools/imatrix, `general.type` is "imatrix"): for each matrix NAME of a
 * model, `NAME.in_sum2` [E, inputs] with the sums of squared inputs, and `NAME.counts` [E, 1] with the numbers of
 * tokens; E is 1 for matrices that are no experts. Both are float32.
 */
interface ImportanceMatrix {
  readonly contents: GgufContents;
  /** Tokens that each expert saw, [L][E]. */
  readonly counts: readonly Float32Array[];
  /** The MoE layer of each tensor with a row per expert. */
  readonly layerOf: ReadonlyMap<string, number>;
}

/** A model's MoE layers, and the block of each. */
interface ImportanceTarget {
  readonly experts: number;
  readonly blocks: readonly number[];
}

const EXPERT_TENSOR = /^blk\.(\d+)\.ffn_(?:gate|up|down|gate_up)_exps\.weight\.(in_sum2|counts)$/;

/**
 * Reads an importance matrix that must belong to a model of this shape.
 *
 * @throws WorkbenchError `bad-gguf`, `bad-imatrix`.
 */
export const readImportanceMatrix = async (
  file: string,
  { experts, blocks }: ImportanceTarget,
): Promise<ImportanceMatrix> => {
  const contents = await readGguf(file);
  const bad = (what: string): Error =>
    refuse(
      'bad-imatrix',
      `${file} is not an importance matrix of this model: ${what}.`,
      'Name a file that llama-imatrix wrote as GGUF for the unpruned model.',
    );
  const type = contents.metadata.get('general.type')?.value;
  if (type !== 'imatrix') throw bad(`its "general.type" is ${JSON.stringify(type ?? null)}, not "imatrix"`);
  const layerOf = new Map<string, number>();
  const found = new Map<number, { readonly name: string; readonly counts: Float32Array }>();
  for (const tensor of contents.tensors) {
    const [, block, part] = EXPERT_TENSOR.exec(tensor.name) ?? [];
    if (block === undefined) continue;
    const layer = blocks.indexOf(Number(block));
    if (layer === -1) throw bad(`it has "${tensor.name}", and block ${block} has no experts`);
    if (tensor.type !== 'f32') throw bad(`tensor "${tensor.name}" is ${tensor.type}, not f32`);
    if (tensor.shape.length !== 2 || tensor.shape[0] !== experts || (part === 'counts' && tensor.shape[1] !== 1))
      throw bad(`tensor "${tensor.name}" has shape [${tensor.shape.join(', ')}] for ${experts} experts`);
    layerOf.set(tensor.name, layer);
    if (part !== 'counts') continue;
    const counts = Float32Array.from(await valuesOf(file, tensor));
    const wrong = counts.find((count) => !Number.isInteger(count) || count < 0);
    if (wrong !== undefined) throw bad(`tensor "${tensor.name}" counts ${wrong} tokens`);
    const known = found.get(layer);
    if (known !== undefined && known.counts.some((count, expert) => count !== counts[expert]))
      throw bad(`"${known.name}" and "${tensor.name}" count other tokens`);
    found.set(layer, { name: tensor.name, counts });
  }
  const counts = blocks.map((block, layer) => {
    const layerCounts = found.get(layer)?.counts;
    if (layerCounts === undefined) throw bad(`it has no counts for the experts of block ${block}`);
    return layerCounts;
  });
  return { contents, counts, layerOf };
};

const valuesOf = (file: string, { name, shape, byteOffset, byteLength }: GgufTensorInfo): Promise<Float32Array> =>
  readTensor({ tensor: name, file, dtype: 'F32', shape, byteOffset, byteLength });

/** Says how many experts of a list of counts have too few tokens; `kept`: of those only. */
export const fewTokensNote = (counts: readonly Float32Array[], kept?: readonly (readonly number[])[]): string => {
  const all = counts.flatMap((layer, index) =>
    (kept?.[index] ?? [...layer.keys()]).map((expert) => layer[expert] ?? 0),
  );
  const [few, none] = [all.filter((count) => count < FEW_TOKENS).length, all.filter((count) => count === 0).length];
  return (
    `${few} of ${all.length} ${kept === undefined ? '' : 'kept '}experts have fewer than ` +
    `${FEW_TOKENS} tokens in it, and ${none} have none.`
  );
};

/** A million tokens of 94 layers and 8 choices in a byte each. */
const MAX_ARRAY_BYTES = 2 ** 30;

/** Whether a file ranks experts but is no text: an importance matrix (GGUF), or an array of routed experts (.npy). */
export const isCountsFile = (file: string): boolean => isGgufPath(file) || file.toLowerCase().endsWith('.npy');

interface RankingText {
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
