import { loadTokenizer, type TextTokenizer } from '../checkpoint/load-tokenizer.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import type { TorchPrecision } from '../contract/device.ts';
import { refuse } from '../contract/errors.ts';
import type { ScoredOutcome } from '../contract/outcome.ts';
import type { Plan } from '../contract/plan.ts';
import type { TaskItem } from '../contract/task.ts';
import { groupTrees } from '../inference/batch.ts';
import { checkRows } from '../inference/decoding/decode.ts';
import { encodeScored, profileSequences, requireScored } from '../inference/encode-item.ts';
import { itemOutcome } from '../inference/item-outcome.ts';
import type {
  Candidate,
  DecodedRow,
  DecodingCost,
  ForwardResult,
  ModelRunner,
  ModelRunnerSettings,
  OpenModel,
  RowToDecode,
  RunControl,
  ScoreRequest,
  ScoreResult,
} from '../inference/model-runner.ts';
import { checkTokens, setLayer } from '../inference/open-model-runner.ts';
import type { Overlays } from '../inference/overlays.ts';
import {
  prefixSums,
  requestSequences,
  requireTokenizerOf,
  scoreLists,
  textSequences,
} from '../inference/score-lists.ts';
import type { ScoredGroup, ScoredSequence, TargetScore } from '../inference/scorer.ts';
import { accumulateRouting } from '../profile/accumulate-routing.ts';
import { addChoices, openChoiceSample } from '../profile/choice-sample.ts';
import { emptyStatistics, type ExtraStatistic, type RoutingStatistics } from '../profile/routing-statistics.ts';
import { extrasInWords } from '../pruning/plan-needs.ts';
import { maxOf } from '../statistics/extremes.ts';
import { type ScoreWork, scoreWork } from './score-batches.ts';
import { type ComputedBy, TorchModel, type TorchWorkers } from './torch-model.ts';
import type { FrameTensor, WorkerAnswer } from './worker-link.ts';

/** Tokens of prompts, and of the rows' keys and values, that are written together. */
const DECODING_SLOTS = 8192;

/**
 * Opens a checkpoint in a process of `workers`. `precision` null: by the checkpoint and the device; `started` gets what
 * computes. The workers stay their owner's.
 *
 * @throws WorkbenchError of its start.
 */
export const openTorchModel = async (
  checkpoint: Checkpoint,
  { memoryBudgetBytes }: Pick<ModelRunnerSettings, 'memoryBudgetBytes'>,
  workers: TorchWorkers,
  precision: TorchPrecision | null,
  started: (by: ComputedBy, precision: TorchPrecision) => void = () => undefined,
): Promise<OpenModel> => {
  const tokenizer = await loadTokenizer(checkpoint.folder, checkpoint.descriptor.vocabulary);
  const model = await TorchModel.start(checkpoint, workers, precision, memoryBudgetBytes);
  started(model.computedBy, model.precision);
  return {
    checkpoint,
    runner: (overlays) => new TorchRunner(model, tokenizer, overlays),
    changedWeights: () => model.changedWeights(),
    dispose: () => model.dispose(),
  };
};

/** Extra statistics that this engine measures. */
export const TORCH_EXTRAS: readonly ExtraStatistic[] = ['peaks', 'choices'];

/** Padded tokens of a batch of a profile. */
const PROFILE_SLOTS = 2048;

/** Answers, profiles, forward passes, scores and greedy texts by transformers' own classes; other work is refused. */
class TorchRunner implements ModelRunner {
  readonly checkpoint: Checkpoint;
  readonly tokenizer: TextTokenizer | null;
  readonly #model: TorchModel;
  readonly #overlays: Overlays;

  constructor(model: TorchModel, tokenizer: TextTokenizer | null, overlays: Overlays) {
    this.checkpoint = model.checkpoint;
    this.tokenizer = tokenizer;
    this.#model = model;
    this.#overlays = overlays;
  }

