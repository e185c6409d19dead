import type { ModelDescriptor } from '../../checkpoint/descriptor.ts';
import type { ResolvedCandidate } from '../executor.ts';
import { admittedRows, type RowSize } from './admit-rows.ts';
import type { DecodingCost, RowToDecode } from '../model-runner.ts';
import { fittingGroups, groupRoom, longestFirst } from './decoding-group.ts';
import { columnsOf } from './writing-row.ts';

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
