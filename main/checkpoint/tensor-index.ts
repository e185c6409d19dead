import { at, refuse } from '../contract/errors.ts';
import type { PlainDtype, TensorDtype, TensorView } from './descriptor.ts';
import { isBlockType } from './gguf/gguf-types.ts';
import type { Family, WrapperRecord } from './families/family.ts';
import { valuesIn } from '../arithmetic/vectors.ts';
import { dtypeBytes } from './safetensors-header.ts';

/** Fills the block into a family's pattern. */
export const layerName = (pattern: string, block: number): string =>
  pattern
    .replace('{l}', String(block))
    .replace('{l/2}', String(Math.floor(block / 2)))
    .replace('{l%2}', String(block % 2));

/** Name of the bias beside a weight. */
export const biasName = (weight: string): string => weight.replace(/\.weight$/, '.bias');

const weightDtypes: readonly PlainDtype[] = ['F32', 'F16', 'BF16'];

/** Number of names shown; more are counted. */
const SHOWN_NAMES = 3;

const namesOf = (names: readonly string[]): string =>
  names
    .slice(0, SHOWN_NAMES)
    .map((name) => `"${name}"`)
    .join(', ') + (names.length > SHOWN_NAMES ? ', …' : '');

/**
 * The tensors of a folder, handed out and checked against the family's shapes. Missing tensors are collected, so that
 * `settle` can name them together with those found instead.
 */
export class TensorIndex {
  readonly #tensors: ReadonlyMap<string, TensorView>;
  readonly #taken = new Set<string>();
  readonly #missing = new Set<string>();
  readonly #folder: string;
  readonly #keysOf: (length: number) => readonly string[];
  readonly #onDisk: (name: string) => string;

  /**
   * `keysOf`: keys of config.json that determine a length. `onDisk`: name on disk of a name in the family's
   * record.
   */
  constructor(
    tensors: ReadonlyMap<string, TensorView>,
    folder: string,
    keysOf: (length: number) => readonly string[] = () => [],
    onDisk: (name: string) => string = (name) => name,
  ) {
    this.#tensors = tensors;
    this.#folder = folder;
    this.#keysOf = keysOf;
    this.#onDisk = onDisk;
  }

  has(name: string): boolean {
    return this.#tensors.has(this.onDisk(name));
  }

  /** Shape of a tensor; undefined if there is none. */
  shapeOf(name: string): readonly number[] | undefined {
    return this.#tensors.get(this.onDisk(name))?.shape;
  }

  dtypeOf(name: string): TensorDtype | undefined {
    return this.#tensors.get(this.onDisk(name))?.dtype;
  }

  /** Name on disk of a family's tensor. */
  onDisk(name: string): string {
    return this.#onDisk(name);
  }

  /** The pattern that has a tensor in some layer; the first one if none has. */
  nameAmong(patterns: readonly string[]): string {
    const ofLayers = (pattern: string): RegExp =>
      new RegExp(
        `^${this.onDisk(pattern)
          .replaceAll('.', '\\.')
          .replace(/\{l(?:\/2|%2)?\}/g, '\\d+')}$`,
      );
    return patterns.find((pattern) => this.firstMatching(ofLayers(pattern)) !== undefined) ?? at(patterns, 0);
  }

  /** A matrix stored in words is found by the name that it has otherwise. */
  firstMatching(pattern: RegExp): string | undefined {
    return [...this.#tensors.keys()].find((name) =>
      pattern.test(name.replace(/\.(?:weight_packed|qweight)$/, '.weight')),
    );
  }

