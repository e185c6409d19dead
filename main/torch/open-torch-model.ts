import { loadTokenizer, type TextTokenizer } from '../checkpoint/load-tokenizer.ts';
import { TORCH_LIMITS } from '../checkpoint/memory-need.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import type { TorchPrecision } from '../contract/device.ts';
import { FEW_SAMPLED } from '../contract/profile.ts';
import { present, refuse } from '../contract/errors.ts';
import type { ItemFidelity, ScoredOutcome } from '../contract/outcome.ts';
import { isMergePlan, type Plan } from '../contract/plan.ts';
import { groupTrees } from '../inference/batch.ts';
import { checkRows } from '../inference/decoding/decode.ts';
import { groupKey, joinFidelity, joinPositions } from '../inference/fidelity.ts';
import { itemOutcome, BaseRunner, type Calibration, prefixSums, setLayer } from '../inference/base-runner.ts';
import type {
  Candidate,
  DecodedRow,
  ModelRunner,
  ModelRunnerSettings,
  OpenModel,
  RowToDecode,
  RunControl,
} from '../inference/model-runner.ts';
import { openModel } from '../inference/open-model-runner.ts';
import { type TokenTree, treeOf } from '../inference/token-tree.ts';
import type { Overlays } from '../inference/overlays.ts';
import {
  countedRows,
  eliminate,
  emptyProfile,
  requireMeasurable,
  sharedPrefix,
  tapsWithin,
  traceBuilders,
} from '../inference/profile-layers.ts';
import {
  groupOf,
  groupTargets,
  scoredTokens,
  type ScoredGroup,
  type ScoredSequence,
  type TargetScore,
} from '../inference/scorer.ts';
import { accumulateResidual } from '../profile/accumulate-outputs.ts';
import type { TokenReader } from '../profile/expert-tokens.ts';
import { classesOf, tokenReader } from '../profile/token-reader.ts';
import { accumulateRouting } from '../profile/accumulate-routing.ts';
import { addSums, clearSums, drawnExtras } from '../profile/calibration-draws.ts';
import { addChoices, MOST_TOKENS, openChoiceSample } from '../profile/choice-sample.ts';
import type { ExtraStatistic, RoutingStatistics, RoutingTaps } from '../profile/routing-statistics.ts';
import type { TraceBuilder } from '../pruning/search/layer-trace.ts';
import { maxOf } from '../statistics/extremes.ts';
import { type ScoreBatch, type ScoreWork, scoreWork, type Sharing, treeRows } from './score-batches.ts';
import { type ComputedBy, TorchModel, type TorchWorkers } from './torch-model.ts';
import { allSettled, floats, type FrameTensor, integers, row, type WorkerAnswer } from './worker-link.ts';

/** Tokens of prompts, and of the rows' keys and values, that are written together. */
const DECODING_SLOTS = 8192;

/**
 * Opens a checkpoint in a process of `workers`. `precision` null: chosen by the checkpoint and the device; `started` is
 * called with the versions and the device. The caller disposes of the workers.
 *
 * @throws WorkbenchError of its start.
 */
export const openTorchModel = async (
  checkpoint: Checkpoint,
  settings: ModelRunnerSettings,
  workers: TorchWorkers,
  precision: TorchPrecision | null,
  started: (by: ComputedBy, precision: TorchPrecision) => void = () => undefined,
): Promise<OpenModel> => {
  const tokenizer = await loadTokenizer(checkpoint.folder, checkpoint.descriptor.vocabulary);
  const model = await TorchModel.start(checkpoint, workers, precision, settings.memoryBudgetBytes);
  started(model.computedBy, model.precision);
  return {
    checkpoint,
    runner: (overlays, say = () => undefined) => new TorchRunner(model, tokenizer, settings, { overlays, say }),
    changedWeights: () => model.changedWeights(),
    dispose: () => model.dispose(),
  };
};

/** Padded tokens of a batch of a profile. */
const PROFILE_SLOTS = 2048;
/** Numbers that the outputs of all experts of all layers take in one answer. */
const MOST_OUTPUTS = 2 ** 25;

/** Answers, profiles, forward passes, scores and greedy texts by transformers' own classes; other work is refused. */
class TorchRunner extends BaseRunner implements ModelRunner {
  readonly #model: TorchModel;
  readonly #settings: ModelRunnerSettings;
  readonly #overlays: Overlays;
  readonly #say: (text: string) => void;

  constructor(
    model: TorchModel,
    tokenizer: TextTokenizer | null,
    settings: ModelRunnerSettings,
    { overlays, say }: { readonly overlays: Overlays; readonly say: (text: string) => void },
  ) {
    super(model.checkpoint, tokenizer);
    this.#model = model;
    this.#settings = settings;
    this.#overlays = overlays;
    this.#say = say;
  }

