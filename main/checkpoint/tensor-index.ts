import { refuse } from '../contract/errors.ts';
import type { TensorDtype, TensorView } from './descriptor.ts';

const weightDtypes: readonly TensorDtype[] = ['F32', 'F16', 'BF16'];

/** The tensors of a folder, handed out once each and checked against the shape that the family asks for. */
export class TensorIndex {
  readonly #tensors: ReadonlyMap<string, TensorView>;
  readonly #taken = new Set<string>();
  readonly #folder: string;

  constructor(tensors: ReadonlyMap<string, TensorView>, folder: string) {
    this.#tensors = tensors;
    this.#folder = folder;
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  /** `dtypes`: what this layout allows the tensor to be. */
  take(name: string, shape: readonly number[], dtypes: readonly TensorDtype[] = weightDtypes): TensorView {
    const view = this.#tensors.get(name);
    if (view === undefined) {
      throw refuse('missing-tensor', `${this.#folder}: tensor "${name}" is missing.`, 'Fetch the checkpoint again, or check that config.json belongs to it.');
    }
    if (view.shape.length !== shape.length || view.shape.some((length, axis) => length !== shape[axis])) {
      throw refuse('wrong-shape', `${view.file}: tensor "${name}" has shape [${view.shape.join(', ')}] where config.json asks for [${shape.join(', ')}].`, 'Check that config.json and the weights belong together.');
    }
    if (!dtypes.includes(view.dtype)) {
      throw refuse('wrong-dtype', `${view.file}: tensor "${name}" is ${view.dtype}; this layout holds ${dtypes.join(', ')}.`, 'Convert the checkpoint to float32, float16 or bfloat16, or fetch it again.');
    }
    this.#taken.add(name);
    return view;
  }

  /** A tensor that nothing reads would be lost in silence: refuse it, unless it is named as meaningless. Answers those. */
  refuseLeftovers(ignored: readonly RegExp[]): readonly string[] {
    const free = [...this.#tensors.keys()].filter((name) => !this.#taken.has(name));
    const leftovers = free.filter((name) => !ignored.some((pattern) => pattern.test(name)));
    if (leftovers.length === 0) return free;
    const shown = leftovers.slice(0, 3).map((name) => `"${name}"`).join(', ');
    throw refuse(
      'unknown-tensor',
      `${this.#folder}: ${String(leftovers.length)} tensor(s) have no place in this family: ${shown}${leftovers.length > 3 ? ', …' : ''}.`,
      'Check that config.json and the weights belong together; adapters and extra heads are not supported.',
    );
  }
}
