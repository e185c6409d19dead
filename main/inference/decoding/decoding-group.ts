import type { ModelDescriptor } from '../../checkpoint/descriptor.ts';
import type { ResolvedCandidate } from '../executor.ts';
import { splitPrefix } from '../token-tree.ts';
import type { DecodedRow, DecodingCost, RowToDecode } from '../model-runner.ts';
import { refuse } from '../../contract/errors.ts';
import { carriedParts } from '../../graph/carried.ts';
import { bytesPerColumn, bytesPerSequence } from './carried-cache.ts';
import { streamWidth } from '../../graph/stream.ts';

/** Memory that decoding takes in addition to the weights. */
interface CacheBytes {
  /** Per token of one sequence in all blocks, including the second layout of one block while its cache grows. */
  readonly perColumn: number;
  /** Per sequence, whatever its length: the states of its blocks. */
  readonly perSequence: number;
  /** Per token of a prompt while it runs: hidden states before and after a block. */
  readonly perPromptToken: number;
}

const cacheBytes = (model: ModelDescriptor): CacheBytes => {
  const blocks = model.blocks.map(carriedParts);
  const twoLayouts = 1 + 1 / blocks.length;
  return {
    perColumn: bytesPerColumn(blocks) * twoLayouts,
    perSequence: bytesPerSequence(blocks) * twoLayouts,
    perPromptToken: 2 * 4 * streamWidth(model),
  };
};

/** Needs of a group's rows: the longest prompt after the shared prefix, and the most columns of a row. */
interface RowNeeds {
  readonly prefix: number;
  readonly mostPrompt: number;
  readonly mostColumns: number;
}

/** Bytes of `rows` rows that are written together. Caches are rectangular: every row takes as much as the longest. */
export const bytesOfRows = (
  { perColumn, perSequence, perPromptToken }: CacheBytes,
  rows: number,
  mostColumns: number,
  mostPrompt: number,
): number => rows * (perSequence + mostColumns * perColumn + mostPrompt * perPromptToken);

/** Bytes of a prefix of `tokens` tokens, stored for each of `candidates`. */
export const bytesOfPrefix = (
  { perColumn, perSequence, perPromptToken }: CacheBytes,
  candidates: number,
  tokens: number,
): number => (tokens === 0 ? 0 : candidates * (perSequence + tokens * (perColumn + perPromptToken)));

/**
 * Number of candidates, at most `count`, that fit together with one row.
 * @throws WorkbenchError `too-large` if not even one does.
 */
export const candidatesAtOnce = (
  bytes: CacheBytes,
  spareBytes: number,
  count: number,
  { prefix, mostPrompt, mostColumns }: RowNeeds,
): number => {
  const row = bytesOfRows(bytes, 1, mostColumns, mostPrompt);
  const perCandidate = bytesOfPrefix(bytes, 1, prefix);
  const needed = row + perCandidate;
  if (needed > spareBytes) {
    throw refuse(
      'too-large',
      `keys, values and states of one prompt of ${prefix + mostPrompt} tokens with the text written after ` +
        `it take ${megabytes(needed)}; the memory budget leaves ${megabytes(spareBytes)} beside the weights.`,
      'Raise the memory budget, or write fewer tokens after shorter prompts.',
    );
  }
  return perCandidate === 0 ? count : Math.min(count, Math.floor((spareBytes - row) / perCandidate));
};

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

/** Candidates with the same weights and different masks, with their rows. */
export interface DecodingGroup {
  readonly candidates: readonly ResolvedCandidate[];
  readonly rows: readonly NumberedRow[];
  /** Common beginning of most prompts; empty if a separate run for it does not pay. */
  readonly prefix: readonly number[];
  readonly needs: RowNeeds;
}

interface NumberedRow extends RowToDecode {
  /** Index in the caller's list. */
  readonly row: number;
  /** Tokens of the shared prefix with which its prompt begins: all, or 0. */
  readonly shared: number;
}

/** Groups rows by the weights that they need: one group for all candidates that drop experts, one for each other. */
const decodingGroups = (
  rows: readonly RowToDecode[],
  candidates: readonly ResolvedCandidate[],
): readonly DecodingGroup[] => {
  const byWeights = Map.groupBy(candidates, ({ variants }) => variants.map(({ sessionKey }) => sessionKey).join('\n'));
  return [...byWeights.values()].flatMap((members) => {
    const keys = new Set(members.map(({ key }) => key));
    const matching = rows.map((row, index) => ({ ...row, row: index })).filter(({ candidate }) => keys.has(candidate));
    return matching.length === 0
      ? []
      : [
          decodingGroup(
            members.filter(({ key }) => matching.some(({ candidate }) => candidate === key)),
            matching,
          ),
        ];
  });
};

