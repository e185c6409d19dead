import type { ModelDescriptor } from '../../checkpoint/descriptor.ts';
import type { ResolvedCandidate } from '../executor.ts';
import { splitPrefix } from '../token-tree.ts';
import type { Room } from './admit-rows.ts';
import { bytesOfPrefix, cacheBytes, candidatesAtOnce, type RowNeeds } from './cache-budget.ts';
import { columnsOf } from './writing-row.ts';
import type { RowToDecode } from '../model-runner.ts';

/** Candidates with the same weights and different masks, with their rows. */
export interface DecodingGroup {
  readonly candidates: readonly ResolvedCandidate[];
  readonly rows: readonly NumberedRow[];
  /** Common beginning of most prompts; empty if a separate run for it does not pay. */
  readonly prefix: readonly number[];
  readonly needs: RowNeeds;
}

export interface NumberedRow extends RowToDecode {
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
  const byWeights = new Map<string, ResolvedCandidate[]>();
  for (const candidate of candidates) {
    const key = candidate.variants.map(({ sessionKey }) => sessionKey).join('\n');
    byWeights.set(key, [...(byWeights.get(key) ?? []), candidate]);
  }
  return [...byWeights.values()].flatMap((members) => {
    const keys = new Set(members.map(({ key }) => key));
    const own = rows.map((row, index) => ({ ...row, row: index })).filter(({ candidate }) => keys.has(candidate));
    return own.length === 0
      ? []
      : [
          decodingGroup(
            members.filter(({ key }) => own.some(({ candidate }) => candidate === key)),
            own,
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
  const byCandidate = new Map<string, RowToDecode[]>();
  for (const row of rows) {
    const known = byCandidate.get(row.candidate);
    if (known === undefined) byCandidate.set(row.candidate, [row]);
    else known.push(row);
  }
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
