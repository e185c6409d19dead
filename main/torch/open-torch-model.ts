import { loadTokenizer, type TextTokenizer } from '../checkpoint/load-tokenizer.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { refuse } from '../contract/errors.ts';
import type { Plan } from '../contract/plan.ts';
import { checkRows } from '../inference/decoding/decode.ts';
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
import { requestSequences, requireTokenizerOf, scoreLists, textSequences } from '../inference/score-lists.ts';
import type { ScoredGroup, TargetScore } from '../inference/scorer.ts';
import { maxOf } from '../statistics/extremes.ts';
import { scoreBatches, sequencesToRun } from './score-batches.ts';
import { type ComputedBy, TorchModel } from './torch-model.ts';
import type { FrameTensor, WorkerAnswer, WorkerOrder } from './worker-link.ts';

/** Python, precision and device. */
export type TorchChoice = Omit<WorkerOrder, 'threads'>;

/** Tokens of prompts, and of the rows' keys and values, that are written together. */
const DECODING_SLOTS = 8192;

/** Starts a PyTorch process for a checkpoint; `started` gets what computes. @throws WorkbenchError of its start. */
export const openTorchModel = async (
  checkpoint: Checkpoint,
  { threads, memoryBudgetBytes }: Pick<ModelRunnerSettings, 'threads' | 'memoryBudgetBytes'>,
  choice: TorchChoice,
  started: (by: ComputedBy) => void,
): Promise<OpenModel> => {
  const tokenizer = await loadTokenizer(checkpoint.folder, checkpoint.descriptor.vocabulary);
  const model = await TorchModel.start(checkpoint, { ...choice, threads }, memoryBudgetBytes);
  started(model.computedBy);
  return {
    checkpoint,
    runner: (overlays) => new TorchRunner(model, tokenizer, overlays),
    changedWeights: () => model.changedWeights(),
    dispose: () => model.dispose(),
  };
};

/** Forward passes, scores and greedy texts by transformers' own classes; other work is refused. */
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

  evaluate(): Promise<never> {
    return Promise.reject(withoutTorch('answering items'));
  }

  profile(): Promise<never> {
    return Promise.reject(withoutTorch('routing statistics'));
  }

  profileDraws(): Promise<never> {
    return this.profile();
  }

  recover(): Promise<never> {
    return Promise.reject(withoutTorch('refitting a plan (--recovery)'));
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
    const batches = scoreBatches(sequences, sequencesToRun(sequences), this.checkpoint.descriptor.vocabulary);
    const total = batches.reduce((sum, { tokens }) => sum + tokens, 0);
    await this.#model.load(plan, this.#overlays, control.signal);
    let done = 0;
    const scores = sequences.map((): TargetScore[] => []);
    for (const { inputs, rows, sequenceOfRow, tokens } of batches) {
      const answer = await this.#model.request(
        'score',
        {},
        { tokens: matrix(inputs), rows: matrix(rows) },
        control.signal,
      );
      const [logprobs, greedy] = [floats(answer, 'logprobs'), integers(answer, 'greedy')];
      sequenceOfRow.forEach((sequence, at) => {
        scores[sequence]?.push({ logprob: logprobs[at] ?? NaN, greedy: greedy[at] === 1 });
      });
      done += tokens;
      control.onProgress?.(done, total);
    }
    let next = 0;
    return groups.map((group) => scores.slice(next, (next += group.sequences.length)));
  }

  /** Refuses models whose recorded routers are not all of their MoE layers. */
  #requireLayers({ header, tensors }: WorkerAnswer): void {
    const wanted = this.checkpoint.descriptor.moeLayers.length;
    const { family } = this.checkpoint.descriptor;
    const [layers, chosen] = [header['layers'], tensors.has('experts.0')];
    if (layers === wanted && chosen && !OTHER_ROUTERS.has(family)) return;
    throw refuse(
      'torch-router',
      `transformers does not give the router logits and choices of every MoE layer of ${this.checkpoint.name} ` +
        `(family ${family}).`,
      'Compute routing with --engine onnxruntime.',
    );
  }

  #requireTokenizer(): TextTokenizer {
    return requireTokenizerOf(this.checkpoint, this.tokenizer);
  }
}

/** Families whose recorded "router logits" are probabilities. */
const OTHER_ROUTERS: ReadonlySet<string> = new Set(['gemma4']);

const withoutTorch = (what: string): Error =>
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

/** Rows, padded with zeros behind: later tokens never change earlier ones. */
const matrix = (rows: readonly (readonly number[])[]): FrameTensor => {
  const width = maxOf([0, ...rows.map(({ length }) => length)]);
  const values = new Int32Array(rows.length * width);
  rows.forEach((each, index) => values.set(each, index * width));
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