  /**
   * `dtypes`: dtypes that this layout allows, by default floats and blocks of them. The view of a missing tensor is
   * empty: `settle` refuses it.
   */
  take(canonical: string, shape: readonly number[], dtypes: readonly PlainDtype[] = weightDtypes): TensorView {
    const name = this.onDisk(canonical);
    const view =
      this.#tensors instanceof AssumedTensors ? this.#tensors.assume(name, shape, dtypes) : this.#tensors.get(name);
    if (view === undefined || view === null) {
      this.#missing.add(name);
      return { tensor: name, file: this.#folder, dtype: dtypes[0] ?? 'F32', shape, byteOffset: 0, byteLength: 0 };
    }
    if (view.shape.length !== shape.length || view.shape.some((length, axis) => length !== shape[axis]))
      throw this.#wrongShape(view, shape);
    const isAllowed = isBlockType(view.dtype) ? dtypes === weightDtypes : dtypes.includes(view.dtype);
    if (!isAllowed) {
      throw refuse(
        'wrong-dtype',
        `${view.file}: tensor "${name}" is ${view.dtype}; this layout allows ${dtypes.join(', ')}.`,
        'Convert the checkpoint to float32, float16 or bfloat16, or fetch it again.',
      );
    }
    this.#taken.add(name);
    return view;
  }

  /**
   * Refuses missing tensors by name. Also refuses tensors that nothing reads, which would silently be lost, unless they
   * are known to be unused; returns those.
   */
  settle(isIgnored: (name: string) => boolean): readonly string[] {
    if (this.#tensors instanceof AssumedTensors && !this.#tensors.isWhole) return [];
    const free = [...this.#tensors.keys()].filter((name) => !this.#taken.has(name));
    const leftovers = free.filter((name) => !isIgnored(name));
    const missing = [...this.#missing];
    if (missing.length > 0) {
      const what =
        missing.length === 1
          ? `tensor ${namesOf(missing)} is missing`
          : `${missing.length} tensors are missing: ${namesOf(missing)}`;
      const instead = leftovers.length === 0 ? '' : `; not used in this family: ${namesOf(leftovers)}`;
      throw refuse(
        'missing-tensor',
        `${this.#folder}: ${what}${instead}.`,
        'Fetch the checkpoint again, or check that config.json belongs to it.',
      );
    }
    if (leftovers.length === 0) return free;
    throw refuse(
      'unknown-tensor',
      `${this.#folder}: ${leftovers.length} tensor(s) are not used in this family: ${namesOf(leftovers)}.`,
      'Check that config.json and the weights belong together; adapters and extra heads are not supported.',
    );
  }

  #wrongShape(view: TensorView, wanted: readonly number[]): Error {
    const { file, tensor, shape } = view;
    const keys =
      shape.length === wanted.length
        ? wanted.flatMap((length, axis) => (length === shape[axis] ? [] : this.#keysOf(length)))
        : [];
    const because = keys.length === 0 ? '' : ` (${[...new Set(keys)].join(', ')})`;
    const [rows, columns] = shape.slice(-2);
    const isTransposed =
      shape.length === wanted.length &&
      rows === wanted.at(-1) &&
      columns === wanted.at(-2) &&
      shape.slice(0, -2).every((length, axis) => length === wanted[axis]);
    return refuse(
      'wrong-shape',
      `${file}: tensor "${tensor}" has shape [${shape.join(', ')}] where config.json asks for ` +
        `[${wanted.join(', ')}]${because}${isTransposed ? ': it is transposed' : ''}.`,
      'Check that config.json and the weights belong together.',
    );
  }
}

/** Name on disk of a name in a family's record, as some `names` of tensors show; without any, as published. */
export const namesOnDisk = ({ wrapper, renamed }: Family, names: readonly string[]): ((name: string) => string) => {
  const form = renamed?.find(({ when, isPublished }) =>
    names.length === 0 ? isPublished === true : names.some((name) => when.test(name)),
  );
  if (form !== undefined) return (name) => form.names.reduce((so, [from, to]) => so.replace(from, to), name);
  if (wrapper === null) return (name) => name;
  const beginnings = formOf(wrapper, names);
  return (name) => {
    const start = (['model.', 'lm_head.'] as const).find((each) => name.startsWith(each));
    return start === undefined ? name : `${beginnings[start]}${name.slice(start.length)}`;
  };
};

const formOf = ({ forms }: WrapperRecord, names: readonly string[]): WrapperRecord['forms'][number] => {
  const found = forms.find((form) => names.some((name) => name.startsWith(form['model.']))) ?? forms[0];
  if (found === undefined) throw new Error('a wrapper without forms of names');
  return found;
};

/** Ending of the name of a float8 matrix' block scales. */
export const SCALE_ENDING = '_scale_inv';

/**
 * The tensors of a model whose weights are not here: every tensor has the shape that a family asks for. `names`: those
 * of an index, beside which none exists; or of some of its experts, which show the layout, beside which any does.
 */
export class AssumedTensors extends Map<string, TensorView> {
  readonly isWhole: boolean;
  readonly #dtype: PlainDtype;
  readonly #isFloat8: boolean;
  readonly #assumed = new Map<string, TensorView>();

  constructor(
    names: readonly string[],
    { dtype, isFloat8, isWhole }: { readonly dtype: PlainDtype; readonly isFloat8: boolean; readonly isWhole: boolean },
  ) {
    const known = new Set(names);
    const hasScales = (name: string): boolean => isFloat8 && (!isWhole || known.has(`${name}${SCALE_ENDING}`));
    super(
      names.map((tensor) => [
        tensor,
        {
          tensor,
          file: '',
          dtype: hasScales(tensor) ? 'F8_E4M3' : dtype,
          shape: [],
          byteOffset: 0,
          byteLength: 0,
        },
      ]),
    );
    this.isWhole = isWhole;
    this.#dtype = dtype;
    this.#isFloat8 = isFloat8;
  }

  override has(name: string): boolean {
    return super.has(name) || (!this.isWhole && this.#isFloat8 && name.endsWith(SCALE_ENDING));
  }

  /** The tensor as it must be; null where the index lacks it. */
  assume(tensor: string, shape: readonly number[], dtypes: readonly PlainDtype[]): TensorView | null {
    if (this.isWhole && !super.has(tensor)) return null;
    const dtype = dtypes.includes(this.#dtype) ? this.#dtype : (dtypes[0] ?? this.#dtype);
    const byteLength = dtypeBytes[dtype] * valuesIn(shape);
    const view: TensorView = { tensor, file: '', dtype, shape, byteOffset: 0, byteLength };
    this.#assumed.set(tensor, view);
    return view;
  }

  /** Bytes of all that was assumed. */
  get assumedBytes(): number {
    let sum = 0;
    for (const { byteLength } of this.#assumed.values()) sum += byteLength;
    return sum;
  }

  /** All that was assumed, by name; each as if it were alone in a file. */
  get assumed(): ReadonlyMap<string, TensorView> {
    return this.#assumed;
  }
}
