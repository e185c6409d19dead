import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { canonicalJson } from '../../../main/files/canonical-json.ts';
import { evaluationRecord } from '../../../main/runs/evaluation-record.ts';

const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value));
const choice = fc.record({
  kind: fc.constant('choice' as const),
  id: fc.string(),
  logprobs: fc.array(finite, { minLength: 2, maxLength: 5 }),
  chosen: fc.nat(4),
  chosenNorm: fc.nat(4),
  answer: fc.nat(4),
  truncatedTokens: fc.nat(),
});
const grouped = fc.tuple(choice, fc.string({ minLength: 1 })).map(([outcome, group]) => ({ ...outcome, group }));
const severalRight = fc
  .tuple(choice, fc.array(fc.nat(4), { maxLength: 3 }))
  .map(([outcome, alsoRight]) => (alsoRight.length === 0 ? outcome : { ...outcome, alsoRight }));
const written = fc.record({
  kind: fc.constant('written' as const),
  id: fc.string(),
  text: fc.string(),
  filtered: fc.string(),
  correct: fc.boolean(),
  tokens: fc.nat(),
  stopped: fc.constantFrom('until' as const, 'end' as const, 'length' as const),
  truncatedTokens: fc.nat(),
});
const place = { token: fc.nat(), character: fc.nat(), period: fc.option(fc.nat()) };
const looped = fc.tuple(written, fc.option(fc.record(place))).map(([outcome, loop]) => ({ ...outcome, loop }));
const text = fc.record({ kind: fc.constant('text' as const), id: fc.string(), logprob: finite, tokens: fc.nat() });
const measures = { kl: finite, reverseKl: finite, changed: finite, acceptance: finite };
const fidelity = fc.record({ positions: fc.nat(), ...measures });
const ofClass = fc.record({ positions: fc.integer({ min: 1, max: 100 }), kl: finite, changed: finite });
const withClasses = fc
  .tuple(fidelity, ofClass, fc.option(ofClass, { nil: undefined }))
  .map(([own, digit, special]) => ({
    ...own,
    positions: own.positions + 1,
    classes: special === undefined ? { digit } : { digit, special },
  }));
const classedChoice = fc.tuple(choice, withClasses).map(([outcome, own]) => ({ ...outcome, fidelity: own }));
const comparedChoice = fc.tuple(choice, fidelity).map(([outcome, own]) => ({ ...outcome, fidelity: own }));
const comparedText = fc.tuple(text, fidelity).map(([outcome, own]) => ({ ...outcome, fidelity: own }));
const comparedWritten = fc
  .tuple(looped, fidelity, fc.array(fc.nat()))
  .map(([outcome, own, tokenIds]) => ({ ...outcome, fidelity: own, tokenIds }));

test('outcomes come back bit for bit through the columns of a step', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        ...[
          fc.array(choice),
          fc.array(severalRight),
          fc.array(grouped),
          fc.array(text),
          fc.array(written),
          fc.array(looped),
        ],
        ...[fc.array(comparedChoice), fc.array(comparedText), fc.array(comparedWritten), fc.array(classedChoice)],
      ),
      (outcomes) => {
        const record = {
          kind: 'evaluation' as const,
          model: { name: 'm', fingerprint: 'f' },
          task: 't',
          items: 'i',
          plan: { kept: [[0, 1]] },
          outcomes,
        };
        const back = evaluationRecord.parse(JSON.parse(canonicalJson(z.encode(evaluationRecord, record))));
        expect(back).toEqual(record);
      },
    ),
  );
});

test('columns of different lengths are refused', () => {
  const outcomes = [{ kind: 'text', id: 'a', logprob: -1, tokens: 3 } as const];
  const stored = z.encode(evaluationRecord, {
    kind: 'evaluation',
    model: { name: 'm', fingerprint: 'f' },
    task: 't',
    items: 'i',
    plan: null,
    outcomes,
  });
  const broken = { ...stored, outcomes: { ...stored.outcomes, ids: ['a', 'b'] } };
  expect(evaluationRecord.safeParse(broken).success).toBe(false);
  expect(evaluationRecord.safeParse(stored).success).toBe(true);
});
