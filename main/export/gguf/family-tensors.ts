import { isDeepStrictEqual } from 'node:util';
import { valuesIn } from '../../arithmetic/vectors.ts';
import { AssumedTensors } from '../../checkpoint/tensor-index.ts';
import { describeModel } from '../../checkpoint/describe-model.ts';
import { expertExamples } from '../../checkpoint/describe-moe.ts';
import type { TensorView } from '../../checkpoint/descriptor.ts';
import { familyOf } from '../../checkpoint/families/families.ts';
import { llamaArchitectures } from '../../checkpoint/gguf/llama-architectures.ts';
import type { Checkpoint } from '../../checkpoint/open-checkpoint.ts';
import { plainView, readTensorBytes, toFloat32 } from '../../checkpoint/read-tensor.ts';
import { refuse } from '../../contract/errors.ts';
import { type GgufPiece, modelTensors } from './model-tensors.ts';
import { inRows, placeValues } from './tensor-values.ts';

/** A tensor of a GGUF model under the name, and in the layout, in which its family is published. */
export interface FamilyTensor {
  readonly shape: readonly number[];
  /** Its values, row-major: in float32, or whole numbers of a table. Blocks are decoded when this is called. */
  readonly values: () => Promise<Float32Array | Int32Array>;
}

interface StoredPiece {
  readonly piece: GgufPiece;
  /** Where its values are in the file. */
  readonly view: TensorView;
}

/** `count` values of a tensor from `first` on, which must be whole blocks, as rows of `columns`. */
const valuesFrom = (whole: TensorView, first: number, count: number, columns: number): TensorView => {
  const bytes = whole.byteLength / valuesIn(whole.shape);
  const [start, byteLength] = [first * bytes, count * bytes];
  if (!Number.isInteger(start) || !Number.isInteger(byteLength))
    throw new Error(`a part of ${whole.tensor} begins or ends within a block`);
  return { ...whole, shape: [count / columns, columns], byteOffset: whole.byteOffset + start, byteLength };
};

/** Families whose classes in transformers 5.24 have no conversion of single experts: they take the stacked ones. */
const STACKED = ['mistral3', 'mistral4'];

/**
 * The config of a GGUF model with the keys that its family's class reads: those of objects within it, and how often
 * layers have attention in place of their list.
 *
 * @throws WorkbenchError `torch-architecture` where the layers with attention are not one in so many.
 */
export const familyConfig = ({ name, config, descriptor }: Checkpoint): Checkpoint['config'] => {
  const { inner = [], state, aliases = {} } = familyOf(descriptor.family) ?? {};
  const objects = inner.flatMap(({ key, keys, layers }) =>
    layers === undefined ? [[key, within(config, keys)] as const] : [],
  );
  const { everyKey = null, firstKey } = state ?? {};
  // A class with such objects makes them before it reads other names of its keys.
  const own = objects.length === 0 ? {} : aliases;
  const named = Object.entries(config).map(([key, value]) => [own[key] ?? key, value] as const);
  const stated = Object.fromEntries<unknown>([...named, ...objects]);
  if (everyKey === null || firstKey === undefined) return stated;
  const { blocks } = descriptor;
  const withAttention = blocks.flatMap(({ attention }, layer) => (attention === null ? [] : [layer]));
  const [first = blocks.length, second = blocks.length + 1 + first] = withAttention;
  const every = second - first;
  const periodic = blocks.flatMap((_, layer) => (layer % every === first ? [layer] : []));
  if (!isDeepStrictEqual(periodic, withAttention))
    throw refuse(
      'torch-architecture',
      `${name} has attention in layers ${withAttention.join(', ')}, and its class in transformers in one of so many.`,
      'Compute with --engine onnxruntime.',
    );
  const others = Object.entries(stated).filter(([key]) => key !== 'layer_types');
  return { ...Object.fromEntries(others), [everyKey]: every, [firstKey]: first };
};

/** An object of a config, with values of the config itself: by its keys, or those of an object in it ("name.key"). */
const within = (
  config: Checkpoint['config'],
  keys: Readonly<Record<string, string>>,
): Readonly<Record<string, unknown>> => {
  const made: Record<string, unknown> = {};
  const nested: Record<string, Record<string, unknown>> = {};
  for (const [place, name] of Object.entries(keys)) {
    if (config[name] === undefined) continue;
    const [key = '', innerKey] = place.split('.');
    if (innerKey === undefined) made[key] = config[name];
    else (nested[key] ??= {})[innerKey] = config[name];
  }
  return { ...made, ...nested };
};

