import type { ModelDescriptor } from '../../checkpoint/descriptor.ts';
import { refuse } from '../../contract/errors.ts';
import type { ResolvedCandidate } from '../executor.ts';
import type { DecodedRow, RowToDecode, RunControl } from '../model-runner.ts';
import {
  admittedRows,
  type DecodingGroup,
  fittingGroups,
  groupRoom,
  longestFirst,
  ROWS_AT_ONCE,
  WritingRow,
} from './decoding-group.ts';
import {
  type DecodingEngine,
  makeStepBatch,
  nothingCarried,
  runStep,
  type StepSequence,
  type StepWork,
} from './run-step.ts';
import { groupTrees } from '../batch.ts';
import { carriedParts } from '../../graph/carried.ts';
import { maxOf } from '../../statistics/extremes.ts';
import type { Feeds } from '../session.ts';
import { CarriedCache } from './carried-cache.ts';

/** Logits computed at once where rows choose their tokens: rows x vocabulary. */
const MOST_LOGITS = 2 ** 22;

interface GroupControl {
  readonly signal: AbortSignal;
  /** Padded tokens of prompts that run together. */
  readonly slots: number;
  /** Called with the number of tokens that passed through one more block, or no longer need to. */
  readonly advance: (tokens: number) => void;
}

/**
 * Writes the rows of one group, longest first. Finished rows leave, and others join as memory for their keys and values
 * allows. Every step takes all running rows, and the prompts of those that join, through the blocks together.
 */
class GroupDecoder {
  readonly #engine: DecodingEngine;
  readonly #group: DecodingGroup;
  readonly #control: GroupControl;
  readonly #waiting: WritingRow[];
  /** Row i is written in slot i of the cache. */
  readonly #writing: WritingRow[] = [];
  readonly #cache: CarriedCache;
  readonly #prefix: CarriedCache;