  /** Candidates one after the other; a context is computed once for its choices. */
  async evaluate(
    given: readonly TaskItem[],
    candidates: readonly Candidate[],
    control: RunControl,
  ): Promise<ReadonlyMap<string, readonly ScoredOutcome[]>> {
    if (control.fidelity !== undefined) throw withoutTorch('comparing distributions (--fidelity)');
    const items = given.map(requireScored);
    const tokenizer = this.#requireTokenizer();
    const { maxPositions } = this.checkpoint.descriptor;
    const sequences = items.map((item) => encodeScored(tokenizer, item, maxPositions));
    const first = prefixSums(sequences.map(({ length }) => length));
    const work = this.#scoreWork(sequences.flat());
    const outcomes = new Map<string, readonly ScoredOutcome[]>();
    for (const [turn, { key, plan }] of candidates.entries()) {
      const onProgress = (done: number, total: number): void =>
        control.onProgress?.(turn * total + done, candidates.length * total);
      const scores = await this.#scores(sequences.flat(), work, plan, { ...control, onProgress });
      outcomes.set(
        key,
        items.map((item, index) =>
          itemOutcome(item, sequences[index] ?? [], scores.slice(first[index], first[index + 1])),
        ),
      );
    }
    return outcomes;
  }

  /** The experts' choices and outputs come from the worker in float32; the sums are those of the other engine. */
  async profile(
    items: readonly TaskItem[],
    control: RunControl,
    extras: readonly ExtraStatistic[] = [],
  ): Promise<RoutingStatistics> {
    const missing = extras.find((extra) => !TORCH_EXTRAS.includes(extra));
    const { descriptor, info } = this.checkpoint;
    if (missing !== undefined) throw withoutTorch(extrasInWords([missing], info.experts, info.topK) ?? missing);
    const tokenizer = this.#requireTokenizer();
    const sequences = items.flatMap((item) => profileSequences(tokenizer, item, descriptor.maxPositions));
    const { moeLayers, hidden } = descriptor;
    const moe = moeLayers[0]?.moe;
    const statistics = emptyStatistics(moeLayers.length, moe?.experts ?? 0, moe?.topK ?? 0, hidden, extras);
    const sample = extras.includes('choices') ? openChoiceSample(sequences, statistics.layers, statistics.topK) : null;
    const firstToken = prefixSums(sequences.map(({ length }) => length));
    const total = firstToken.at(-1) ?? 0;
    await this.#model.load(null, this.#overlays, control.signal);
    const trees = sequences.map((trunk) => ({ trunk, branches: [] }));
    for (const group of groupTrees(trees, PROFILE_SLOTS)) {
      const own = group.map((index) => sequences[index] ?? []);
      const answer = await this.#model.request(
        'profile',
        { peaks: extras.includes('peaks') },
        { tokens: matrix(own), lengths: row(own.map(({ length }) => length)) },
        control.signal,
      );
      if (answer.header['layers'] !== statistics.layers || OTHER_ROUTERS.has(descriptor.family))
        throw withoutRouters(this.checkpoint);
      const numbers = group.flatMap((index) =>
        (sequences[index] ?? []).map((_, position) => (firstToken[index] ?? 0) + position),
      );
      for (let layer = 0; layer < statistics.layers; layer += 1) {
        const named = (name: string): string => `${name}.${String(layer)}`;
        const taps = {
          logits: floats(answer, named('router')),
          experts: integers(answer, named('experts')),
          weights: floats(answer, named('weights')),
          norms: floats(answer, named('norms')),
          ...(extras.includes('peaks') ? { peaks: floats(answer, named('peaks')) } : {}),
        };
        accumulateRouting(statistics, layer, taps);
        if (sample !== null) addChoices(sample, layer, statistics.topK, numbers, taps);
      }
      statistics.tokens += numbers.length;
      control.onProgress?.(statistics.tokens, total);
    }
    statistics.items = items.length;
    return sample === null ? statistics : { ...statistics, sample: sample.sample };
  }

  profileDraws(): Promise<never> {
    return Promise.reject(withoutTorch('profiling draws of the calibration items (--calibration-draws)'));
  }

  recover(): Promise<never> {
    return Promise.reject(withoutTorch('refitting a plan (--recovery)'));
  }

  mergeByOutputs(): Promise<never> {
    return Promise.reject(withoutTorch('merging experts by their outputs'));
  }

  pruneProgressively(): Promise<never> {
    return Promise.reject(withoutTorch("NAEE's progressive search"));
  }

  async forward(
    sequences: readonly (readonly number[])[],
    plan: Plan | null,
    control: RunControl,
    want: 'every' | 'last' = 'every',
  ): Promise<ForwardResult[]> {
    if (want === 'last') throw withoutTorch('the last token alone');
    sequences.forEach((sequence, index) => {
      checkTokens(sequence, index, this.checkpoint.descriptor);
    });
    await this.#model.load(plan, this.#overlays, control.signal);
    const layers = this.checkpoint.descriptor.moeLayers.length;
    const results: ForwardResult[] = [];
    for (const [index, sequence] of sequences.entries()) {
      const answer = await this.#model.request('forward', {}, { tokens: row(sequence) }, control.signal);
      this.#requireLayers(answer);
      const list = <T>(of: (layer: number) => T): readonly T[] =>
        Array.from({ length: layers }, (_, layer) => of(layer));
      const router = list((layer) => floats(answer, `router.${String(layer)}`));
      const experts = list((layer) => integers(answer, `experts.${String(layer)}`));
      const size = (values: readonly (Float32Array | Int32Array)[]): number =>
        layers * maxOf([0, ...values.map(({ length }) => length)]);
      const result = {
        logits: floats(answer, 'logits'),
        routerLogits: new Float32Array(size(router)).fill(-Infinity),
        experts: new Int32Array(size(experts)).fill(-1),
      };
      router.forEach((rows, layer) => setLayer(result.routerLogits, rows, layer, layers, sequence.length));
      experts.forEach((rows, layer) => setLayer(result.experts, rows, layer, layers, sequence.length));
      results.push(result);
      control.onProgress?.(index + 1, sequences.length);
    }
    return results;
  }

  score(requests: readonly ScoreRequest[], plan: Plan | null, control: RunControl): Promise<ScoreResult[]> {
    return scoreLists(
      requests.map(({ id }) => id),
      requestSequences(requests, this.checkpoint.descriptor.maxPositions),
      (groups) => this.#score(groups, plan, control),
    );
  }

  scoreRolling(
    texts: readonly { readonly id: string; readonly tokens: readonly number[] }[],
    plan: Plan | null,
    control: RunControl,
  ): Promise<ScoreResult[]> {
    return scoreLists(
      texts.map(({ id }) => id),
      textSequences(texts, this.#requireTokenizer(), this.checkpoint),
      (groups) => this.#score(groups, plan, control),
    );
  }

  /** Candidates one after the other; prompts of equal length together, so that none is padded. */
  async *decode(
    rows: readonly RowToDecode[],
    candidates: readonly Candidate[],
    control: RunControl,
  ): AsyncGenerator<DecodedRow> {
    checkRows(this.checkpoint.descriptor, rows, candidates);
    if (rows.some(({ choose }) => choose !== undefined)) throw withoutTorch('sampling tokens (--sample)');
    const total = rows.reduce((sum, { tokens, mostNewTokens }) => sum + tokens.length + mostNewTokens, 0);
    let done = 0;
    for (const { key: candidate, plan } of candidates) {
      const own = decodingBatches(rows, candidate);
      if (own.length === 0) continue;
      await this.#model.load(plan, this.#overlays, control.signal);
      for (const batch of own) {
        yield* this.#decodeBatch(rows, batch, control.signal);
        for (const index of batch) done += (rows[index]?.tokens.length ?? 0) + (rows[index]?.mostNewTokens ?? 0);
        control.onProgress?.(done, total);
      }
    }
  }

  decodingCost(rows: readonly RowToDecode[], candidates: readonly Candidate[]): Promise<DecodingCost> {
    const batches = candidates.flatMap(({ key }) => decodingBatches(rows, key));
    return Promise.resolve({
      streamed: false,
      mostSteps: batches.reduce((sum, batch) => sum + maxOf(batch.map((index) => rows[index]?.mostNewTokens ?? 0)), 0),
      rowsAtOnce: maxOf([0, ...batches.map(({ length }) => length)]),
      rows: rows.length,
    });
  }

  releaseCandidates(): Promise<void> {
    return Promise.resolve();
  }

  dispose(): Promise<void> {
    return this.#model.dispose();
  }

  async *#decodeBatch(
    rows: readonly RowToDecode[],
    batch: readonly number[],
    signal: AbortSignal,
  ): AsyncGenerator<DecodedRow> {
    const written = batch.map((): number[] => []);
    /** Rows of the worker's batch, by their index in `batch`. */
    let running = batch.map((_, index) => index);
    const ended = new Set<number>();
    let answer = await this.#model.request(
      'begin',
      {},
      { tokens: matrix(batch.map((index) => rows[index]?.tokens ?? [])) },
      signal,
    );
    try {
      for (;;) {
        const next = integers(answer, 'next');
        for (const [position, member] of running.entries()) {
          const [token, request, index] = [next[position] ?? 0, rows[batch[member] ?? -1], batch[member] ?? -1];
          const tokens = written[member];
          if (tokens === undefined || request === undefined || ended.has(member)) continue;
          tokens.push(token);
          const isDone = request.isDone?.(tokens) === true;
          if (!isDone && tokens.length < request.mostNewTokens) continue;
          ended.add(member);
          yield { row: index, tokens, ended: isDone ? 'done' : 'length' };
        }
        const left = running.filter((member) => !ended.has(member));
        if (left.length === 0) return;
        const cut = left.length < running.length && answer.header['cuts'] === true;
        const kept = left.map((member) => running.indexOf(member));
        if (cut) running = left;
        answer = await this.#model.request(
          'step',
          {},
          {
            tokens: matrix(running.map((member) => [written[member]?.at(-1) ?? 0])),
            ...(cut ? { kept: row(kept) } : {}),
          },
          signal,
        );
      }
    } finally {
      if (!signal.aborted) await this.#model.request('end', {}, {}, signal);
    }
  }

  /** Per group, per sequence of it: the scores of its targets in order. */
  async #score(
    groups: readonly ScoredGroup[],
    plan: Plan | null,
    control: RunControl,
  ): Promise<readonly (readonly (readonly TargetScore[])[])[]> {
    const sequences = groups.flatMap((group) => group.sequences);
    const scores = await this.#scores(sequences, this.#scoreWork(sequences), plan, control);
    let next = 0;
    return groups.map((group) => scores.slice(next, (next += group.sequences.length)));
  }

  #scoreWork(sequences: readonly ScoredSequence[]): ScoreWork {
    const { blocks, vocabulary } = this.checkpoint.descriptor;
    // A state cannot be continued in several ways, and padding in front would move the bounds of chunks.
    const isWhole = blocks.some(
      ({ state, compressed, chunk }) => state !== null || compressed !== null || chunk !== null,
    );
    const hasWindow = blocks.some(({ window }) => window !== null);
    return scoreWork(sequences, vocabulary, isWhole ? 'inputs' : hasWindow ? 'contexts' : 'prefixes');
  }

  /** Per sequence, the scores of its targets in order. */
  async #scores(
    sequences: readonly ScoredSequence[],
    { prefix, batches }: ScoreWork,
    plan: Plan | null,
    control: RunControl,
  ): Promise<readonly (readonly TargetScore[])[]> {
    const total = batches.reduce((sum, { tokens }) => sum + tokens, 0);
    await this.#model.load(plan, this.#overlays, control.signal);
    let done = 0;
    const scores = sequences.map((): TargetScore[] => []);
    for (const { isBehind, trunks, branches, parents, trunkRows, branchRows, sequenceOfRow, tokens } of batches) {
      const answer = await this.#model.request(
        'score',
        {},
        {
          ...(isBehind ? { prefix: row(prefix) } : {}),
          trunks: matrix(trunks, branches.length > 0 ? 'front' : 'behind'),
          lengths: row(trunks.map(({ length }) => length)),
          rows: matrix(trunkRows),
          ...(branches.length > 0
            ? { branches: matrix(branches), parents: row(parents), branch_rows: matrix(branchRows) }
            : {}),
        },
        control.signal,
      );
      const [logprobs, greedy] = [floats(answer, 'logprobs'), integers(answer, 'greedy')];
      sequenceOfRow.forEach((sequence, at) => {
        scores[sequence]?.push({ logprob: logprobs[at] ?? NaN, greedy: greedy[at] === 1 });
      });
      done += tokens;
      control.onProgress?.(done, total);
    }
    return scores;
  }

  /** Refuses models whose recorded routers are not all of their MoE layers. */
  #requireLayers({ header, tensors }: WorkerAnswer): void {
    const wanted = this.checkpoint.descriptor.moeLayers.length;
    const { family } = this.checkpoint.descriptor;
    const [layers, chosen] = [header['layers'], tensors.has('experts.0')];
    if (layers === wanted && chosen && !OTHER_ROUTERS.has(family)) return;
    throw withoutRouters(this.checkpoint);
  }

  #requireTokenizer(): TextTokenizer {
    return requireTokenizerOf(this.checkpoint, this.tokenizer);
  }
}