/** Groups in the order in which they run, each split into parts whose candidates' prefixes fit into memory together. */
export const fittingGroups = (
  model: ModelDescriptor,
  rows: readonly RowToDecode[],
  candidates: readonly ResolvedCandidate[],
  spareBytes: number,
): readonly DecodingGroup[] =>
  decodingGroups(rows, candidates).flatMap((group) => {
    const atOnce = candidatesAtOnce(cacheBytes(model), spareBytes, group.candidates.length, group.needs);
    const parts = Math.ceil(group.candidates.length / atOnce);
    return Array.from({ length: parts }, (_, part) =>
      partOfGroup(group, group.candidates.slice(part * atOnce, (part + 1) * atOnce)),
    );
  });

/** Memory for a group's rows beside the weights. */
export const groupRoom = (
  model: ModelDescriptor,
  { candidates, prefix }: DecodingGroup,
  spareBytes: number,
  streaming: boolean,
): Room => {
  const bytes = cacheBytes(model);
  return { bytes, spareBytes: spareBytes - bytesOfPrefix(bytes, candidates.length, prefix.length), streaming };
};

/** The order in which rows join, so that rows of similar length are written together. */
export const longestFirst = <T extends { readonly mostColumns: number; readonly row: number }>(
  rows: readonly T[],
): T[] => [...rows].sort((a, b) => b.mostColumns - a.mostColumns || a.row - b.row);

/** A subset of a group's candidates with their rows. */
const partOfGroup = (group: DecodingGroup, candidates: readonly ResolvedCandidate[]): DecodingGroup => {
  const keys = new Set(candidates.map(({ key }) => key));
  return { ...group, candidates, rows: group.rows.filter(({ candidate }) => keys.has(candidate)) };
};

const decodingGroup = (
  candidates: readonly ResolvedCandidate[],
  rows: readonly Omit<NumberedRow, 'shared'>[],
): DecodingGroup => {
  const prefix = sharedPrefix(rows);
  const numbered = rows.map((row) => ({ ...row, shared: beginsWith(row.tokens, prefix) ? prefix.length : 0 }));
  const largest = (values: readonly number[]): number => values.reduce((most, value) => Math.max(most, value), 0);
  return {
    candidates,
    rows: numbered,
    prefix,
    needs: {
      prefix: prefix.length,
      mostPrompt: largest(numbered.map(({ tokens, shared }) => tokens.length - shared)),
      mostColumns: largest(
        numbered.map(({ tokens, shared, mostNewTokens }) => columnsOf(tokens.length - shared, mostNewTokens)),
      ),
    },
  };
};

/** Common beginning of the prompts of the candidate with the most rows; each candidate computes it for itself. */
const sharedPrefix = (rows: readonly RowToDecode[]): readonly number[] => {
  const byCandidate = Map.groupBy(rows, ({ candidate }) => candidate);
  const [most = []] = [...byCandidate.values()].sort((a, b) => b.length - a.length);
  const trees = most.map(({ tokens }) => ({ trunk: tokens, branches: [] }));
  return splitPrefix(
    trees,
    trees.map(({ trunk }) => trunk.length - 1),
  ).prefix;
};

/** With at least one token after the prefix, from which the first new token is predicted. */
const beginsWith = (tokens: readonly number[], prefix: readonly number[]): boolean =>
  tokens.length > prefix.length && prefix.every((token, index) => token === tokens[index]);

interface CountedRow extends RowSize {
  readonly row: number;
  readonly mostNewTokens: number;
}

/**
 * Counts the steps without running them.
 * @throws WorkbenchError `too-large` if not even one row fits into the memory budget.
 */
export const decodingCost = (
  model: ModelDescriptor,
  { spareBytes, streaming }: { readonly spareBytes: number; readonly streaming: boolean },
  rows: readonly RowToDecode[],
  candidates: readonly ResolvedCandidate[],
): DecodingCost => {
  let [mostSteps, rowsAtOnce] = [0, 0];
  for (const group of fittingGroups(model, rows, candidates, spareBytes)) {
    const room = groupRoom(model, group, spareBytes, streaming);
    const waiting = longestFirst(group.rows.map(counted));
    let writing: (CountedRow & { readonly until: number })[] = [];
    let step = 0;
    while (waiting.length > 0 || writing.length > 0) {
      const joining = waiting.splice(0, admittedRows(waiting, writing, room));
      for (const row of joining) writing.push({ ...row, until: step + row.mostNewTokens });
      rowsAtOnce = Math.max(rowsAtOnce, writing.length);
      // Nothing changes until the next row ends.
      step = writing.reduce((next, { until }) => Math.min(next, until), Infinity);
      writing = writing.filter(({ until }) => until > step);
    }
    mostSteps += step + (group.prefix.length > 0 ? 1 : 0);
  }
  return { streamed: streaming, mostSteps, rowsAtOnce, rows: rows.length };
};

