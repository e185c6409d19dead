import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { valuesIn } from '../../arithmetic/vectors.ts';
import { at, refuse } from '../../contract/errors.ts';
import type { TensorDtype, TensorView } from '../descriptor.ts';
import { readTensor } from '../read-tensor.ts';
import { type GgufModel, ggufModel } from './gguf-family.ts';
import { type BlockType, type GgufTensorType, isBlockType } from './gguf-types.ts';
import { type GgufContents, readGguf } from './read-gguf.ts';
import { modelNames, moeNames } from './tensor-names.ts';

/** A GGUF model before it is described: its parts in order, and its tensors under their names in the file. */
export interface OpenedGguf extends GgufModel {
  readonly parts: readonly { readonly name: string; readonly file: string; readonly contents: GgufContents }[];
  readonly tensors: ReadonlyMap<string, TensorView>;
}

/** Names of the parts of a split model (llama.cpp's gguf-split): NAME-00001-of-00003.gguf and so on. */
const splitName = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/;
const MAX_PARTS = 1000;
/** Most pairs of a head whose angles have factors. */
const MAX_FACTORS = 32_768;

/**
 * Shapes as they are read here: shared experts' scales are a row, kernels of convolutions have an axis of 1, and what a
 * state has for each head is a vector.
 */
const ownShape = (name: string, shape: readonly number[]): readonly number[] => {
  if (name.endsWith(`.${moeNames.shared.scale}`) && shape.length === 1) return [1, ...shape];
  if (/\.(?:shortconv\.conv|ssm_conv1d(?:_[qkv])?)\.weight$/.test(name))
    return [...shape.filter((length) => length > 1).slice(0, 1), 1, ...shape.slice(-1)];
  // Mamba's rates are a matrix.
  if (name.endsWith('.ssm_a') && (shape[1] ?? 1) > 1) return shape;
  if (/\.(?:ssm_a|ssm_d|ssm_norm\.weight)$/.test(name)) return [valuesIn(shape)];
  return shape;
};

const plainDtypes: Readonly<Record<Exclude<GgufTensorType, BlockType>, TensorDtype>> = {
  f32: 'F32',
  f16: 'F16',
  bf16: 'BF16',
  i32: 'I32',
};

/**
 * Opens a GGUF file, with all parts of a split one whichever is named.
 *
 * @throws WorkbenchError `bad-gguf`, `gguf-type-unknown`, `gguf-parts`, `gguf-model-unknown`.
 */
export const openGguf = (model: string): Promise<OpenedGguf> => openGgufParts(model, readGgufOf(model), readTensor);

/** Reads the header of a part of a model, by its name. */
type ReadPart = (name: string) => Promise<OpenedGguf['parts'][number]>;

/** The same with parts that are read wherever they are. */
export const openGgufParts = async (
  model: string,
  readPart: ReadPart,
  readValues: (view: TensorView) => Promise<Float32Array>,
): Promise<OpenedGguf> => {
  const parts = await readParts(model, readPart);
  const first = at(parts, 0, 'a model without parts');
  const tensors = new Map<string, TensorView>();
  for (const { file, contents } of parts)
    for (const { name, type, shape, byteOffset, byteLength } of contents.tensors) {
      const other = tensors.get(name);
      if (other !== undefined)
        throw refuse(
          'gguf-parts',
          `${file}: tensor "${name}" is also in ${path.basename(other.file)}.`,
          'Fetch all parts of the model again.',
        );
      const dtype: TensorDtype = isBlockType(type) ? type : plainDtypes[type];
      tensors.set(name, { tensor: name, file, dtype, shape: ownShape(name, shape), byteOffset, byteLength });
    }
  const all = { ...first.contents, tensors: parts.flatMap(({ contents }) => contents.tensors) };
  const rope = tensors.get(modelNames.rotaryFactors) ?? null;
  const isRead = rope !== null && rope.dtype === 'F32' && rope.byteLength <= 4 * MAX_FACTORS;
  // Others are left over, and refused by name.
  return { ...ggufModel(all, isRead ? Array.from(await readValues(rope)) : null), parts, tensors };
};

const readGgufOf =
  (model: string): ReadPart =>
  async (name) => {
    const file = await realpath(path.join(path.dirname(model), name)).catch((cause: unknown) => {
      throw refuse('gguf-parts', `${path.dirname(model)} has no ${name}.`, 'Fetch all parts of the model.', cause);
    });
    return { name, file, contents: await readGguf(file) };
  };

const readParts = async (model: string, read: ReadPart): Promise<OpenedGguf['parts']> => {
  const [, stem, , total] = splitName.exec(path.basename(model)) ?? [];
  const count = Number(total ?? 1);
  if (count < 1 || count > MAX_PARTS)
    throw refuse(
      'gguf-parts',
      `The name of ${model} says that it is one of ${count} parts (1 to ${MAX_PARTS} are read).`,
      'Rename it.',
    );
  const parts: OpenedGguf['parts'][number][] = [];
  for (let part = 1; part <= count; part += 1) {
    const name =
      stem === undefined || total === undefined
        ? path.basename(model)
        : `${stem}-${String(part).padStart(5, '0')}-of-${total}.gguf`;
    const each = await read(name);
    const [number, stated] = ['split.no', 'split.count'].map((key) => each.contents.metadata.get(key)?.value);
    if ((stated ?? 1) !== count || (number ?? 0) !== part - 1)
      throw refuse(
        'gguf-parts',
        `${each.file} says that it is part ${Number(number ?? 0) + 1} of ${String(stated ?? 1)}, but by its ` +
          `name it is part ${part} of ${count}.`,
        'Name the parts as they were published.',
      );
    parts.push(each);
  }
  const stated = parts[0]?.contents.metadata.get('split.tensors.count')?.value;
  const found = parts.reduce((sum, { contents }) => sum + contents.tensors.length, 0);
  if (stated !== undefined && count > 1 && stated !== found)
    throw refuse(
      'gguf-parts',
      `${model}: its parts have ${found} tensors, but its metadata say ${JSON.stringify(stated)}.`,
      'Fetch all parts of the model again.',
    );
  return parts;
};
