import type { AnswerKind } from '../../../main/contract/task.ts';
import { useStore } from 'zustand';
import {
  BEST_REFERENCE,
  type CompareDocument,
  type CompareRow,
  type CompareTask,
} from '../../../main/contract/compare.ts';
import type { SerialisedError } from '../../../main/contract/errors.ts';
import type { RunManifest } from '../../../main/contract/run.ts';
import { answersMeasured } from '../../../main/evaluation/comparison/points.ts';
import { isSameCurve, type SweepResult, UNPRUNED } from '../../../main/contract/sweep.ts';
import { useQuery } from '../../engine/engine-context.tsx';
import { useLasting } from '../../engine/use-settled.ts';
import { selectionStore } from '../../state/selection-store.ts';
import type { ResolvedTheme } from '../../state/theme.ts';
import { compareStore } from '../../state/view-stores.ts';
import { useReading, useSweep } from '../../sweep/shown-sweep.ts';
import { pairCountsText, pairedRangeText, readingText, taskRankText } from '../../../main/words/comparisons.ts';
import { methodTitle } from '../../../main/words/methods.ts';
import {
  differenceUnit,
  formatCount,
  formatDifference,
  formatFactor,
  formatFixed,
  formatP,
  formatProbability,
  formatValue,
} from '../../../main/words/numbers.ts';

/** Props of all parts of the view. */
export interface CompareProps {
  readonly comparison: CompareDocument;
  readonly theme: ResolvedTheme;
  readonly title: (task: string) => string;
  readonly isSelected: (task: CompareTask, row: CompareRow) => boolean;
  /** Selects the point of a row, in every view. */
  readonly onSelect: (task: CompareTask, row: CompareRow) => void;
}

interface Wanted {
  readonly model: string | null;
  readonly factor: number;
  readonly answers: AnswerKind | null;
  readonly reference: string;
}

interface ComparisonChoice {
  readonly model: string;
  readonly factor: number | undefined;
  readonly answers: AnswerKind | undefined;
  readonly reference: string | undefined;
}

const nearestTo = (factor: number, results: readonly SweepResult[]): SweepResult | undefined => {
  const apart = (result: SweepResult): number => Math.abs(Math.log(result.factor / factor));
  return [...results].sort((left, right) => apart(left) - apart(right))[0];
};

/**
 * Fits the settings on screen to what the sweep contains: a model it measured, the nearest measured factor, a reference
 * it has. Null if no factor above 1 was measured.
 */
export const comparisonChoice = (
  results: readonly SweepResult[],
  { model, factor, answers, reference }: Wanted,
): ComparisonChoice | null => {
  const pruned = results.filter((result) => result.factor > 1);
  const [first] = pruned;
  if (first === undefined) return null;
  const shown = pruned.some((result) => result.model === model) && model !== null ? model : first.model;
  const matching = pruned.filter((result) => result.model === shown);
  const isKnown = [BEST_REFERENCE, UNPRUNED].includes(reference) || matching.some(({ method }) => method === reference);
  const isOffered = answers !== null && answersMeasured(results, shown).includes(answers);
  return {
    model: shown,
    factor: nearestTo(factor, matching)?.factor,
    answers: isOffered ? answers : undefined,
    reference: isKnown ? reference : undefined,
  };
};

interface ShownComparison {
  readonly manifest: RunManifest | null;
  readonly comparison: CompareDocument | undefined;
  /** The displayed comparison belongs to earlier settings. */
  readonly stale: boolean;
  readonly error: SerialisedError | null;
}

/**
 * The comparison of the displayed sweep's methods with the current settings; the last answer stays while the next is
 * fetched.
 */
export const useComparison = (): ShownComparison => {
  const { manifest, document, model } = useSweep();
  const { answers, reference } = useStore(compareStore);
  const factor = useStore(selectionStore, (state) => state.factor);
  const { familywise, settled: delta } = useReading();
  const choice =
    document === undefined ? null : comparisonChoice(document.results, { model, factor, answers, reference });
  const { data, error } = useQuery(
    'sweep.compare',
    manifest === null || choice === null
      ? null
      : { run: manifest.id, familywise, ...choice, delta: delta ?? undefined },
  );
  const comparison = useLasting(data, manifest?.id ?? '');
  return { manifest, comparison, stale: data === undefined && error === null, error };
};

/** The sweep point of a row (the first of several draws). Null while results are being fetched. */
export const comparedPoint = (
  results: readonly SweepResult[],
  model: string,
  task: string,
  { method, seeds, factor }: CompareRow,
): SweepResult | null => {
  const seed = seeds[0] ?? null;
  const curve = results.filter((result) => isSameCurve(result, { model, task, method, seed }) && result.factor > 1);
  return nearestTo(factor, curve) ?? null;
};

/** Name of a reference in controls and captions. */
export const referenceTitle = (reference: string): string =>
  reference === BEST_REFERENCE ? 'best of each task' : reference === UNPRUNED ? 'unpruned' : methodTitle(reference);

/** Exact numbers of a method on a task, one per line. */
export const rowLines = (row: CompareRow, task: CompareTask): readonly string[] => {
  const { metric, n, reference } = task;
  const { seeds, value, lowest, highest, factor, paired, pHolm, sharesBest } = row;
  const draws =
    seeds.length > 1
      ? `, mean of ${formatCount(seeds.length)} draws (${formatValue(lowest, metric)} to ` +
        `${formatValue(highest, metric)})`
      : '';
  const holm = pHolm === null ? '' : `, after Holm ${formatProbability(pHolm)}`;
  return [
    `rank ${taskRankText(row, task)} of ${formatCount(task.rows.length)} at ${formatFactor(factor)}: ` +
      `${formatValue(value, metric)}${metric === 'perplexity' ? '' : ' %'}${draws}, n ${formatCount(n)}`,
    ...(paired === null || reference === null
      ? []
      : [
          `minus ${referenceTitle(reference)}: ${formatDifference(paired.difference, metric)} ` +
            (paired.pairs.length > 1
              ? `${differenceUnit(metric).trim()} (${pairedRangeText(paired, metric)}), `
              : `${pairedRangeText(paired, metric)}${differenceUnit(metric)}, `) +
            readingText(row.reading),
          ...(paired.pairs.length > 1 ? [pairCountsText(paired)] : []),
          ...(paired.p === null
            ? []
            : [
                `${formatP(paired.p)}${holm}; ` +
                  `${formatFixed(paired.lost, paired.pairs.length > 1 ? 1 : 0)} lost, ` +
                  `${formatFixed(paired.gained, paired.pairs.length > 1 ? 1 : 0)} gained`,
              ]),
        ]),
    sharesBest
      ? row.rank === 1
        ? 'best value'
        : `not distinguishable from the best${seeds.length > 1 ? ' in any draw' : ''}`
      : `worse than the best${seeds.length > 1 ? ' in at least one draw' : ''}`,
  ];
};
