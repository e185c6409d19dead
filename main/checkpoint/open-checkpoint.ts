import type { ModelInfo } from '../contract/model.ts';
import type { ModelDescriptor, TensorView } from './descriptor.ts';

/** An opened model folder: headers read, nothing loaded, weights where they lie. */
export interface Checkpoint {
  readonly folder: string;
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly descriptor: ModelDescriptor;
  /** Every tensor on disk by name, whole. */
  readonly tensors: ReadonlyMap<string, TensorView>;
  readonly info: ModelInfo;
  readonly fingerprint: string;
}
