import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { loadTokenizer, type TextTokenizer } from '../checkpoint/load-tokenizer.ts';
import { MappedWeights } from '../checkpoint/mapped-weights.ts';
import { BATCH_SLOTS } from '../checkpoint/memory-need.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { temporaryNameFor } from '../files/write-atomically.ts';
import type { Plan } from '../contract/plan.ts';
import type { TaskItem } from '../contract/task.ts';
import { streamWidth } from '../graph/stream.ts';
import { maxOf } from '../statistics/extremes.ts';
import { withProducts } from './float64-products.ts';
import { decodingCost } from './decoding/decoding-group.ts';
import { decode } from './decoding/decode.ts';
import type {
  Candidate,
  DecodedRow,
  ForwardResult,
  ModelRunner,
  ModelRunnerSettings,
  OpenModel,
  RowToDecode,
  RunControl,
  RunnerTuning,
} from './model-runner.ts';
import type { TokenReader } from '../profile/expert-tokens.ts';
import { classesOf, tokenReader } from '../profile/token-reader.ts';
import type { Batch } from './batch.ts';
import { BlockPool } from './block-pool.ts';
import { groupKey, joinFidelity, NO_POSITIONS, UnprunedStates } from './fidelity.ts';
import { ModelSessions } from './model-sessions.ts';
import { HiddenStore, KEPT_SHARE } from './hidden-store.ts';
import { Executor, type ResolvedCandidate } from './executor.ts';
import { itemOutcome, BaseRunner, prefixSums, setLayer } from './base-runner.ts';
import type { ItemFidelity } from '../contract/outcome.ts';
import type { LayerVariant } from './layer-variant.ts';
import type { Overlays } from './overlays.ts';
import { type LayersRequest, profileDrawsOfLayers, profileLayers } from './profile-layers.ts';
import { mergeByOutputs } from './merge-by-outputs.ts';
import { pruneProgressively } from './prune-progressively.ts';
import { recoverPlan } from './recover-plan.ts';
import { resolveCandidate } from './resolve-candidate.ts';
import {
  groupOf,
  groupTargets,
  type ScoredGroup,
  scoredStates,
  scoredTokens,
  Scorer,
  type TargetScore,
  unscoredTokens,
} from './scorer.ts';
import { splitPrefix, treeOf } from './token-tree.ts';

/** Opens a checkpoint for running. Sessions of blocks are created on first use. */
export const openModel = async (
  checkpoint: Checkpoint,
  settings: ModelRunnerSettings,
  tuning: RunnerTuning = {},
): Promise<OpenModel> => {
  const { threads, memoryBudgetBytes, scratchFolder } = settings;
  const {
    provider = settings.provider ?? 'cpu',
    batchSlots: slots = BATCH_SLOTS,
    streamed = false,
    mostJointUnknowns,
  } = tuning;
  const mapped = new MappedWeights(checkpoint.tensors);
  const sessions = new ModelSessions(checkpoint, threads, provider, mapped);
  const pool = new BlockPool(sessions, memoryBudgetBytes, streamed);
  const executor = await Executor.open(sessions, pool, slots, scratchFolder);
  const scorer = new Scorer(sessions);
  const { vocabulary } = checkpoint.descriptor;
  const tokenizer = await loadTokenizer(checkpoint.folder, vocabulary);
  const store = new HiddenStore(scratchFolder, KEPT_SHARE * pool.spareBytes);
  const unpruned = new UnprunedStates(scorer, { vocabulary, width: streamWidth(checkpoint.descriptor) }, store);
  const dispose = async (): Promise<void> => {
    await pool.dispose();
    await executor.dispose();
    await scorer.dispose();
    await unpruned.dispose();
  };
  const sizes = { threads, slots, scratchFolder, mostJointUnknowns };
  const parts = { checkpoint, tokenizer, ...sizes, pool, executor, scorer, unpruned };
  return {
    checkpoint,
    runner: (overlays) => new Runner({ ...parts, overlays, dispose }),
    changedWeights: () => mapped.changed(),
    dispose,
  };
};

interface RunnerParts {
  readonly checkpoint: Checkpoint;
  readonly tokenizer: TextTokenizer | null;
  readonly threads: number;
  readonly slots: number;
  readonly scratchFolder: string;
  readonly mostJointUnknowns: number | undefined;
  readonly pool: BlockPool;
  readonly executor: Executor;
  readonly scorer: Scorer;
  readonly unpruned: UnprunedStates;
  readonly overlays: Overlays;
  readonly dispose: () => Promise<void>;
}

class Runner extends BaseRunner implements ModelRunner {
  readonly #parts: RunnerParts;
  #reader: TokenReader | null = null;

  constructor(parts: RunnerParts) {
    super(parts.checkpoint, parts.tokenizer);
    this.#parts = parts;
  }