/**
 * The tensors of a GGUF model as its family publishes them, by name. Names, orders of rows and functions of values are
 * those by which files are written (`modelTensors`), read backwards from a description of the published model that is
 * made of the file's config alone.
 *
 * @throws WorkbenchError `torch-architecture`; `gguf-form` for a file that has tensors in another form than it would be
 * written in.
 */
export const familyTensors = ({
  name,
  folder,
  config,
  descriptor,
  tensors,
}: Checkpoint): ReadonlyMap<string, FamilyTensor> => {
  const family = familyOf(descriptor.family);
  const architecture = llamaArchitectures.get(descriptor.family);
  if (family === undefined || architecture === undefined) throw new Error(`no GGUF files of ${descriptor.family}`);
  if (family.wrapper !== null && !STACKED.includes(family.modelType))
    throw refuse(
      'torch-architecture',
      `${name} has the text model of ${descriptor.family} alone, which transformers has no class for.`,
      'Compute with --engine onnxruntime.',
    );
  const examples = expertExamples(family, false, STACKED.includes(family.modelType));
  const assumed = new AssumedTensors(examples, { dtype: 'F32', isFloat8: false, isWhole: false });
  // Files have factors of angles in place of the scaling that they follow from.
  const rotary = { ...family.rotary, scalings: [...family.rotary.scalings, 'divided' as const] };
  const model = describeModel({ ...family, rotary }, config, assumed, folder, 'metadata');
  const pieces = new Map<string, StoredPiece[]>();
  for (const written of modelTensors(model, config, architecture, 'f32')) {
    if (written.pieces.length === 0) continue;
    const whole = tensors.get(written.name);
    if (whole === undefined)
      throw refuse(
        'gguf-form',
        `${name} has no tensor "${written.name}": it was written in an older form.`,
        'Write the file again with a newer llama.cpp, or compute with --engine onnxruntime.',
      );
    let first = 0;
    for (const piece of written.pieces) {
      const { tensor } = plainView(piece.weight);
      const count = valuesIn(piece.weight.shape);
      const columns = Math.min(count, written.shape.at(-1) ?? 1);
      const piecesOfTensor = pieces.get(tensor) ?? [];
      piecesOfTensor.push({ piece, view: valuesFrom(whole, first, count, columns) });
      pieces.set(tensor, piecesOfTensor);
      first += count;
    }
  }
  return new Map(
    [...assumed.assumed].map(([tensor, { shape, dtype }]) => {
      const parts = pieces.get(tensor) ?? [];
      const found = parts.reduce((sum, { piece }) => sum + valuesIn(piece.weight.shape), 0);
      if (found !== valuesIn(shape)) throw new Error(`${name} has ${String(found)} values of ${tensor}`);
      return [tensor, { shape, values: () => (dtype === 'I64' ? wholeNumbers(parts) : floats(shape, parts)) }];
    }),
  );
};

const wholeNumbers = async ([only, ...others]: readonly StoredPiece[]): Promise<Int32Array> => {
  if (only === undefined || others.length > 0) throw new Error('a table of several pieces');
  const { buffer, byteOffset, byteLength } = await readTensorBytes(only.view);
  return new Int32Array(buffer, byteOffset, byteLength / 4);
};

const floats = async (shape: readonly number[], parts: readonly StoredPiece[]): Promise<Float32Array> => {
  const out = new Float32Array(valuesIn(shape));
  for (const { piece, view } of parts) {
    const { select, transposed } = piece.weight;
    const { byteOffset, byteLength } = plainView(piece.weight);
    const target = out.subarray(byteOffset / 4, (byteOffset + byteLength) / 4);
    const isInOrder = select === undefined && transposed !== true && piece.columns === undefined;
    // Large matrices are decoded a few rows at a time.
    const step = !isInOrder || piece.headRows !== null ? view.shape[0] : undefined;
    let done = 0;
    for (const rows of inRows(view, step)) {
      const values = toFloat32(await readTensorBytes(rows), view.dtype, view.tensor);
      placeValues(piece, values, isInOrder ? target.subarray(done, done + values.length) : target);
      done += values.length;
    }
  }
  return out;
};