/** Families whose recorded "router logits" are probabilities. */
const OTHER_ROUTERS: ReadonlySet<string> = new Set(['gemma4', 'gemma4_text']);

const withoutRouters = ({ name, descriptor: { family } }: Checkpoint): Error =>
  refuse(
    'torch-router',
    `transformers does not give the router logits and choices of every MoE layer of ${name} (family ${family}).`,
    'Compute routing with --engine onnxruntime.',
  );

export const withoutTorch = (what: string): Error =>
  refuse('not-with-torch', `The engine torch does not do this yet: ${what}.`, 'Use --engine onnxruntime.');

/** Indices of a candidate's rows, in batches of prompts of one length. */
const decodingBatches = (rows: readonly RowToDecode[], candidate: string): readonly (readonly number[])[] => {
  const byLength = new Map<number, number[]>();
  rows.forEach((each, index) => {
    if (each.candidate !== candidate) return;
    const list = byLength.get(each.tokens.length) ?? [];
    byLength.set(each.tokens.length, [...list, index]);
  });
  return [...byLength].flatMap(([length, indices]) => {
    const most = length + maxOf(indices.map((index) => rows[index]?.mostNewTokens ?? 0));
    const size = Math.max(1, Math.floor(DECODING_SLOTS / most));
    return Array.from({ length: Math.ceil(indices.length / size) }, (_, part) =>
      indices.slice(part * size, (part + 1) * size),
    );
  });
};

const row = (values: readonly number[]): FrameTensor => ({ shape: [values.length], values: Int32Array.from(values) });

/** Rows, padded with zeros: behind, where later tokens never change earlier ones, or in front. */
const matrix = (rows: readonly (readonly number[])[], padding: 'behind' | 'front' = 'behind'): FrameTensor => {
  const width = maxOf([0, ...rows.map(({ length }) => length)]);
  const values = new Int32Array(rows.length * width);
  rows.forEach((each, index) => values.set(each, index * width + (padding === 'front' ? width - each.length : 0)));
  return { shape: [rows.length, width], values };
};

const tensorOf = ({ tensors }: WorkerAnswer, name: string): Float32Array | Int32Array => {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new Error(`the PyTorch process gave no ${name}`);
  return tensor.values;
};

const floats = (answer: WorkerAnswer, name: string): Float32Array => {
  const values = tensorOf(answer, name);
  if (!(values instanceof Float32Array)) throw new Error(`${name} of the PyTorch process is not float32`);
  return values;
};

const integers = (answer: WorkerAnswer, name: string): Int32Array => {
  const values = tensorOf(answer, name);
  if (!(values instanceof Int32Array)) throw new Error(`${name} of the PyTorch process is not int32`);
  return values;
};