  /** Candidates one after the other; a context is computed once for its choices. */
  readonly evaluate: ModelRunner['evaluate'] = async (given, candidates, control) => {
    const { items, lists } = this.encode(given);
    const first = prefixSums(lists.map(({ length }) => length));
    const sequences = lists.flat();
    const isCompared = control.fidelity !== undefined;
    const reader = tokenReader(this.requireTokenizer());
    const outcomes = new Map<string, readonly ScoredOutcome[]>();
    await this.#scoreEach(sequences, candidates, control, (key, scores) => {
      outcomes.set(
        key,
        items.map((item, index) => {
          const ofItem = scores.slice(first[index], first[index + 1]);
          const outcome = itemOutcome(item, lists[index] ?? [], ofItem);
          if (!isCompared) return outcome;
          return { ...outcome, fidelity: itemFidelity(groupOf(lists[index] ?? [], 'choices' in item), ofItem, reader) };
        }),
      );
    });
    return outcomes;
  };

  readonly compareTokens: ModelRunner['compareTokens'] = async (requests, candidates, control) => {
    const sequences = requests.map((request) => this.sequenceOf(request));
    const compared = new Map<string, readonly ItemFidelity[]>();
    const reader = tokenReader(this.requireTokenizer());
    await this.#scoreEach(sequences, candidates, control, (key, scores) => {
      compared.set(
        key,
        sequences.map((sequence, index) =>
          itemFidelity(groupOf([sequence], false), scores.slice(index, index + 1), reader),
        ),
      );
    });
    return compared;
  };

  /** Scores of every candidate by sequence; with fidelity the unpruned model comes first and its states are kept. */
  async #scoreEach(
    sequences: readonly ScoredSequence[],
    candidates: readonly Candidate[],
    control: RunControl,
    take: (key: string, scores: readonly (readonly ComparedScore[])[]) => void,
  ): Promise<void> {
    const states = control.fidelity === undefined ? null : `${control.fidelity} ${groupKey({ sequences })}`;
    const whole = candidates.filter(({ plan }) => plan === null);
    const isKept = states === null || this.#model.keptStates === states;
    const alone: readonly Candidate[] = isKept || whole.length > 0 ? whole : [{ key: 'unpruned', plan: null }];
    // Without a comparison the order does not matter; with one the unpruned model comes first.
    const order = states === null ? candidates : [...alone, ...candidates.filter(({ plan }) => plan !== null)];
    for (const [turn, { key, plan }] of order.entries()) {
      const onProgress = (done: number, total: number): void =>
        control.onProgress?.((turn * total + done) * (candidates.length / order.length), candidates.length * total);
      const scores = await this.#scores(sequences, plan, { ...control, onProgress }, states);
      if (candidates.some((candidate) => candidate.key === key)) take(key, scores);
    }
  }

  /** The experts' choices and outputs come from the worker in float32; the sums are those of the other engine. */
  readonly profile: ModelRunner['profile'] = async (items, control, extras = []) => {
    const { sequences, counted } = this.calibration(items);
    const opened = emptyProfile(this.checkpoint, extras);
    const most = extras.includes('choices') ? MOST_TOKENS : FEW_SAMPLED;
    const choices = openChoiceSample(sequences, opened.layers, opened.topK, most);
    const statistics = { ...opened, sample: choices.sample };
    const traces = extras.includes('elimination') ? traceBuilders(this.checkpoint, tokensOf(sequences)) : null;
    const firstToken = prefixSums(sequences.map(({ length }) => length));
    const { hidden } = this.checkpoint.descriptor;
    // Where only routing is measured, a prefix that items share runs once and counts for each of them.
    const sharesPrefix =
      extras.length === 0 && this.#sharing === 'prefixes' && counted.every((each) => each === undefined);
    const apart = sequences.map((trunk): TokenTree => ({ trunk, branches: [] }));
    const { prefix, trees } = sharesPrefix ? sharedPrefix(apart) : { prefix: [], trees: apart };
    const sharing = [...trees.keys()].filter((index) => trees[index]?.start !== undefined);
    if (prefix.length > 0) {
      const once = emptyProfile(this.checkpoint, extras);
      const whole = { trees: [{ trunk: prefix, branches: [] }], counted: [undefined] };
      await this.#observe(whole, { signal: control.signal }, { extras, traces }, ({ layers }) => {
        for (const [layer, taps] of layers.entries()) {
          accumulateRouting(once, layer, taps);
          for (const index of sharing) {
            const numbers = prefix.map((_, position) => (firstToken[index] ?? 0) + position);
            addChoices(choices, layer, statistics.topK, numbers, taps);
          }
        }
      });
      addSums(statistics, once, sharing.length);
      statistics.tokens += sharing.length * prefix.length;
    }
    await this.#observe({ trees, counted }, control, { extras, traces, prefix }, (batch) => {
      const numbers = batch.members.flatMap((index) => {
        const { trunk, start = 0 } = trees[index] ?? { trunk: [] };
        return trunk.map((_, position) => (firstToken[index] ?? 0) + start + position);
      });
      for (const [layer, taps] of batch.layers.entries()) {
        accumulateRouting(statistics, layer, taps, batch.counted);
        addChoices(choices, layer, statistics.topK, numbers, taps);
        addOutputs(statistics, layer, taps);
        if (taps.cosines !== undefined)
          accumulateResidual(statistics, layer, { ...taps, cosines: taps.cosines, counted: batch.counted });
        if (taps.traced === undefined) continue;
        const { numbers: traced, at, outputs, routed, logits } = taps.traced;
        const weights = batch.counted && Float64Array.from(at, (token) => batch.counted?.[token] ?? 1);
        traces?.builders[layer]?.add(
          traced,
          countedRows(outputs, hidden, weights),
          countedRows(routed, hidden, weights),
          logits,
        );
      }
      statistics.tokens += numbers.length;
    });
    statistics.items = items.length;
    for (const [layer, trace] of (traces?.builders ?? []).entries())
      await eliminate(statistics, layer, trace, this.checkpoint, control.signal);
    return statistics;
  };

  readonly profileDraws: ModelRunner['profileDraws'] = async (items, times, control, extras = []) => {
    if (!extras.every((extra) => drawnExtras.includes(extra))) throw new Error(`no draws of ${extras.join(', ')}`);
    const { sequences, counted, itemOf } = this.calibration(items);
    const draws = times.map(() => emptyProfile(this.checkpoint, extras));
    const once = emptyProfile(this.checkpoint, extras, 1);
    const trees = sequences.map((trunk): TokenTree => ({ trunk, branches: [] }));
    await this.#observe({ trees, counted }, control, { extras, traces: null }, ({ members, layers }) => {
      let row = 0;
      for (const member of members) {
        const length = sequences[member]?.length ?? 0;
        for (const [layer, taps] of layers.entries()) {
          clearSums(once);
          accumulateRouting(once, 0, tapsWithin(taps, row, row + length, once.topK), counted[member]);
          for (const [draw, statistics] of draws.entries()) {
            const drawn = times[draw]?.[itemOf[member] ?? -1] ?? 0;
            if (drawn > 0) addSums(statistics, once, drawn, layer);
          }
        }
        row += length;
      }
    });
    for (const [draw, statistics] of draws.entries()) {
      const ofDraw = times[draw] ?? [];
      statistics.items = ofDraw.reduce((sum, count) => sum + count, 0);
      statistics.tokens = sequences.reduce(
        (sum, { length }, index) => sum + length * (ofDraw[itemOf[index] ?? -1] ?? 0),
        0,
      );
    }
    return draws;
  };

  /** Refits are computed by onnxruntime in float32, and used by PyTorch. */
  readonly recover: ModelRunner['recover'] = (plan, items, tasks, control, refit) =>
    this.#withOnnxruntime((runner) => runner.recover(plan, items, tasks, control, refit));

  /** By onnxruntime, whose search sees the outputs of pruned layers. */
  readonly pruneProgressively: ModelRunner['pruneProgressively'] = (items, keptPerLayer, control) =>
    this.#withOnnxruntime((runner) => runner.pruneProgressively(items, keptPerLayer, control));

  /** By onnxruntime in float32, as refits are. */
  readonly mergeByOutputs: ModelRunner['mergeByOutputs'] = (items, keep, settings, tasks, control) =>
    this.#withOnnxruntime((runner) => runner.mergeByOutputs(items, keep, settings, tasks, control));

  readonly forward: ModelRunner['forward'] = async (sequences, plan, control, want = 'every') => {
    this.checkTokens(sequences);
    await this.#model.load(plan, this.#overlays, control.signal);
    const { moeLayers } = this.checkpoint.descriptor;
    const layers = moeLayers.length;
    // A pruned model numbers what stays, and its rows after those of experts.
    const named = (numbers: Int32Array, layer: number): Int32Array => {
      const kept = plan === null || isMergePlan(plan) || plan.constants !== undefined ? null : plan.kept[layer];
      const gone = (moeLayers[layer]?.moe.experts ?? 0) - (kept?.length ?? 0);
      return kept == null ? numbers : numbers.map((number) => kept[number] ?? number + gone);
    };
    let done = 0;
    return this.#inParts(sequences, async (sequence, part, together) => {
      const tokens = want === 'last' ? 1 : sequence.length;
      const answer = await this.#model.request(
        part,
        'forward',
        { last: want === 'last', together },
        { tokens: row(sequence) },
        control.signal,
      );
      this.#requireLayers(answer);
      const list = <T>(of: (layer: number) => T): readonly T[] =>
        Array.from({ length: layers }, (_, layer) => of(layer));
      const router = list((layer) => floats(answer, `router.${layer}`));
      const experts = list((layer) => named(integers(answer, `experts.${layer}`), layer));
      const size = (values: readonly (Float32Array | Int32Array)[]): number =>
        layers * maxOf([0, ...values.map(({ length }) => length)]);
      const result = {
        logits: floats(answer, 'logits'),
        routerLogits: new Float32Array(size(router)).fill(-Infinity),
        experts: new Int32Array(size(experts)).fill(-1),
      };
      router.forEach((rows, layer) => setLayer(result.routerLogits, rows, layer, layers, tokens));
      experts.forEach((rows, layer) => setLayer(result.experts, rows, layer, layers, tokens));
      control.onProgress?.((done += 1), sequences.length);
      return result;
    });
  };

  /** Candidates one after the other; where texts end, others join. */
  async *decode(
    rows: readonly RowToDecode[],
    candidates: readonly Candidate[],
    control: RunControl,
  ): AsyncGenerator<DecodedRow> {
    checkRows(this.checkpoint.descriptor, rows, candidates);
    const total = rows.reduce((sum, { tokens, mostNewTokens }) => sum + tokens.length + mostNewTokens, 0);
    let done = 0;
    for (const { key: candidate, plan } of candidates) {
      let left: readonly number[] = [...rows.keys()].filter((index) => rows[index]?.candidate === candidate);
      if (left.length === 0) continue;
      await this.#model.load(plan, this.#overlays, control.signal);
      const joins = this.#joins && (await this.#model.joinsRows(control.signal));
      while (left.length > 0) {
        const groups = decodingGroups(rows, left, joins, this.#model.batchShare);
        const { members } = this.#model;
        const ended = new Set<number>();
        try {
          const shared = Array.from({ length: members }, (_, member) =>
            this.#decodeGroups(
              rows,
              groups.filter((_group, index) => index % members === member),
              member,
              control.signal,
            ),
          );
          for await (const decoded of merged(shared)) {
            ended.add(decoded.row);
            const { tokens, mostNewTokens } = rows[decoded.row] ?? { tokens: [], mostNewTokens: 0 };
            done += tokens.length + mostNewTokens;
            control.onProgress?.(done, total);
            yield decoded;
          }
        } catch (error) {
          // Rows that were being written begin again, and give the same tokens.
          this.#model.shrink(error, this.#say);
        }
        left = left.filter((index) => !ended.has(index));
      }
    }
  }

  readonly decodingCost: ModelRunner['decodingCost'] = (rows, candidates) => {
    const groups = candidates.flatMap(({ key }) => {
      const matching = [...rows.keys()].filter((index) => rows[index]?.candidate === key);
      return decodingGroups(rows, matching, this.#joins, this.#model.batchShare);
    });
    return Promise.resolve({
      streamed: false,
      mostSteps: groups.reduce(
        (sum, { members, atOnce }) =>
          sum + Math.ceil(members.length / atOnce) * maxOf(members.map((index) => rows[index]?.mostNewTokens ?? 0)),
        0,
      ),
      rowsAtOnce: maxOf([0, ...groups.map(({ members, atOnce }) => Math.min(members.length, atOnce))]),
      rows: rows.length,
    });
  };

  readonly releaseCandidates: ModelRunner['releaseCandidates'] = () => Promise.resolve();

  readonly dispose: ModelRunner['dispose'] = () => this.#model.dispose();

  /** Whether rows of other lengths can join: padding in front changes a state, and distances within a window. */
  get #joins(): boolean {
    return this.checkpoint.descriptor.blocks.every(
      ({ state, compressed, chunk, window }) =>
        state === null && compressed === null && chunk === null && window === null,
    );
  }

  async *#decodeGroups(
    rows: readonly RowToDecode[],
    groups: readonly DecodingGroup[],
    part: number,
    signal: AbortSignal,
  ): AsyncGenerator<DecodedRow> {
    for (const group of groups) yield* this.#decodeGroup(rows, group, part, signal);
  }

  async *#decodeGroup(
    rows: readonly RowToDecode[],
    { members, atOnce }: DecodingGroup,
    part: number,
    signal: AbortSignal,
  ): AsyncGenerator<DecodedRow> {
    const written = new Map(members.map((index): [number, number[]] => [index, []]));
    const chooses = { logits: members.some((index) => rows[index]?.choose !== undefined) };
    // Compressed keys stay for all rows.
    const cuts = this.checkpoint.descriptor.blocks.every(({ compressed }) => compressed === null);
    const waiting = [...members];
    const ended = new Set<number>();
    /** Rows of the worker's batch, in order. */
    let running: readonly number[] = [];
    const batch = { canCut: false };
    const take = (answer: WorkerAnswer, own: readonly number[]): readonly DecodedRow[] => {
      const next = integers(answer, 'next');
      const logits = chooses.logits ? floats(answer, 'logits') : new Float32Array();
      const width = logits.length / own.length;
      batch.canCut = cuts && answer.header['cuts'] === true;
      return own.flatMap((index, position): DecodedRow[] => {
        const [request, tokens] = [rows[index], written.get(index)];
        if (tokens === undefined || request === undefined || ended.has(index)) return [];
        const of = logits.subarray(position * width, (position + 1) * width);
        tokens.push(request.choose?.(of, tokens) ?? next[position] ?? 0);
        const isDone = request.isDone?.(tokens) === true;
        if (!isDone && tokens.length < request.mostNewTokens) return [];
        ended.add(index);
        return [{ row: index, tokens, ended: isDone ? 'done' : 'length' }];
      });
    };
    try {
      for (;;) {
        const left = running.filter((index) => !ended.has(index));
        const free = atOnce - left.length;
        const joining = waiting.splice(0, left.length === 0 || free >= atOnce * LEAST_FREE ? free : 0);
        if (left.length === 0 && joining.length === 0) return;
        if (left.length > 0) {
          const kept =
            left.length < running.length && batch.canCut ? left.map((index) => running.indexOf(index)) : null;
          if (kept !== null) running = left;
          const answer = await this.#model.request(
            part,
            'step',
            chooses,
            {
              tokens: matrix(running.map((index) => [written.get(index)?.at(-1) ?? 0])),
              ...(kept === null ? {} : { kept: row(kept) }),
            },
            signal,
          );
          yield* take(answer, running);
        }
        if (joining.length > 0) {
          const prompts = joining.map((index) => rows[index]?.tokens ?? []);
          const answer = await this.#model.request(
            part,
            'begin',
            { ...chooses, joins: left.length > 0 },
            { tokens: matrix(prompts, 'front'), lengths: row(prompts.map(({ length }) => length)) },
            signal,
          );
          running = left.length > 0 ? [...running, ...joining] : joining;
          yield* take(answer, joining);
        }
      }
    } finally {
      if (!signal.aborted) await this.#model.request(part, 'end', {}, {}, signal);
    }
  }

  protected async scoreGroups(
    groups: readonly ScoredGroup[],
    plan: Plan | null,
    control: RunControl,
  ): Promise<readonly (readonly (readonly TargetScore[])[])[]> {
    const sequences = groups.flatMap((group) => group.sequences);
    const scores = await this.#scores(sequences, plan, control);
    let next = 0;
    return groups.map((group) => scores.slice(next, (next += group.sequences.length)));
  }

  /** Parts that sequences of this model can share. */
  get #sharing(): Sharing {
    const { blocks } = this.checkpoint.descriptor;
    // A state cannot be continued in several ways, and padding in front would move the bounds of chunks.
    const isWhole = blocks.some(
      ({ state, compressed, chunk }) => state !== null || compressed !== null || chunk !== null,
    );
    const hasWindow = blocks.some(({ window }) => window !== null);
    return isWhole ? 'inputs' : hasWindow ? 'contexts' : 'prefixes';
  }

  /** Per sequence, the scores of its targets in order; once more in smaller batches where the memory was full. */
  async #scores(
    sequences: readonly ScoredSequence[],
    plan: Plan | null,
    control: RunControl,
    states: string | null = null,
  ): Promise<readonly (readonly ComparedScore[])[]> {
    const { descriptor } = this.checkpoint;
    for (;;) {
      const work = scoreWork(sequences, descriptor.vocabulary, this.#sharing, this.#model.batchShare);
      try {
        // Batches of another size need the states of their own sequences.
        if (states !== null && plan !== null && this.#model.keptStates !== states)
          await this.#scoresOf(sequences, work, null, { signal: control.signal }, states);
        return await this.#scoresOf(sequences, work, plan, control, states);
      } catch (error) {
        this.#model.shrink(error, this.#say);
      }
    }
  }

  async #scoresOf(
    sequences: readonly ScoredSequence[],
    { prefix, batches }: ScoreWork,
    plan: Plan | null,
    control: RunControl,
    states: string | null,
  ): Promise<readonly (readonly ComparedScore[])[]> {
    const total = batches.reduce((sum, { tokens }) => sum + tokens, 0);
    await this.#model.load(plan, this.#overlays, control.signal);
    let done = 0;
    const scores = sequences.map((): ComparedScore[] => []);
    if (states !== null && plan === null) this.#model.keptStates = null;
    const { members } = this.#model;
    await this.#inParts(batches, async (part, batch, together) => {
      const { isBehind, sequenceOfRow, tokens } = part;
      const answer = await this.#model.request(
        batch,
        'score',
        {
          together,
          ...(states === null ? {} : { states: plan === null ? 'keep' : 'compare', batch, first: batch < members }),
        },
        {
          ...(isBehind ? { prefix: row(prefix) } : {}),
          ...scoreTensors(part),
        },
        control.signal,
      );
      const [logprobs, greedy] = [floats(answer, 'logprobs'), integers(answer, 'greedy')];
      const found = states !== null && plan !== null ? floats(answer, 'fidelity') : null;
      sequenceOfRow.forEach((sequence, at) => {
        const fidelity = found === null ? SAME : fidelityAt(found, at);
        scores[sequence]?.push({ logprob: logprobs[at] ?? NaN, greedy: greedy[at] === 1, fidelity });
      });
      done += tokens;
      control.onProgress?.(done, total);
    });
    if (states !== null && plan === null) this.#model.keptStates = states;
    return scores;
  }

  /**
   * Runs trees without branches through the unpruned model, those with a start behind `prefix`, and gives what the
   * experts of each layer did, batch by batch.
   *
   * @throws WorkbenchError `torch-router`, `method-unsupported`.
   */
  async #observe(
    { trees, counted: weights }: { readonly trees: readonly TokenTree[] } & Pick<Calibration, 'counted'>,
    control: RunControl,
    {
      extras,
      traces,
      prefix = [],
    }: {
      readonly extras: readonly ExtraStatistic[];
      readonly traces: Traces | null;
      readonly prefix?: readonly number[];
    },
    seen: (batch: ObservedBatch) => void,
  ): Promise<void> {
    const { checkpoint } = this;
    const { descriptor, info } = checkpoint;
    requireMeasurable(checkpoint, extras);
    // Our norms are those of what an expert adds to the hidden states.
    if (descriptor.moeLayers.some(({ moe }) => moe.latent !== null)) throw withoutRouters(checkpoint);
    const layers = descriptor.moeLayers.length;
    const sequences = trees.map(({ trunk }) => trunk);
    const total = tokensOf(sequences);
    let done = 0;
    await this.#model.load(null, this.#overlays, control.signal);
    const ofToken = layers * info.experts * descriptor.hidden;
    const slots = traces === null ? PROFILE_SLOTS : Math.min(PROFILE_SLOTS, Math.ceil(MOST_OUTPUTS / ofToken));
    const firstToken = prefixSums(sequences.map(({ length }) => length));
    const isBehind = (index: number): boolean => trees[index]?.start !== undefined;
    const share = this.#model.batchShare;
    let left: readonly (readonly number[])[] = [true, false].flatMap((behind) => {
      const matching = [...trees.keys()].filter((index) => isBehind(index) === behind);
      const groups = groupTrees(
        matching.map((index) => trees[index] ?? treeOf([])),
        slots * share,
      ).map((group) => group.map((at) => matching[at] ?? -1));
      // Every sequence of a batch gets a copy of the keys and values of the prefix.
      return !behind
        ? groups
        : groups.flatMap((group) => {
            const longest = maxOf(group.map((index) => prefix.length + (sequences[index]?.length ?? 0)));
            return partsOf(group, Math.max(1, Math.floor((TORCH_LIMITS.keys * share) / longest)));
          });
    });
    while (left.length > 0) {
      const team = this.#model.members;
      const round = left.slice(0, team * this.#model.passes);
      const asked = round.map((members, part) => {
        const parts = members.map((index) => sequences[index] ?? []);
        const numbers = members.flatMap((index) =>
          (sequences[index] ?? []).map((_, position) => (firstToken[index] ?? 0) + position),
        );
        const traced =
          traces === null ? [] : [...numbers.keys()].filter((at) => (numbers[at] ?? 0) % traces.stride === 0);
        const counted = weights.some((weight) => weight !== undefined)
          ? Float64Array.from(
              members.flatMap((index) => [...(weights[index] ?? (sequences[index] ?? []).map(() => 1))]),
            )
          : undefined;
        const answer = this.#model.request(
          part,
          'profile',
          {
            together: shareOf(round.length, team, part % team),
            peaks: extras.includes('peaks'),
            outputs: extras.includes('every-output') ? 'every' : extras.includes('routed-outputs') ? 'routed' : null,
            residual: extras.includes('residual') ? descriptor.residualMultiplier : null,
          },
          {
            ...(members.some(isBehind) ? { prefix: row(prefix) } : {}),
            tokens: matrix(parts),
            lengths: row(parts.map(({ length }) => length)),
            ...(counted === undefined
              ? {}
              : { counted: { shape: [counted.length], values: Float32Array.from(counted) } }),
            ...(traces === null ? {} : { traced: row(traced) }),
          },
          control.signal,
        );
        const tracedOf = traces === null ? null : { at: traced, numbers: traced.map((index) => numbers[index] ?? 0) };
        return { members, tokens: numbers.length, counted, tracedOf, answer };
      });
      const ends = await Promise.allSettled(asked.map(({ answer }) => answer));
      // Sums are added up in the order of batches, whichever process was first.
      for (const [part, { members, tokens, counted, tracedOf }] of asked.entries()) {
        const end = present(ends[part], 'a batch without an end');
        if (end.status === 'rejected') {
          this.#model.shrink(end.reason, this.#say);
          left = left.flatMap((batch) => partsOf(batch, Math.ceil(batch.length / 2)));
          break;
        }
        const answer = end.value;
        if (answer.header['layers'] !== layers) throw withoutRouters(checkpoint);
        seen({
          members,
          counted,
          layers: Array.from({ length: layers }, (_, layer) => tapsOf(answer, layer, tracedOf)),
        });
        left = left.slice(1);
        done += tokens;
        control.onProgress?.(done, total);
      }
    }
  }

  /**
   * Work in parts, each process of the team on one after another of its own, or on several together where blocks are
   * streamed. Results in the order of the parts.
   *
   * @throws the first error, when no process works any more.
   */
  async #inParts<T, R>(
    parts: readonly T[],
    work: (part: T, index: number, together: number) => Promise<R>,
  ): Promise<R[]> {
    const { members, passes } = this.#model;
    const results: R[] = [];
    const failed = new AbortController();
    const own = async (member: number): Promise<void> => {
      const indices = [...parts.keys()].filter((index) => index % members === member);
      for (const group of partsOf(indices, passes)) {
        if (failed.signal.aborted) return;
        try {
          const done = await allSettled(group.map((index) => work(parts[index] as T, index, group.length)));
          for (const [at, index] of group.entries()) results[index] = done[at] as R;
        } catch (error) {
          failed.abort();
          throw error;
        }
      }
    };
    await allSettled(Array.from({ length: members }, (_, member) => own(member)));
    return results;
  }

  /** Work on the same model by onnxruntime in float32, with sessions of its own. */
  async #withOnnxruntime<T>(work: (runner: ModelRunner) => Promise<T>): Promise<T> {
    await this.#model.noteWeights();
    const model = await openModel(this.checkpoint, this.#settings);
    try {
      return await work(model.runner(this.#overlays));
    } finally {
      await model.dispose();
    }
  }

  /** Refuses models whose recorded routers are not all of their MoE layers. */
  #requireLayers({ header, tensors }: WorkerAnswer): void {
    const wanted = this.checkpoint.descriptor.moeLayers.length;
    if (header['layers'] === wanted && tensors.has('experts.0')) return;
    throw withoutRouters(this.checkpoint);
  }
}