  constructor(engine: DecodingEngine, group: DecodingGroup, control: GroupControl) {
    this.#engine = engine;
    this.#group = group;
    this.#control = control;
    const blocks = engine.model.blocks.map(carriedParts);
    this.#cache = new CarriedCache(blocks);
    this.#prefix = new CarriedCache(blocks);
    const numberOf = new Map(group.candidates.map(({ key }, index) => [key, index]));
    this.#waiting = longestFirst(
      group.rows.map((row) => new WritingRow(row.row, numberOf.get(row.candidate) ?? 0, row.shared, row)),
    );
  }

  async *run(): AsyncGenerator<DecodedRow> {
    if (this.#group.prefix.length > 0) await this.#runPrefix();
    while (this.#waiting.length > 0 || this.#writing.length > 0) {
      const joining = this.#admit();
      const writing = this.#writing.length;
      this.#makeRoom(joining);
      for (const row of joining) this.#writing.push(row);
      const works = [...this.#prompts(joining, writing), ...this.#continuations(writing)];
      const states = await runStep(
        this.#engine,
        this.#group.candidates,
        works.map(({ work }) => work),
        this.#control,
      );
      const ended: DecodedRow[] = [];
      for (const [index, { rows }] of works.entries()) {
        const tokens = await this.#chosen(rows, states[index] ?? new Float32Array());
        rows.forEach((row, at) => {
          const end = row.take(tokens[at] ?? -1);
          if (end !== null) ended.push({ row: row.row, tokens: row.written, ended: end });
        });
      }
      this.#leave(new Set(ended.map(({ row }) => row)));
      yield* ended;
    }
  }

  /** The next token of each row, from its last hidden state [rows, W]. */
  async #chosen(rows: readonly WritingRow[], states: Float32Array): Promise<ArrayLike<number>> {
    const { scorer, model } = this.#engine;
    if (rows.every(({ choose }) => choose === undefined)) return scorer.greedy(states);
    const tokens: number[] = [];
    const width = states.length / rows.length;
    const atOnce = Math.max(1, Math.floor(MOST_LOGITS / model.vocabulary));
    for (let first = 0; first < rows.length; first += atOnce) {
      const someRows = rows.slice(first, first + atOnce);
      const part = states.subarray(first * width, (first + someRows.length) * width);
      const [logits, best] = [await scorer.logits(part), await scorer.greedy(part)];
      someRows.forEach(({ choose, written }, at) => {
        const row = logits.subarray(at * model.vocabulary, (at + 1) * model.vocabulary);
        tokens.push(choose?.(row, written) ?? best[at] ?? -1);
      });
    }
    return tokens;
  }

  #admit(): readonly WritingRow[] {
    const { model, pool } = this.#engine;
    const room = groupRoom(model, this.#group, pool.spareBytes, pool.streaming);
    return this.#waiting.splice(0, admittedRows(this.#waiting, this.#writing, room));
  }

  /** Maximum number of columns that the running rows will need. */
  #mostColumns(): number {
    return this.#writing.reduce((most, row) => Math.max(most, row.mostColumns), 0);
  }

  /** Resizes the cache for one more token of every row, and for the prompts of those that join. */
  #makeRoom(joining: readonly WritingRow[]): void {
    const writing = this.#writing.length;
    const needed = maxOf([
      ...this.#writing.map(({ columns }) => columns + 1),
      ...joining.map(({ prompt }) => prompt.length),
    ]);
    const most = maxOf([this.#mostColumns(), ...joining.map(({ mostColumns }) => mostColumns)]);
    if (needed <= this.#cache.columns && writing + joining.length <= this.#cache.slots) return;
    const columns = Math.min(this.#cache.grownColumns(needed, most), most);
    this.#cache.resize(writing + joining.length, columns, writing);
  }

  /** The prompts of joining rows in batches of similar length; their slots begin at `first`. */
  #prompts(
    joining: readonly WritingRow[],
    first: number,
  ): readonly { readonly work: StepWork; readonly rows: readonly WritingRow[] }[] {
    const batches = groupTrees(
      joining.map(({ prompt }) => ({ trunk: prompt, branches: [] })),
      this.#control.slots,
    );
    return batches.map((members) => {
      const rows = members.flatMap((member) => joining[member] ?? []);
      const cells = members.map((member) => ({ slot: first + member, column: 0 }));
      return {
        rows,
        work: {
          batch: this.#batch(rows.map(sequenceOf), 1),
          cells,
          into: this.#cache,
          past: (block) => this.#beforePrompts(block, rows),
          prefix: this.#prefixFeeds,
        },
      };
    });
  }

  /** One token of each of the first `count` rows. */
  #continuations(count: number): readonly { readonly work: StepWork; readonly rows: readonly WritingRow[] }[] {
    const parts = Math.ceil(count / ROWS_AT_ONCE);
    return Array.from({ length: parts }, (_, part) => {
      const first = part * ROWS_AT_ONCE;
      const rows = this.#writing.slice(first, Math.min(count, first + ROWS_AT_ONCE));
      return {
        rows,
        work: {
          batch: this.#batch(rows.map(sequenceOf), this.#cache.columns),
          cells: rows.map(({ columns }, index) => ({ slot: first + index, column: columns })),
          into: this.#cache,
          past: (block) => this.#cache.read(block, first, rows.length, 'past'),
          prefix: this.#prefixFeeds,
        },
      };
    });
  }

  /** Runs the shared prefix once for every candidate. */
  async #runPrefix(): Promise<void> {
    const { candidates, prefix } = this.#group;
    this.#prefix.resize(candidates.length, prefix.length, 0);
    const atOnce = Math.max(1, Math.floor(this.#control.slots / prefix.length));
    const works: StepWork[] = [];
    for (let first = 0; first < candidates.length; first += atOnce) {
      const members = candidates.slice(first, first + atOnce).map((_, index) => first + index);
      const sequences = members.map((candidate) => ({ candidate, tokens: prefix, prefix: 0, columns: 0 }));
      works.push({
        batch: makeStepBatch(this.#engine.model, sequences, { candidates: 1, prefix: 1, past: 1 }),
        cells: members.map((slot) => ({ slot, column: 0 })),
        into: this.#prefix,
        past: (block) => nothingCarried(this.#engine.model, block, members.length, 'past'),
        prefix: (block) => (this.#hasState(block) ? {} : nothingCarried(this.#engine.model, block, 1, 'prefix')),
      });
    }
    await runStep(this.#engine, candidates, works, this.#control);
  }

  /** Removes finished rows; the last ones move into their slots. */
  #leave(ended: ReadonlySet<number>): void {
    for (let slot = this.#writing.length - 1; slot >= 0; slot -= 1) {
      const row = this.#writing[slot];
      if (row === undefined || !ended.has(row.row)) continue;
      this.#control.advance((row.mostNewTokens - row.written.length) * this.#engine.model.blocks.length);
      const last = this.#writing.pop();
      if (last === undefined || last === row) continue;
      this.#cache.move(this.#writing.length, slot, last.columns);
      this.#writing[slot] = last;
    }
  }

  #batch(sequences: readonly StepSequence[], past: number): StepWork['batch'] {
    const { candidates, prefix } = this.#group;
    return prefix.length > 0
      ? makeStepBatch(this.#engine.model, sequences, { candidates: candidates.length, prefix: prefix.length, past })
      : makeStepBatch(this.#engine.model, sequences, { candidates: 1, prefix: 1, past });
  }

  readonly #prefixFeeds = (block: number): Feeds => {
    const { candidates, prefix } = this.#group;
    if (this.#hasState(block)) return {};
    return prefix.length > 0
      ? this.#prefix.read(block, 0, candidates.length, 'prefix')
      : nothingCarried(this.#engine.model, block, 1, 'prefix');
  };

  /** Before prompts: no columns of their own; a copy of the prefix's state where a prompt continues it. */
  #beforePrompts(block: number, rows: readonly WritingRow[]): Feeds {
    if (!this.#hasState(block)) return nothingCarried(this.#engine.model, block, rows.length, 'past');
    return this.#prefix.copies(
      block,
      rows.map(({ start, candidate }) => (start > 0 ? candidate : null)),
    );
  }

  #hasState(block: number): boolean {
    return (this.#engine.model.blocks[block]?.state ?? null) !== null;
  }
}

const sequenceOf = ({ candidate, next, start, columns }: WritingRow): StepSequence => ({
  candidate,
  tokens: next,
  prefix: start,
  columns,
});

export interface DecodingSettings {
  /** Padded tokens of prompts that run together. */
  readonly slots: number;
}

/**
 * Continuations of rows, each yielded as soon as it ends (in no fixed order; `row` is its index in `rows`).
 *
 * A row is one prompt under one candidate. All candidates that only drop experts are written together in one batch: the
 * router's mask is a vector per token, so weights are read once for all of them. Candidates with other weights (merged,
 * refitted) follow in groups of their own. Prompts run once; the common beginning of most prompts (a few-shot prefix)
 * runs once per candidate, and its keys and values are stored once. Keys and values count against the memory budget:
 * rows wait for free memory. Unless a row chooses for itself, the token with the largest logit is chosen, the lowest of
 * equal ones.
 *
 * `control.onProgress` counts tokens x blocks, of prompts and of the maximum of new tokens; a row that ends early
 * counts in full.
 *
 * @throws WorkbenchError `bad-token`, `bad-length` (a prompt that is empty, or exceeds the model's positions together
 * with its new tokens), `too-large` (one row does not fit into the memory budget): all before anything runs;
 * CancelledError.
 */
export async function* decode(
  engine: DecodingEngine,
  rows: readonly RowToDecode[],
  candidates: readonly ResolvedCandidate[],
  { slots }: DecodingSettings,
  control: RunControl,
): AsyncGenerator<DecodedRow> {
  checkRows(engine.model, rows, candidates);
  const groups = fittingGroups(engine.model, rows, candidates, engine.pool.spareBytes);
  const total = groups.reduce((sum, group) => sum + workOf(group), 0) * engine.model.blocks.length;
  let done = 0;
  const advance = (tokens: number): void => {
    done += tokens;
    control.onProgress?.(done, total);
  };
  try {
    for (const group of groups) {
      yield* new GroupDecoder(engine, group, { signal: control.signal, slots, advance }).run();
      await engine.pool.closeMerged();
    }
  } finally {
    await engine.pool.closeMerged();
  }
}

/** Maximum number of tokens that pass through the blocks. */
const workOf = ({ candidates, prefix, rows }: DecodingGroup): number =>
  rows.reduce(
    (sum, { tokens, shared, mostNewTokens }) => sum + tokens.length - shared + mostNewTokens - 1,
    candidates.length * prefix.length,
  );

/** @throws WorkbenchError `bad-token` or `bad-length`. */
export const checkRows = (
  model: ModelDescriptor,
  rows: readonly RowToDecode[],
  candidates: readonly { readonly key: string }[],
): void => {
  rows.forEach((row, index) => {
    checkRow(model, row, index);
  });
  const keys = new Set(candidates.map(({ key }) => key));
  const stranger = rows.find(({ candidate }) => !keys.has(candidate));
  if (stranger !== undefined) throw new Error(`no candidate "${stranger.candidate}"`);
};

const checkRow = (
  { vocabulary, maxPositions }: ModelDescriptor,
  { tokens, mostNewTokens }: RowToDecode,
  index: number,
): void => {
  const wrong = tokens.find((token) => !Number.isInteger(token) || token < 0 || token >= vocabulary);
  if (wrong !== undefined) {
    throw refuse(
      'bad-token',
      `prompt ${index}: token ${wrong} is outside the vocabulary (0 to ${vocabulary - 1}).`,
      "Encode the text with this model's tokenizer.",
    );
  }
  if (!Number.isInteger(mostNewTokens) || mostNewTokens < 1) {
    throw refuse(
      'bad-length',
      `prompt ${index}: ${mostNewTokens} new tokens cannot be generated.`,
      'Ask for one or more.',
    );
  }
  if (tokens.length === 0 || tokens.length + mostNewTokens > maxPositions) {
    throw refuse(
      'bad-length',
      `prompt ${index} has ${tokens.length} tokens and ${mostNewTokens} are to ` +
        `follow; the model has ${maxPositions} positions, and a prompt needs one at least.`,
      'Shorten the prompt, or ask for fewer new tokens.',
    );
  }
};
