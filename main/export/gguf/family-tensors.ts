import { valuesIn } from '../../arithmetic/vectors.ts';
import { AssumedTensors } from '../../checkpoint/assumed-tensors.ts';
import { describeModel } from '../../checkpoint/describe-model.ts';
import { expertExamples } from '../../checkpoint/describe-moe.ts';
import type { TensorView } from '../../checkpoint/descriptor.ts';
import { familyOf } from '../../checkpoint/families/families.ts';
import { llamaArchitectures } from '../../checkpoint/gguf/llama-architectures.ts';
import type { Checkpoint } from '../../checkpoint/open-checkpoint.ts';
import { readTensorBytes, toFloat32 } from '../../checkpoint/read-tensor.ts';
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

/** Families whose classes in transformers 5.24 take other keys, or other names of experts, than a file gives. */
const OTHER_KEYS = ['dbrx', 'jamba', 'mistral3', 'mistral4'];

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
  if (OTHER_KEYS.includes(family.modelType))
    throw refuse(
      'torch-architecture',
      `${name} is a GGUF file of ${family.modelType}, whose class in transformers takes other keys or names than the ` +
        'file gives.',
      'Compute with --engine onnxruntime, or open the model that the file was made of.',
    );
  if (family.wrapper !== null)
    throw refuse(
      'torch-architecture',
      `${name} has the text model of ${descriptor.family} alone, which transformers has no class for.`,
      'Compute with --engine onnxruntime.',
    );
  const assumed = new AssumedTensors(expertExamples(family, false), { dtype: 'F32', isFloat8: false, isWhole: false });
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
      const { stored, shape } = piece.weight;
      if (stored.kind !== 'plain') throw new Error(`${written.name} is made of a quantised weight`);
      const count = valuesIn(shape);
      const columns = Math.min(count, written.shape.at(-1) ?? 1);
      const piecesOfTensor = pieces.get(stored.view.tensor) ?? [];
      piecesOfTensor.push({ piece, view: valuesFrom(whole, first, count, columns) });
      pieces.set(stored.view.tensor, piecesOfTensor);
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
    const { stored, select, transposed } = piece.weight;
    if (stored.kind !== 'plain') continue;
    const target = out.subarray(stored.view.byteOffset / 4, (stored.view.byteOffset + stored.view.byteLength) / 4);
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
