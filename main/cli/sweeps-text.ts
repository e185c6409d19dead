import type { SweepsComparison } from '../contract/compare-sweeps.ts';
import { sweepsOverview } from '../evaluation/sweeps/compare-sweeps.ts';
import { sweepsColumns } from '../figures/compare-tables.ts';
import { terminalText } from './terminal-text.ts';
import { columnsTable, textTable } from './text-table.ts';

const MOST_LETTERS = 48;

const cut = (text: string): string => (text.length > MOST_LETTERS ? `${text.slice(0, MOST_LETTERS - 3)}...` : text);

/** Sweeps against the first of them, as tables: differences in the settings, then candidate by candidate. */
export const sweepsText = (comparison: SweepsComparison): string => {
  const { runs, settings, sameSettings, rows, notes } = comparison;
  const [reference, ...others] = runs;
  return [
    `Compared with ${reference?.name ?? ''} (${reference?.run ?? ''}):`,
    settings.length === 0
      ? `All ${String(sameSettings)} settings are the same.`
      : textTable(
          ['setting', ...runs.map(({ run }) => run)],
          settings.map(({ key, values }) => [key, ...values.map((value) => cut(terminalText(value)))]),
        ) + `\n${String(sameSettings)} settings are the same.`,
    ...others.flatMap(({ run, name }) => {
      const own = rows.filter((row) => row.run === run);
      if (own.length === 0) return [];
      return [`${name} (${run})`, columnsTable(sweepsColumns, own)];
    }),
    terminalText(sweepsOverview(comparison)),
    ...notes,
  ].join('\n\n');
};