  readonly evaluate: ModelRunner['evaluate'] = async (given, candidates, control) => {
    const { items, lists } = this.encode(given);
    const groups = lists.map((list, index) => groupOf(list, 'choices' in (items[index] ?? {})));
    const compared = new Map<string, ItemFidelity[]>();
    const scores =
      control.fidelity === undefined
        ? await this.#score(groups.flat(), candidates, control)
        : await this.#scoreAndCompare(groups.flat(), candidates, control, control.fidelity, compared);
    const firstGroup = prefixSums(groups.map((list) => list.length));
    return new Map(
      [...scores].map(([key, perGroup]) => [
        key,
        items.map((item, index) => {
          const [first, end] = [firstGroup[index], firstGroup[index + 1]];
          const outcome = itemOutcome(item, lists[index] ?? [], perGroup.slice(first, end).flat());
          const fidelity = compared.get(key);
          return fidelity === undefined ? outcome : { ...outcome, fidelity: joinFidelity(fidelity.slice(first, end)) };
        }),
      ]),
    );
  };

  readonly compareTokens: ModelRunner['compareTokens'] = async (requests, candidates, control) => {
    const groups = requests.flatMap((request) => groupOf([this.sequenceOf(request)], false));
    const compared = new Map<string, ItemFidelity[]>();
    await this.#scoreAndCompare(groups, candidates, control, control.fidelity, compared, false);
    return compared;
  };

