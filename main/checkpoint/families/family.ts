import type { RoutingRule } from '../descriptor.ts';

/**
 * A model family as data: config keys with their defaults, and tensor names. `{l}` stands for the layer, `{e}` for the
 * expert. A family of a known kind needs such a record and a fixture, no code.
 */
export interface Family {
  /** Value of config.json's `model_type`. */
  readonly modelType: string;
  readonly config: {
    /** Keys for E in order of preference. */
    readonly experts: readonly string[];
    readonly topK: string;
    readonly expertWidth: string;
    readonly defaults: Readonly<Record<string, number>>;
  };
  readonly routing: RoutingRule;
  /** Values that some keys must have (or may lack) for this record to be right: anything else is refused by name. */
  readonly required: readonly { readonly key: string; readonly values: readonly unknown[] }[];
  readonly embedding: string;
  readonly finalNorm: string;
  readonly head: string;
  readonly attention: { readonly norm: string; readonly query: string; readonly key: string; readonly value: string; readonly output: string };
  readonly moeNorm: string;
  /** Layouts met on disk; the one whose router name is there is taken. */
  readonly layouts: readonly ExpertLayout[];
  /** Tensors without meaning for inference that old files carry; any other unknown tensor is refused. */
  readonly ignored: readonly RegExp[];
}

export type ExpertLayout =
  | {
      readonly kind: 'per-expert';
      readonly router: string;
      readonly prefix: string;
      readonly gate: string;
      readonly up: string;
      readonly down: string;
    }
  | {
      /** gate and up stacked as rows: gateUp [E, 2I, H], down [E, H, I] (transformers 5 runtime layout). */
      readonly kind: 'stacked-rows';
      readonly router: string;
      readonly gateUp: string;
      readonly down: string;
    };
