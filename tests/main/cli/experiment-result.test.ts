import { expect, test } from 'vitest';
import { experimentText } from '../../../main/cli/experiment-result.ts';
import { experimentDocument } from '../../../main/evaluation/experiment/document.ts';
import { answers, arm, record } from '../evaluation/experiment/made-up.ts';

test('an arm is one row of accuracies, also where texts ran out of tokens in some of its draws', () => {
  const arms = [
    arm(8, 8, answers(20)),
    arm(32, 8, answers(0), { seed: 1 }),
    { ...arm(32, 8, answers(30), { seed: 2 }), ranOut: 0.5 },
  ];
  const [table = ''] = experimentText(experimentDocument(record(arms, { sizes: [8, 32] }))).split('\n\n');
  const [, , ...rows] = table.split('\n');
  expect(rows).toHaveLength(2);
  expect(rows[1]).toContain('95.0 % (90.0 % to 100.0 %)');
});
