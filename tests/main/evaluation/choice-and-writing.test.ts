import { expect, test } from 'vitest';
import type { SweepResult } from '../../../main/contract/sweep.ts';
import { choiceAndWriting, reachSummary } from '../../../main/evaluation/choice-and-writing.ts';
import { reachText } from '../../../main/words/verdicts.ts';
import { sizeTrendDocument } from '../../../main/evaluation/size-trend/document.ts';
import { sweepThresholds } from '../../../main/evaluation/threshold.ts';
import { bestThresholdsCsv } from '../../../main/figures/best-figure.ts';
import { choiceAndWritingCsv } from '../../../main/figures/tables.ts';
import { sampleManifest } from '../figures/sample-run.ts';
import { sweepResult } from './outcomes.ts';

/** Points of a task at the factors 2, 4 and 8, safe up to `safe`. */
const points = (fields: Partial<SweepResult>, safe: number): SweepResult[] =>
  [1, 2, 4, 8].map((factor) =>
    sweepResult({
      ...fields,
      factor,
      kept: 16 / factor,
      ...(factor === 1 ? { method: 'unpruned' } : {}),
      lost: factor <= safe ? 0 : Math.ceil((fields.n ?? 1000) / 2),
    }),
  );
const written = { metric: 'exact_match', acc: null, accNorm: null } as const;

const documentOf = (results: readonly SweepResult[]) => ({
  run: 'run',
  rule: '',
  results: [...results],
  thresholds: sweepThresholds(results, 0.02),
});

test('a task and its written twin are reported in one statement', () => {
  const document = documentOf([
    ...points({ task: 'plural' }, 4),
    ...points({ task: 'plural-written', ...written }, 2),
    ...points({ task: 'sort' }, 8),
    ...points({ task: 'sort-written', ...written }, 1),
    ...points({ task: 'add' }, 2),
    ...points({ task: 'small', n: 20 }, 2),
    ...points({ task: 'small-written', n: 20, ...written }, 2),
  ]);
  const pairs = choiceAndWriting(document);
  expect(pairs.map(({ task, choice, writing }) => [task, reachText(choice), reachText(writing)])).toEqual([
    ['plural', 'to ×4', 'to ×2'],
    ['sort', 'to ×8 or more', 'at no tested factor'],
    ['small', 'cannot be determined', 'cannot be determined'],
  ]);
  expect(reachSummary(pairs)).toBe(
    'Of 2 thresholds that were determined both ways, the one for answers that the model writes is lower than the one ' +
      'for answers that it chooses in 2, the same in 0 and higher in 0.',
  );
  expect(reachSummary([])).toBeNull();
  const [columns, ...lines] = (choiceAndWritingCsv(document, sampleManifest) ?? '').trim().split('\n');
  expect(columns?.split(',')).toHaveLength(16);
  expect(lines[0]).toBe('sweep-sample,model,plural,reap,1000,found,4,8,plural-written,found,2,4,,,,false');
  expect(lines).toHaveLength(3);
});

test('tables say where so many written answers of the unpruned model ran out that truncation was measured', () => {
  const none = { difference: 0, low: 0, high: 0, lowOneSided: 0, highOneSided: 0, p: null, lost: 0, gained: 0 };
  const document = documentOf([
    ...points({ task: 'plural' }, 4),
    ...points({ task: 'plural-written', ...written, endings: { ended: 0.9, looped: 0, ...none } }, 2),
    ...points({ task: 'sort' }, 8),
    ...points({ task: 'sort-written', ...written, endings: { ended: 0.99, looped: 0, ...none } }, 1),
  ]);
  const sizeTrend = sizeTrendDocument(
    document,
    { delta: 0.02, familywise: false },
    {
      pairs: [],
      missing: 0,
      incomparable: 0,
    },
  );
  const linesOf = (csv: string | null): readonly (readonly string[])[] =>
    (csv ?? '')
      .trim()
      .split('\n')
      .map((line) => line.split(','));
  for (const csv of [choiceAndWritingCsv(document, sampleManifest), bestThresholdsCsv(sizeTrend, sampleManifest)]) {
    const [columns, ...lines] = linesOf(csv);
    expect(columns?.at(-1)).toBe('truncation_measured');
    expect(lines.map((line) => [line.find((cell) => ['plural', 'sort'].includes(cell)), line.at(-1)])).toEqual([
      ['plural', 'true'],
      ['sort', 'false'],
    ]);
  }
  expect(sizeTrend.thresholds.flatMap(({ task, truncationMeasured }) => (truncationMeasured ? [task] : []))).toEqual([
    'plural-written',
  ]);
});

test('neither a name alone nor other items make a twin', () => {
  const unmatched = documentOf([...points({ task: 'a' }, 2), ...points({ task: 'a-written' }, 2)]);
  expect(choiceAndWriting(unmatched)).toEqual([]);
  expect(choiceAndWritingCsv(unmatched, sampleManifest)).toBeNull();
  expect(
    choiceAndWriting(documentOf([...points({ task: 'a' }, 2), ...points({ task: 'a-written', n: 9, ...written }, 2)])),
  ).toEqual([]);
});

test('findings over E are made for each kind separately, so that no item counts twice', () => {
  const tasks = ['a', 'b', 'c', 'd', 'e', 'f'];
  const results = tasks.flatMap((task) => [
    ...points({ task, model: 'small' }, 1),
    ...points({ task, model: 'large' }, 4).map((one) => ({ ...one, kept: 64 / one.factor })),
    ...points({ task: `${task}-written`, ...written, model: 'small' }, 2),
    ...points({ task: `${task}-written`, ...written, model: 'large' }, 2).map((one) => ({
      ...one,
      kept: 64 / one.factor,
    })),
  ]);
  const measured = { pairs: [], missing: 0, incomparable: 0 };
  const { findings } = sizeTrendDocument(documentOf(results), { delta: 0.02, familywise: false }, measured);
  const overall = findings.filter(({ chart, method }) => chart === 'threshold-over-experts' && method === null);
  expect(overall.map(({ sentence }) => sentence)).toEqual([
    expect.stringMatching(
      /^Answers chosen: .*cannot be shown .* beyond these models by REAP \(up in 6, down in 0\), out of 6 tasks/,
    ),
    expect.stringMatching(/^Answers written: .*REAP \(up in 0, down in 0\), out of 6 tasks/),
  ]);
  const chosen = results.filter(({ metric }) => metric === 'acc');
  const alone = sizeTrendDocument(documentOf(chosen), { delta: 0.02, familywise: false }, measured).findings;
  expect(findings.filter(({ sentence }) => sentence.startsWith('Answers chosen: '))).toEqual(
    alone.map((one) => ({ ...one, answers: 'chosen', sentence: `Answers chosen: ${one.sentence}` })),
  );
});
