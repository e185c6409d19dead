import type { SweepsComparison, SweepsRow } from '../contract/compare-sweeps.ts';
import { sweepsOverview } from '../evaluation/sweeps/compare-sweeps.ts';
import { pairedRangeText, readingText } from '../words/comparisons.ts';
import { printedDifference, printedFactor, printedP, printedValue, terminalText } from './terminal-text.ts';
import { textTable } from './text-table.ts';

const MOST_LETTERS = 48;

const cut = (text: string): string => (text.length > MOST_LETTERS ? `${text.slice(0, MOST_LETTERS - 3)}...` : text);

const itemsText = ({ items, n, referenceN }: SweepsRow): string => {
  switch (items) {
    case 'same':
      return `${String(n)}, paired`;
    case 'common':
      return `${String(n)} shared, paired`;
    case 'other':
      return `${String(n)} and ${String(referenceN)}, unpaired`;
  }
};

const both = (own: string, reference: string): string => (own === reference ? own : `${own} / ${reference}`);

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
      return [
        `${name} (${run})`,
        textTable(
          [
            'model',
            'task',
            'method',
            'factor',
            'items',
            'value',
            'there',
            'difference',
            '95 % interval',
            'p',
            'p (Holm)',
            'reading',
          ],
          own.map((row) => [
            both(row.model, row.referenceModel),
            row.task,
            both(row.method, row.referenceMethod),
            printedFactor(row.factor),
            itemsText(row),
            printedValue(row.value, row.metric),
            printedValue(row.referenceValue, row.metric),
            printedDifference(row.difference, row.metric),
            terminalText(pairedRangeText(row, row.metric)),
            printedP(row.p),
            printedP(row.pHolm),
            row.reading === null ? null : readingText(row.reading),
          ]),
        ),
      ];
    }),
    terminalText(sweepsOverview(comparison)),
    ...notes,
  ].join('\n\n');
};
