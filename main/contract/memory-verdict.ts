import type { ModelInfo } from './model.ts';

/** Whether a model can run within a budget: with every block in memory, one block at a time, or not at all. */
export interface MemoryVerdict {
  readonly kind: 'resident' | 'streamed' | 'too-large';
  /** Bytes of weights that it will hold at once. */
  readonly needBytes: number;
  readonly budgetBytes: number;
}

/** Told before anything runs, from headers alone. */
export const memoryVerdict = ({ memory }: Pick<ModelInfo, 'memory'>, budgetBytes: number): MemoryVerdict => {
  if (memory.resident <= budgetBytes) return { kind: 'resident', needBytes: memory.resident, budgetBytes };
  if (memory.streaming <= budgetBytes) return { kind: 'streamed', needBytes: memory.streaming, budgetBytes };
  return { kind: 'too-large', needBytes: memory.streaming, budgetBytes };
};
