import { expect, test } from 'vitest';
import { clusterRequest } from '../../../main/contract/cluster.ts';
import { describedExperimentSettings } from '../../../main/contract/experiment.ts';
import { describedFitSettings } from '../../../main/contract/fit.ts';
import { describedPlanSettings } from '../../../main/contract/plan.ts';
import { describedSweepSettings } from '../../../main/contract/sweep.ts';
import { optionReader, readSettings, settingOptions } from '../../../main/cli/verb.ts';

const read = (schema: Parameters<typeof readSettings>[1], options: Readonly<Record<string, unknown>>) =>
  readSettings(optionReader({ positionals: [], options }), schema);

test('options of every kind become settings in the shape of the contract; absent ones stay out', () => {
  expect(read(describedSweepSettings, {})).toEqual({});
  expect(
    read(describedSweepSettings, {
      adaptive: true,
      stop: 'early',
      seeds: ['0,1', '4'],
      budget: 'global',
      limit: '40',
      delta: '0.05',
    }),
  ).toEqual({ adaptive: true, stop: 'early', seeds: [0, 1, 4], budget: 'global', limit: 40, delta: 0.05 });
  // Another spelling of a choice; the contract brings them into order.
  expect(read(describedExperimentSettings, { arms: ['fine-tuned,as-is', 'tuned'], recovery: 'router' })).toEqual({
    treatments: ['tuned', 'as-is', 'tuned'],
    refit: 'router',
  });
  expect(describedExperimentSettings.parse({ treatments: ['tuned', 'as-is', 'tuned'] }).treatments).toEqual([
    'as-is',
    'tuned',
  ]);
  const setup = ['module load nodejs', 'export A=1,2'];
  expect(read(clusterRequest, { array: '4', mem: '64G', setup })).toEqual({ workers: 4, memory: '64G', setup });
});

test.each([
  [describedSweepSettings, { limit: '0' }, '--limit "0" is not a whole number of at least 1.'],
  [describedSweepSettings, { limit: '' }, '--limit "" is not a whole number of at least 1.'],
  [describedSweepSettings, { delta: '9' }, '--delta "9" is not a number from 0.0005 to 0.5.'],
  [describedSweepSettings, { seeds: ['0,x'] }, '--seeds "0,x" is not a list of whole numbers.'],
  [describedSweepSettings, { budget: 'manual' }, '--budget "manual" is unknown.'],
  [
    describedExperimentSettings,
    { arms: ['as-is,pruned'] },
    '--arms "as-is,pruned" is not one or more of as-is, refit,',
  ],
  [describedExperimentSettings, { 'training-seeds': 'some' }, '--training-seeds "some" is unknown.'],
  [describedExperimentSettings, { seeds: ['0,2000000'] }, '--seeds "0,2000000" is not whole numbers from 0 to 1000000'],
  [describedPlanSettings, { seed: '-1' }, '--seed "-1" is not a whole number of at least 0.'],
  [describedPlanSettings, { gates: 'ghost' }, '--gates "ghost" is not offered: experts of zeros that take'],
  [describedSweepSettings, { gates: 'ghost' }, '--gates "ghost" is not offered: experts of zeros that take'],
  [describedFitSettings, { gates: ['folded,ghost'] }, '--gates "ghost" is not offered: experts of zeros that take'],
  [describedExperimentSettings, { gates: ['ghost'] }, '--gates "ghost" is not offered: experts of zeros that take'],
  [describedPlanSettings, { gates: 'ghosts' }, '--gates "ghosts" is unknown.'],
  [clusterRequest, { partition: 'a b' }, '--partition "a b" is not one word.'],
  [clusterRequest, { host: '-oProxyCommand=x' }, '--host "-oProxyCommand=x" is not a host, as your ssh knows it.'],
])('a value that the schema refuses is named with its range', (schema, options, message) => {
  expect(() => read(schema, options)).toThrow(message);
});

test('the help of an option ends with its default, and lists choices that it does not mention', () => {
  const options = settingOptions(describedSweepSettings);
  expect(options['limit']).toMatchObject({ value: 'N', help: expect.stringMatching(/ Default: all\.$/) });
  expect(options['budget']?.help).toContain(' One of uniform, global, inverse-importance, measured. Default: uniform.');
  expect(options['protect']?.help).not.toContain('One of');
  expect(options['seeds']).toMatchObject({ multiple: true, help: expect.stringMatching(/ Default: 0,1,2\.$/) });
  expect(options['speed']).toMatchObject({ type: 'boolean' });
  // The verb reads it by an option of its own.
  expect(Object.keys(options)).not.toContain('recovery');
});