/** A score, and how far the distribution that it is from lies from the unpruned model's. */
interface ComparedScore extends TargetScore {
  readonly fidelity: ItemFidelity;
}

/** The unpruned model compared with itself. */
const SAME: ItemFidelity = { positions: 1, kl: 0, reverseKl: 0, changed: 0, acceptance: 1 };

/** Row `at` of [N, 4]. */
const fidelityAt = (values: Float32Array, at: number): ItemFidelity => {
  const [kl = NaN, reverseKl = NaN, changed = NaN, acceptance = NaN] = values.subarray(4 * at, 4 * at + 4);
  return { positions: 1, kl: Math.max(0, kl), reverseKl: Math.max(0, reverseKl), changed, acceptance };
};

/** The mean over the positions of an item's groups; the prefix that all choices share counts once. */
const itemFidelity = (
  groups: readonly ScoredGroup[],
  scores: readonly (readonly ComparedScore[])[],
  reader: TokenReader,
): ItemFidelity => {
  let next = 0;
  return joinFidelity(
    groups.map(({ tree, sequences }) => {
      const ofTree = scores.slice(next, (next += sequences.length));
      const rows = new Map<number, ItemFidelity>();
      groupTargets(tree, sequences, 0).forEach((targets, sequence) =>
        targets.forEach(({ row: position }, target) => {
          const found = ofTree[sequence]?.[target]?.fidelity;
          if (found !== undefined && !rows.has(position)) rows.set(position, found);
        }),
      );
      return joinPositions([...rows.values()], classesOf(reader, scoredTokens(tree, sequences)));
    }),
  );
};

