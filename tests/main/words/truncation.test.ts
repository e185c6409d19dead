import { describe, expect, it } from 'vitest';
import type { ExperimentArm } from '../../../main/contract/experiment.ts';
import type { WrittenOutcome } from '../../../main/contract/outcome.ts';
import { damageText } from '../../../main/cli/verbs/damage.ts';
import { experimentDocument } from '../../../main/evaluation/experiment/document.ts';
import {
  calibrationDrawsCsv,
  curtailedCsv,
  elsewhereCsv,
  resultsCsv,
  thresholdsCsv,
  thresholdsMarkdown,
} from '../../../main/figures/tables.ts';
import { ranOutOf, truncationNotes } from '../../../main/words/truncation.ts';
import { answers, arm, record } from '../evaluation/experiment/made-up.ts';
import { choiceOutcome, sweepResult, writtenOutcome } from '../evaluation/outcomes.ts';
import { sampleManifest, sampleSweep } from '../figures/sample-run.ts';

const texts = (ranOut: number): WrittenOutcome[] =>
  Array.from({ length: 100 }, (_, index) => ({
    ...writtenOutcome(`q${index}`, 'right'),
    stopped: index < ranOut ? 'length' : 'end',
  }));

it('is measured where more than 5 % of written answers ran out of tokens', () => {
  expect([5, 6, 100].map((count) => ranOutOf('exact_match', texts(count)))).toEqual([undefined, 0.06, 1]);
  expect(ranOutOf('ending', texts(100))).toBeUndefined();
  expect(ranOutOf('acc', [choiceOutcome('q', false)])).toBeUndefined();
});

describe('where it was measured', () => {
  const nothing = { difference: 0, low: 0, high: 0, lowOneSided: 0, highOneSided: 0, p: null, lost: 0, gained: 0 };
  const document = sampleSweep();
  const truncated = {
    ...document,
    results: document.results.map((result) =>
      result.task === 'sums' && result.method === 'unpruned'
        ? { ...result, metric: 'exact_match' as const, endings: { ended: 0.9, looped: 0, ...nothing } }
        : result,
    ),
  };

  it('every table of a sweep says so', () => {
    for (const csv of [resultsCsv, thresholdsCsv]) {
      const [heading = '', ...rows] = csv(truncated, sampleManifest).trim().split('\n');
      expect(heading).toContain(',truncation_measured');
      expect(rows.length).toBeGreaterThan(0);
      for (const row of rows) expect(row.includes(',true')).toBe(/(?:^|,)sums,/.test(row));
      expect(csv(document, sampleManifest)).not.toContain(',true');
    }
    const [note = ''] = truncationNotes(truncated.results);
    expect(note).toMatch(/^e16 on sums: truncation was measured/);
    expect(thresholdsMarkdown(truncated, sampleManifest)).toContain('e16 on sums: truncation was measured');
    expect(truncationNotes([sweepResult({ method: 'unpruned', metric: 'exact_match' })])).toEqual([]);
  });

  it('so do its other tables, on the lines of the task', () => {
    const pruned = truncated.results.filter(({ method }) => method === 'reap');
    const first = pruned.find(({ task }) => task === 'sums') ?? expect.fail('sums was not measured');
    const other = pruned.find(({ task }) => task === 'small') ?? expect.fail('small was not measured');
    const drawn = { draw: 1, size: null, items: 20, inCommon: 0.5, rankCorrelation: 0.9, experts: 64, fewTokens: 1 };
    const { model, task, method, seed, factor, kept } = first;
    const more = {
      ...truncated,
      elsewhere: [first, other].map((result) => ({ madeFor: 'prose', result })),
      calibrationDraws: [first, other].map((result) => ({ ...drawn, fewTokensOfAll: 1, result })),
      curtailed: [task, 'small'].map((of) => ({
        model,
        task: of,
        method,
        seed,
        factor,
        kept,
        n: 400,
        evaluated: 11,
        independentAtLeast: 400,
        metric: 'exact_match' as const,
        lost: 9,
        gainedAtMost: 3,
      })),
    };
    for (const write of [elsewhereCsv, calibrationDrawsCsv, curtailedCsv]) {
      const [heading = '', ...rows] = (write(more, sampleManifest) ?? '').trim().split('\n');
      expect(heading).toMatch(/,truncation_measured$/);
      expect(rows.map((row) => row.split(',').at(-1))).toEqual(['true', 'false']);
    }
  });

  it('the loss without single experts says so', () => {
    const damage = {
      model: 'm',
      task: 't',
      layer: 0,
      experts: 8,
      metric: 'exact_match',
      n: 50,
      unpruned: 0.5,
    } as const;
    expect(damageText({ ...damage, results: [], ranOut: 0.2 })).toMatch(/^m on t: truncation was measured. 20/);
    expect(damageText({ ...damage, results: [] })).not.toContain('truncation');
  });

  it('an experiment says so of its unpruned members', () => {
    const [unpruned, pruned] = [arm(8, 8, answers(20)), arm(32, 8, answers(60))];
    const notesWith = (...arms: readonly ExperimentArm[]) => experimentDocument(record(arms)).notes.join(' ');
    expect(notesWith({ ...unpruned, ranOut: 0.5 }, pruned)).toMatch(/^family-8 on one: truncation was measured. 50/);
    expect(notesWith(unpruned, { ...pruned, ranOut: 0.5 })).not.toContain('truncation');
  });
});
