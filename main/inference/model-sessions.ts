import type { MappedWeights } from '../checkpoint/mapped-weights.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import type { ProviderName } from '../contract/device.ts';
import type { GraphTarget, SerialisedGraph } from '../graph/onnx-graph.ts';
import { externalDataRoot } from '../graph/weights.ts';
import { HalfRange } from './half-range.ts';
import { providers } from './providers/provider.ts';
import { Session, type SessionSettings } from './session.ts';

/** Opens sessions over parts of a checkpoint. */
export class ModelSessions {
  readonly checkpoint: Checkpoint;
  /** Device of the graphs. */
  readonly target: GraphTarget;
  readonly #common: Pick<SessionSettings, 'threads' | 'provider' | 'externalRoot' | 'weights'>;
  readonly #mapped: MappedWeights;
  readonly #range: HalfRange;

  constructor(checkpoint: Checkpoint, threads: number, provider: ProviderName, mapped: MappedWeights) {
    this.checkpoint = checkpoint;
    this.target = providers[provider];
    this.#common = { threads, provider, externalRoot: externalDataRoot(checkpoint.folder), weights: 'resident' };
    this.#mapped = mapped;
    this.#range = new HalfRange(checkpoint.name);
  }

  /**
   * `title`: of the session, for messages; `part` of the model `reads` these weights: later changes of their files are
   * found by that name.
   *
   * @throws WorkbenchError `beyond-half`, or as `Session.open`.
   */
  async open(
    title: string,
    { part, reads }: { readonly part: string; readonly reads: unknown },
    graph: SerialisedGraph,
    own: Partial<Pick<SessionSettings, 'provider' | 'weights' | 'isLong'>> = {},
  ): Promise<Session> {
    await this.#mapped.note(part, reads);
    await this.#range.require(graph);
    return Session.open(`${title} of ${this.checkpoint.name}`, graph, { ...this.#common, ...own });
  }
}