interface Traces {
  readonly builders: readonly TraceBuilder[];
  /** Every stride-th token is traced. */
  readonly stride: number;
}

/** One layer's routing of a batch, and the sums of outputs where they were asked for. */
interface ObservedLayer extends RoutingTaps {
  /** [E, H] sums of the outputs of chosen experts. */
  readonly routedSum?: Float32Array;
  /** [E, H] and [E, E]: sums of all outputs, and of the cosines of every pair. */
  readonly everywhere?: { readonly sum: Float32Array; readonly cosineSum: Float32Array };
  /** [N] cosines of the hidden state before and after the routed sum is added. */
  readonly cosines?: Float64Array;
  /** Traced tokens: numbers, positions in the batch, outputs [E, n, H], routed sums [n, H], router logits [n, E]. */
  readonly traced?: {
    readonly numbers: readonly number[];
    readonly at: readonly number[];
    readonly outputs: Float32Array;
    readonly routed: Float32Array;
    readonly logits: Float32Array;
  };
}

interface ObservedBatch {
  /** Indices of its sequences, whose tokens follow one another. */
  readonly members: readonly number[];
  /** How much each of its tokens counts; undefined: all alike. */
  readonly counted: Float64Array | undefined;
  readonly layers: readonly ObservedLayer[];
}

