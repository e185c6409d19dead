import { beforeAll, describe, expect, it } from 'vitest';
import { pointNameKey, type SweepDocument, type Threshold, UNPRUNED } from '../../../main/contract/sweep.ts';
import { answersOf } from '../../../main/contract/task.ts';
import { curtailedOrder, partEnds } from '../../../main/evaluation/curtailment.ts';
import { sizeTrendDocument } from '../../../main/evaluation/size-trend/document.ts';
import { withThresholds } from '../../../main/evaluation/threshold-family.ts';
import { curtailedText } from '../../../main/words/verdicts.ts';
import { recordedResults } from '../sample/recorded.ts';
import { answer, curtailedSample, sampleOutcomes } from './curtailed-sample.ts';

const DELTA = 0.02;
const eachItem = (n: number): readonly number[] => Array.from({ length: n }, (_, index) => index + 1);
const print = (line: string): void => void process.stdout.write(`${line}\n`);
const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

/**
 * A threshold without the fields that only the remaining items determine: whether unsafe factors are worse, power, and
 * how texts end.
 */
const decided = ({
  firstWorse: _firstWorse,
  power: _power,
  endings: _endings,
  draws,
  ...threshold
}: Threshold): object => ({
  ...threshold,
  draws: draws?.map(({ firstWorse: _ofDraw, ...draw }) => draw),
});

const nameOf = (threshold: Pick<Threshold, 'model' | 'task' | 'method' | 'seed'>): string =>
  pointNameKey({ ...threshold, factor: 0 });

/** A document lists fully curtailed curves after the measured ones of their model and task. */
const sorted = (thresholds: readonly Threshold[]): object[] =>
  thresholds
    .map((threshold) => ({ name: nameOf(threshold), threshold: decided(threshold) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));

describe('the sample, curtailed on its stored outcomes', () => {
  let full: SweepDocument;
  let outcomesOf: Awaited<ReturnType<typeof sampleOutcomes>>;
  let inParts: ReturnType<typeof curtailedSample>;
  beforeAll(async () => {
    full = await recordedResults('sample');
    outcomesOf = await sampleOutcomes();
    inParts = curtailedSample(full, outcomesOf, DELTA, partEnds);
  });

  // The figures of resources/docs/searching.md: candidates, item evaluations in full, in file order, by the margin of
  // the unpruned model (which has none for generated answers); and the median number of items after which unsafe
  // candidates are curtailed.
  it.each([
    { answers: 'chosen', figures: [1_512, 428_400, 75_538, 60_150, 6] },
    { answers: 'written', figures: [1_512, 428_400, 118_690, 118_690, 13] },
  ])('gives every candidate the verdict that all its items give, from a part of them: $answers', (kind) => {
    const candidates = full.results.filter((result) => result.factor > 1 && answersOf(result) === kind.answers);
    let [fileOrder, byMargin, inFull] = [0, 0, 0];
    const unsafeAfter: number[] = [];
    for (const result of candidates) {
      const baseline = outcomesOf({ ...result, method: UNPRUNED, seed: null, factor: 1 });
      const candidate = outcomesOf(result);
      const isSafe = result.lowOneSided >= -DELTA;
      const inOrder = (order: readonly number[]): number => {
        const { verdict, evaluated } = answer(result, DELTA, baseline, candidate, order, eachItem(result.n));
        if (verdict !== null) expect(verdict).toBe(isSafe ? 'safe' : 'unsafe');
        return evaluated;
      };
      inFull += result.n;
      fileOrder += inOrder(baseline.map((_, index) => index));
      const evaluated = inOrder(curtailedOrder(result.metric, baseline));
      byMargin += evaluated;
      if (!isSafe) unsafeAfter.push(evaluated);
    }
    print(
      `${candidates.length} candidates: ${inFull} item evaluations in full, ${fileOrder} in file order ` +
        `(${(inFull / fileOrder).toFixed(1)}x fewer), ${byMargin} by margin (${(inFull / byMargin).toFixed(1)}x); ` +
        `unsafe ones are decided after ${median(unsafeAfter)} items in the median`,
    );
    expect([candidates.length, inFull, fileOrder, byMargin, median(unsafeAfter)]).toEqual(kind.figures);
  });

  it('gives the same thresholds and findings, for both readings, and at a smaller margin', () => {
    const { document, evaluated } = inParts;
    const none = { pairs: [], missing: 0, incomparable: 0 };
    for (const reading of [{ delta: DELTA }, { delta: DELTA, familywise: true }, { delta: 0.01 }]) {
      const [whole, curtailed] = [withThresholds(full, reading), withThresholds(document, reading)];
      expect(sorted(curtailed.thresholds)).toEqual(sorted(whole.thresholds));
      expect(curtailed.multiplicity).toEqual(whole.multiplicity);
      // Larger factors are left open, also where a curve ended at one that answered all items.
      const same = new Map(whole.thresholds.map((one) => [nameOf(one), one]));
      for (const { firstWorse, ...found } of curtailed.thresholds)
        if (firstWorse !== null) expect(firstWorse).toBe(same.get(nameOf(found))?.firstWorse);
      const [before, after] = [sizeTrendDocument(whole, reading, none), sizeTrendDocument(curtailed, reading, none)];
      // Pairs with smaller models, and losses at an equal dropped share, compare accuracies, which a search for
      // thresholds leaves out.
      const ofThresholds = (one: typeof before) =>
        one.findings.filter(({ chart }) => chart !== 'pruned-against-scratch' && chart !== 'loss-over-share');
      expect(ofThresholds(before).length).toBeGreaterThan(0);
      expect(ofThresholds(after)).toEqual(ofThresholds(before));
      expect(after.safeCounts).toEqual(before.safeCounts);
      expect(curtailed.curtailed?.map(({ verdict }) => verdict)).not.toContain(null);
    }
    const [inFull, perItem] = [
      full.results.filter(({ factor }) => factor > 1).reduce((sum, { n }) => sum + n, 0),
      curtailedSample(full, outcomesOf, DELTA, eachItem).evaluated,
    ];
    print(
      `curves end at their first unsafe factor: ${perItem} item evaluations item by item ` +
        `(${(inFull / perItem).toFixed(1)}x fewer), ${evaluated} in parts (${(inFull / evaluated).toFixed(1)}x); ` +
        `${document.curtailed?.length ?? 0} candidates curtailed, ${document.notNeeded?.length ?? 0} not needed`,
    );
    expect([perItem, evaluated, document.curtailed?.length, document.notNeeded?.length]).toEqual([
      98_978, 116_328, 787, 1_990,
    ]);
  });

  it('does not read candidates that are undecided at a larger margin', () => {
    const { document } = inParts;
    const wide = withThresholds(document, { delta: 0.1 });
    const open = wide.curtailed?.filter(({ verdict }) => verdict === null) ?? [];
    expect(open.length).toBeGreaterThan(0);
    expect(open.map(curtailedText).join()).toContain('undecided at this margin by ');
    const truth = withThresholds(full, { delta: 0.1 });
    const whole = new Map(truth.thresholds.map((one) => [nameOf(one), one]));
    for (const threshold of wide.thresholds) {
      const same = whole.get(nameOf(threshold));
      // Where a curve is cut short, its threshold is a lower end of the whole one, never beyond it.
      expect(threshold.lastSafe ?? 0).toBeLessThanOrEqual(same?.lastSafe ?? 0);
      if (threshold.firstUnsafe !== null) expect(threshold.firstUnsafe).toBe(same?.firstUnsafe);
    }
  });
});