const counted = ({
  row,
  tokens,
  shared,
  mostNewTokens,
}: RowToDecode & { readonly row: number; readonly shared: number }): CountedRow => ({
  row,
  mostNewTokens,
  mostColumns: columnsOf(tokens.length - shared, mostNewTokens),
  prompt: { length: tokens.length - shared },
});

/** Maximum number of rows in one run of a block: enough for large products, few enough to notice a cancel soon. */
export const ROWS_AT_ONCE = 512;
/** Share of the rows that must be free before others join in a resident model, so that prompts run in large batches. */
const JOINING_SHARE = 0.25;

/** Memory needs of a row. */
interface RowSize {
  readonly mostColumns: number;
  /** Tokens of its prompt that must be run. */
  readonly prompt: { readonly length: number };
}

interface Room {
  readonly bytes: CacheBytes;
  /** Bytes for rows, in addition to weights and prefixes. */
  readonly spareBytes: number;
  /**
   * A streamed model reads all blocks per step, so it writes as many rows as memory allows, and new ones join at once.
   */
  readonly streaming: boolean;
}

/**
 * Number of waiting rows, from the first on, that join the running ones: as memory allows if all were written to their
 * maximum length; in a resident model at most `ROWS_AT_ONCE` together, and only once a share is free. If none is
 * running, one joins: `candidatesAtOnce` has checked that it fits.
 */
export const admittedRows = (
  waiting: readonly RowSize[],
  writing: readonly RowSize[],
  { bytes, spareBytes, streaming }: Room,
): number => {
  let columns = writing.reduce((most, row) => Math.max(most, row.mostColumns), 0);
  let prompt = 0;
  let count = 0;
  for (const row of waiting) {
    columns = Math.max(columns, row.mostColumns);
    prompt = Math.max(prompt, row.prompt.length);
    const rows = writing.length + count + 1;
    if ((!streaming && rows > ROWS_AT_ONCE) || bytesOfRows(bytes, rows, columns, prompt) > spareBytes) break;
    count += 1;
  }
  const few = Math.min(waiting.length, Math.ceil(JOINING_SHARE * (writing.length + count)));
  if (writing.length === 0) return Math.max(count, Math.min(1, waiting.length));
  return !streaming && count < few ? 0 : count;
};

export class WritingRow {
  readonly row: number;
  /** Index of its candidate within the group. */
  readonly candidate: number;
  /** Tokens of its prompt after the shared prefix. */
  readonly prompt: readonly number[];
  /** Position of its first own token: the length of the prefix if it shares it, else 0. */
  readonly start: number;
  readonly mostNewTokens: number;
  readonly isDone: ((written: readonly number[]) => boolean) | undefined;
  readonly choose: RowToDecode['choose'];
  readonly written: number[] = [];

  constructor(row: number, candidate: number, prefix: number, { tokens, mostNewTokens, isDone, choose }: RowToDecode) {
    this.row = row;
    this.candidate = candidate;
    this.prompt = tokens.slice(prefix);
    this.start = prefix;
    this.mostNewTokens = mostNewTokens;
    this.isDone = isDone;
    this.choose = choose;
  }

  /** Maximum number of columns that its cache will need: the last token is never run. */
  get mostColumns(): number {
    return columnsOf(this.prompt.length, this.mostNewTokens);
  }

  /** Number of cached columns before the next step; 0 before its prompt has run. */
  get columns(): number {
    return this.written.length === 0 ? 0 : this.prompt.length + this.written.length - 1;
  }

  /** Tokens to run in its next step. */
  get next(): readonly number[] {
    return this.written.length === 0 ? this.prompt : this.written.slice(-1);
  }

  /** Takes a chosen token; returns how the row ended, or null if it continues. */
  take(token: number): DecodedRow['ended'] | null {
    this.written.push(token);
    if (this.isDone?.(this.written) === true) return 'done';
    return this.written.length >= this.mostNewTokens ? 'length' : null;
  }
}

const columnsOf = (promptTokens: number, mostNewTokens: number): number => promptTokens + mostNewTokens - 1;