const tapsOf = (
  answer: WorkerAnswer,
  layer: number,
  traced: { readonly numbers: readonly number[]; readonly at: readonly number[] } | null,
): ObservedLayer => {
  const named = (name: string): string => `${name}.${layer}`;
  const has = (name: string): boolean => answer.tensors.has(named(name));
  const numbers = (name: string): Float32Array => floats(answer, named(name));
  return {
    logits: numbers('router'),
    experts: integers(answer, named('experts')),
    weights: numbers('weights'),
    norms: numbers('norms'),
    ...(has('peaks') ? { peaks: numbers('peaks') } : {}),
    ...(has('routed_sum') ? { routedSum: numbers('routed_sum') } : {}),
    ...(has('sum') ? { everywhere: { sum: numbers('sum'), cosineSum: numbers('cosine_sum') } } : {}),
    ...(has('turns') ? { cosines: Float64Array.from(numbers('turns'), (turn) => 1 - turn) } : {}),
    ...(traced === null
      ? {}
      : {
          traced: {
            ...traced,
            outputs: numbers('traced_outputs'),
            routed: numbers('traced_routed'),
            logits: numbers('traced_logits'),
          },
        }),
  };
};

const addOutputs = ({ outputs }: RoutingStatistics, layer: number, { routedSum, everywhere }: ObservedLayer): void => {
  const add = (whole: Float64Array | undefined, part: Float32Array | undefined): void =>
    part?.forEach((value, at) => {
      if (whole !== undefined) whole[layer * part.length + at] = (whole[layer * part.length + at] ?? 0) + value;
    });
  add(outputs?.routedSum, routedSum);
  add(outputs?.everywhere?.sum, everywhere?.sum);
  add(outputs?.everywhere?.cosineSum, everywhere?.cosineSum);
};