  readonly profile: ModelRunner['profile'] = async (items, control, extras = []) => {
    const { streaming } = this.#parts.pool;
    const statistics = await profileLayers({ ...(await this.#request(items, control)), extras, streaming });
    statistics.items = items.length;
    await this.#parts.pool.closeMerged();
    return statistics;
  };

  readonly profileDraws: ModelRunner['profileDraws'] = async (items, times, control, extras = []) => {
    const request = await this.#request(items, control);
    const ofTrees = times.map((ofDraw) => request.itemOf.map((item) => ofDraw[item] ?? 0));
    const draws = await profileDrawsOfLayers({ ...request, extras }, ofTrees);
    for (const [draw, statistics] of draws.entries())
      statistics.items = (times[draw] ?? []).reduce((sum, count) => sum + count, 0);
    await this.#parts.pool.closeMerged();
    return draws;
  };

  readonly recover: ModelRunner['recover'] = async (plan, items, tasks, control, refit = 'experts') => {
    const { overlays, mostJointUnknowns } = this.#parts;
    const { recovery: _recovery, ...bare } = plan;
    const request = await this.#request(items, control);
    const pruned = await resolveCandidate(this.checkpoint, { key: 'pruned', plan: bare }, overlays);
    const scratchFolder = temporaryNameFor(path.join(this.#parts.scratchFolder, 'recovering'));
    await mkdir(scratchFolder, { recursive: true });
    try {
      return await withProducts((products) =>
        recoverPlan({
          ...request,
          plan: bare,
          tasks,
          pruned,
          refit,
          scratchFolder,
          products,
          overlays,
          mostJointUnknowns,
        }),
      );
    } finally {
      await this.#parts.pool.closeMerged();
      await rm(scratchFolder, { recursive: true, force: true });
    }
  };

  readonly pruneProgressively: ModelRunner['pruneProgressively'] = async (items, keptPerLayer, control) => {
    const kept = await pruneProgressively({ ...(await this.#request(items, control)), keptPerLayer });
    await this.#parts.pool.closeMerged();
    return kept;
  };

  readonly mergeByOutputs: ModelRunner['mergeByOutputs'] = async (items, keep, settings, tasks, control) => {
    const { overlays } = this.#parts;
    const request = await this.#request(items, control);
    try {
      return await withProducts((products) =>
        mergeByOutputs({ ...request, tasks, keep, settings, overlays, products }),
      );
    } finally {
      await this.#parts.pool.closeMerged();
    }
  };

  readonly forward: ModelRunner['forward'] = async (sequences, plan, control, want = 'every') => {
    const { vocabulary, moeLayers } = this.checkpoint.descriptor;
    const width = streamWidth(this.checkpoint.descriptor);
    this.checkTokens(sequences);
    const candidate = await this.#resolve([{ key: 'plan', plan }]);
    const skipped = sequences.map(({ length }) => (want === 'last' ? length - 1 : 0));
    const results = sequences.map((sequence, index) =>
      emptyForward(sequence.length - (skipped[index] ?? 0), vocabulary, candidate[0], moeLayers.length),
    );
    await this.#parts.executor.run(
      sequences.map((trunk) => ({ trunk, branches: [] })),
      candidate,
      {
        taps: (layer, batch, _candidates, taps) => {
          batch.trees.forEach((tree, member) => {
            const result = results[tree];
            const before = skipped[tree] ?? 0;
            const [row, length] = [(batch.firstRow[member] ?? 0) + before, (sequences[tree]?.length ?? 0) - before];
            if (result === undefined) return;
            setLayer(
              result.routerLogits,
              rowsOf(taps.logits, row, length, batch.tokens),
              layer,
              moeLayers.length,
              length,
            );
            setLayer(result.experts, rowsOf(taps.experts, row, length, batch.tokens), layer, moeLayers.length, length);
          });
        },
        hidden: async (batch, _candidates, states) => {
          for (const [member, tree] of batch.trees.entries()) {
            const first = batch.firstRow[member] ?? 0;
            const [row, end] = [first + (skipped[tree] ?? 0), first + (sequences[tree]?.length ?? 0)];
            const rows = states.slice(row * width, end * width);
            results[tree]?.logits.set(await this.#parts.scorer.logits(rows));
          }
        },
      },
      control,
    );
    await this.#parts.pool.closeMerged();
    return results;
  };

  async *decode(
    rows: readonly RowToDecode[],
    candidates: readonly Candidate[],
    control: RunControl,
  ): AsyncGenerator<DecodedRow> {
    const { pool, executor, scorer, slots } = this.#parts;
    const engine = { model: this.checkpoint.descriptor, pool, executor, scorer };
    yield* decode(engine, rows, await this.#resolve(candidates), { slots }, control);
  }

  readonly decodingCost: ModelRunner['decodingCost'] = async (rows, candidates) => {
    return decodingCost(this.checkpoint.descriptor, this.#parts.pool, rows, await this.#resolve(candidates));
  };

  readonly releaseCandidates: ModelRunner['releaseCandidates'] = () => this.#parts.pool.closeMerged();

  readonly dispose: ModelRunner['dispose'] = () => this.#parts.dispose();

  protected async scoreGroups(
    groups: readonly ScoredGroup[],
    plan: Plan | null,
    control: RunControl,
  ): Promise<readonly (readonly (readonly TargetScore[])[])[]> {
    return (await this.#score(groups, [{ key: 'plan', plan }], control)).get('plan') ?? [];
  }

  /**
   * Scores candidates, and compares their distributions with the unpruned model's: fills `compared`, per candidate and
   * group. The unpruned model runs first where its states are not kept from an earlier call.
   */
  async #scoreAndCompare(
    groups: readonly ScoredGroup[],
    candidates: readonly Candidate[],
    control: RunControl,
    subject: string,
    compared: Map<string, ItemFidelity[]>,
    withScores = true,
  ): Promise<Map<string, TargetScore[][][]>> {
    const { unpruned } = this.#parts;
    await unpruned.turnTo(subject);
    const keys = groups.map(groupKey);
    const whole = candidates.filter(({ plan }) => plan === null);
    const isKept = keys.every((key) => unpruned.has(key));
    const alone = isKept || whole.length > 0 ? whole : [{ key: 'unpruned', plan: null }];
    const pruned = candidates.filter(({ plan }) => plan !== null);
    const scores = new Map<string, TargetScore[][][]>();
    const runs = [alone, pruned].filter((some) => some.length > 0);
    const all = runs.flat().length;
    let finished = 0;
    for (const some of runs) {
      const before = finished;
      const onProgress = (done: number, total: number): void =>
        control.onProgress?.(((before + (some.length * done) / total) / all) * total, total);
      const scored = await this.#score(
        groups,
        some,
        { ...control, onProgress },
        { keys, compared, keep: some === alone, withScores },
      );
      finished += some.length;
      if (some === pruned || alone === whole) for (const [key, found] of scored) scores.set(key, found);
    }
    return scores;
  }

  /**
   * Per candidate and group, per sequence, the scores of its targets in order. `comparison`: with the states of the
   * unpruned model of groups by key, which are kept first where the candidate is that model (`keep`).
   */
  async #score(
    groups: readonly ScoredGroup[],
    candidates: readonly Candidate[],
    control: RunControl,
    comparison?: {
      readonly keys: readonly string[];
      readonly compared: Map<string, ItemFidelity[]>;
      readonly keep: boolean;
      /** False: only the comparison is wanted, and the scores stay empty. */
      readonly withScores: boolean;
    },
  ): Promise<Map<string, TargetScore[][][]>> {
    const width = streamWidth(this.checkpoint.descriptor);
    const resolved = await this.#resolve(candidates);
    await this.#parts.pool.closeMerged(
      resolved.flatMap(({ variants }) => variants.map(({ sessionKey }) => sessionKey)),
    );
    const scores = new Map(candidates.map(({ key }) => [key, groups.map((): TargetScore[][] => [])]));
    const { prefix, trees } = splitPrefix(
      groups.map(({ tree }) => tree),
      groups.map(({ sequences }) => unscoredTokens(sequences)),
    );
    const targetsOf = onceEach((batch: Batch) => {
      const targets = batch.trees.map((tree, member) =>
        groupTargets(trees[tree] ?? treeOf([]), groups[tree]?.sequences ?? [], batch.firstRow[member] ?? 0),
      );
      return { targets, all: targets.flat(2) };
    });
    await this.#parts.executor.run(
      trees,
      resolved,
      {
        hidden: async (batch, members, hidden) => {
          const { targets, all } = targetsOf(batch);
          const flat = comparison?.withScores === false ? [] : await this.#parts.scorer.score(hidden, all);
          let next = 0;
          batch.trees.forEach((tree, member) => {
            const ofTree = (targets[member] ?? []).map((list) => flat.slice(next, (next += list.length)));
            for (const { key } of members) scores.get(key)?.splice(tree, 1, ofTree);
          });
          if (comparison === undefined) return;
          const keys = batch.trees.map((tree) => comparison.keys[tree] ?? '');
          const states = targets.map((lists) => scoredStates(hidden, lists.flat(), width));
          if (comparison.keep)
            for (const [member, key] of keys.entries())
              await this.#parts.unpruned.keep(key, states[member] ?? new Float32Array(), () => {
                const group = groups[batch.trees[member] ?? -1];
                return group === undefined ? null : this.#classesOf(group);
              });
          const found = await this.#parts.unpruned.compare(keys, joined(states));
          for (const { key } of members) {
            const comparedPositions = comparison.compared.get(key) ?? groups.map(() => NO_POSITIONS);
            batch.trees.forEach((tree, member) => comparedPositions.splice(tree, 1, found[member] ?? NO_POSITIONS));
            comparison.compared.set(key, comparedPositions);
          }
        },
      },
      control,
      prefix,
    );
    if (control.goesOn !== true) await this.#parts.pool.closeMerged();
    return scores;
  }

  /** Classes of the tokens at the scored positions of a group; null without a tokenizer. */
  #classesOf({ tree, sequences }: ScoredGroup): Uint8Array | null {
    if (this.tokenizer === null) return null;
    this.#reader ??= tokenReader(this.tokenizer);
    return classesOf(this.#reader, scoredTokens(tree, sequences));
  }

  async #resolve(candidates: readonly Candidate[]): Promise<ResolvedCandidate[]> {
    const resolved: ResolvedCandidate[] = [];
    for (const candidate of candidates)
      resolved.push(await resolveCandidate(this.checkpoint, candidate, this.#parts.overlays));
    return resolved;
  }

  /** The unpruned model and calibration items as token trees. */
  async #request(items: readonly TaskItem[], control: RunControl): Promise<LayersRequest> {
    const { overlays, executor, threads } = this.#parts;
    const { sequences, counted, itemOf } = this.calibration(items);
    const trees = sequences.map((trunk, index) => {
      const marked = counted[index];
      return { trunk, branches: [], ...(marked === undefined ? {} : { counted: marked }) };
    });
    const unpruned = await resolveCandidate(this.checkpoint, { key: 'unpruned', plan: null }, overlays);
    return { checkpoint: this.checkpoint, executor, unpruned, trees, itemOf, threads, control };
  }
}

/** A function whose value of each object is computed once, and kept as long as the object. */
const onceEach = <Given extends object, Value>(compute: (given: Given) => Value): ((given: Given) => Value) => {
  const known = new WeakMap<Given, Value>();
  return (given) => {
    const value = known.get(given) ?? compute(given);
    known.set(given, value);
    return value;
  };
};

const joined = (parts: readonly Float32Array[]): Float32Array => {
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let filled = 0;
  for (const part of parts) {
    whole.set(part, filled);
    filled += part.length;
  }
  return whole;
};

/** `length` rows from `row` of a row-major matrix with `rows` rows. */
const rowsOf = <T extends Float32Array | Int32Array>(matrix: T, row: number, length: number, rows: number): T => {
  const width = matrix.length / rows;
  return matrix.subarray(row * width, (row + length) * width) as T;
};

const emptyForward = (
  tokens: number,
  vocabulary: number,
  candidate: ResolvedCandidate | undefined,
  layers: number,
): ForwardResult => {
  const variants = candidate?.variants.filter(({ layer }) => layer !== null) ?? [];
  const most = (of: (variant: LayerVariant) => number): number => maxOf([0, ...variants.map(of)]);
  return {
    logits: new Float32Array(tokens * vocabulary),
    routerLogits: new Float32Array(layers * tokens * most(({ mask }) => mask.length)).fill(-Infinity),
    experts: new Int32Array(layers * tokens * most(({ layer }) => layer?.topK ?? 0)).fill(-1),
  };
};
