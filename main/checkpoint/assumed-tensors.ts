import { valuesIn } from '../arithmetic/vectors.ts';
import type { PlainDtype, TensorView } from './descriptor.ts';
import { dtypeBytes } from './safetensors-header.ts';

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