const tokensOf = (sequences: readonly (readonly number[])[]): number =>
  sequences.reduce((sum, { length }) => sum + length, 0);

const withoutRouters = ({ name, descriptor: { family } }: Checkpoint): Error =>
  refuse(
    'torch-router',
    `transformers does not give the router logits, choices and outputs of experts of every MoE layer of ${name} ` +
      `(family ${family}).`,
    'Compute routing with --engine onnxruntime.',
  );

export const withoutTorch = (what: string): Error =>
  refuse('not-with-torch', `The engine torch does not do this yet: ${what}.`, 'Use --engine onnxruntime.');

/** Rows that one process writes, and how many of them at once. */
interface DecodingGroup {
  readonly members: readonly number[];
  readonly atOnce: number;
}

/** A group has this many batches of rows; processes share the work out by groups. */
const BATCHES_IN_GROUP = 2;
/** New rows join once this share of a batch is free, since every pass over prompts reads all weights. */
const LEAST_FREE = 0.25;

/** Rows in groups: of similar lengths if they can join one another, else of one length, all at once. */
const decodingGroups = (
  rows: readonly RowToDecode[],
  indices: readonly number[],
  joins: boolean,
  share: number,
): readonly DecodingGroup[] => {
  const length = (index: number): number => rows[index]?.tokens.length ?? 0;
  const cutIn = (list: readonly number[], batches: number): readonly DecodingGroup[] => {
    const most = maxOf(list.map((index) => length(index) + (rows[index]?.mostNewTokens ?? 0)));
    const full = Math.min(list.length, Math.floor(DECODING_SLOTS / most));
    const atOnce = Math.max(1, Math.floor(share * full));
    const size = atOnce * batches;
    return partsOf(list, size).map((members) => ({ members, atOnce }));
  };
  const sorted = indices.toSorted((a, b) => length(b) - length(a));
  if (joins) return cutIn(sorted, BATCHES_IN_GROUP);
  return [...Map.groupBy(sorted, length).values()].flatMap((list) => cutIn(list, 1));
};

/** The results of several generators as they come. @throws the first error, when all have ended. */
async function* merged<T>(generators: readonly AsyncGenerator<T>[]): AsyncGenerator<T> {
  const nextOf = async (index: number) => ({ index, result: await generators[index]?.next() });
  const pending = new Map(generators.map((_, index) => [index, nextOf(index)]));
  try {
    while (pending.size > 0) {
      const { index, result } = await Promise.race(pending.values());
      if (result === undefined || result.done === true) {
        pending.delete(index);
        continue;
      }
      pending.set(index, nextOf(index));
      yield result.value;
    }
  } finally {
    await Promise.allSettled(pending.values());
    await Promise.allSettled(generators.map((generator) => generator.return(undefined)));
  }
}

/** Number of parts of process `member`, of `count` that go to `team` processes in turn. */
const shareOf = (count: number, team: number, member: number): number => Math.ceil((count - member) / team);

/** A list in parts of `size`. */
const partsOf = (list: readonly number[], size: number): readonly (readonly number[])[] =>
  Array.from({ length: Math.ceil(list.length / size) }, (_, part) => list.slice(part * size, (part + 1) * size));

/** A batch as the worker reads it (`score` of resources/torch/worker.py). */
const scoreTensors = (batch: ScoreBatch): Readonly<Record<string, FrameTensor>> => {
  if (batch.rows !== null) {
    const { tokens, places, trees, branches, scores } = treeRows(batch);
    return {
      tokens: matrix(tokens),
      places: matrix(places),
      trees: matrix(trees),
      branches: matrix(branches),
      rows: matrix(scores),
    };
  }
  const { trunks, branches, parents, trunkRows, branchRows } = batch;
  return {
    trunks: matrix(trunks, branches.length > 0 ? 'front' : 'behind'),
    lengths: row(trunks.map(({ length }) => length)),
    rows: matrix(trunkRows),
    ...(branches.length > 0
      ? { branches: matrix(branches), parents: row(parents), branch_rows: matrix(branchRows) }
      : {}),
  };
};

/** Rows, padded with zeros: behind, where later tokens never change earlier ones, or in front. */
const matrix = (rows: readonly (readonly number[])[], padding: 'behind' | 'front' = 'behind'): FrameTensor => {
  const width = maxOf([0, ...rows.map(({ length }) => length)]);
  const values = new Int32Array(rows.length * width);
  rows.forEach((each, index) => values.set(each, index * width + (padding === 'front' ? width - each.length : 0)));
  return { shape: [rows.length, width], values };
};
