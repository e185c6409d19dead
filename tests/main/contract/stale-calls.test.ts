import { expect, test } from 'vitest';
import { isCallName } from '../../../main/contract/call-boundary.ts';
import { calls, type CallName } from '../../../main/contract/calls.ts';
import type { EngineEvent } from '../../../main/contract/events.ts';
import type { RunManifest } from '../../../main/contract/run.ts';
import { callsThatRead, staleAfter, staleAfterAnswer } from '../../../main/contract/stale-calls.ts';
import { runOf } from './run-of.ts';

const names: readonly CallName[] = Object.keys(calls).filter(isCallName);

/** Calls about the run that an event makes stale. */
const stale = (event: EngineEvent, run: string): readonly string[] => {
  const isStale = staleAfter(event);
  return names.filter((name) => isStale(name, { run })).sort();
};

const manifest = (state: RunManifest['state']): RunManifest => runOf({ id: 'r', title: 'Sweep', state });
const results = [
  'beside.read',
  'beside.report',
  'damage.read',
  'experiment.read',
  'experiment.report',
  'fit.plan',
  'fit.read',
  'fit.report',
  'fit.verify',
  'outcomes.compare',
  'outcomes.read',
  'report.make',
  'reproduction.read',
  'runs.log',
  'sweep.compare',
  'sweep.frontier',
  'sweep.read',
  'sweep.sizeTrend',
  'sweeps.compare',
  'verify.read',
];
const order = { models: ['m'], tasks: ['t'], methods: ['reap'] };
/** A finished sweep may have measured the plan of an export. */
const ofSweep = [...results, 'export.measured'].sort();

test.each<[string, EngineEvent, readonly string[]]>([
  [
    'a run that is queued',
    { type: 'run.changed', manifest: manifest('queued') },
    ['fit.predict', 'models.list', 'tasks.list'],
  ],
  ['a run that starts', { type: 'run.changed', manifest: manifest('running') }, []],
  ['a run that is done', { type: 'run.changed', manifest: manifest('done') }, ofSweep],
  ['a run that fails', { type: 'run.changed', manifest: manifest('failed') }, ofSweep],
  [
    'a profile',
    { type: 'profile.ready', run: 'p', fingerprint: 'f', task: 't' },
    ['expert.read', 'expert.together', 'plan.make', 'profile.holds', 'profile.likeness', 'profile.read'],
  ],
  ['a model', { type: 'models.changed' }, ['models.cached', 'models.list', 'models.pruned']],
  [
    'a run that is removed',
    { type: 'run.removed', run: 'r' },
    ['export.measured', 'fit.predict', 'models.list', 'tasks.list', 'trash.list'],
  ],
  [
    'a sweep that begins',
    { type: 'sweep.changed', run: 'r', change: { what: 'begun', order, delta: 0.02, facts: [] } },
    results,
  ],
  [
    'a sweep that goes on, whose event carries the change of its document',
    { type: 'sweep.changed', run: 'r', change: { what: 'unneeded', points: [] } },
    results.filter((name) => name !== 'sweep.read'),
  ],
  ['a search that knows more', { type: 'fit.changed', run: 'r' }, results],
  ['waiting jobs in another order', { type: 'jobs.reordered' }, ['jobs.list']],
  [
    'labels of runs',
    { type: 'runs.relisted' },
    ['export.measured', 'fit.predict', 'models.list', 'runs.list', 'runs.origin', 'tasks.list', 'trash.list'],
  ],
  [
    'a run that is restored, whose results could not be read meanwhile',
    { type: 'runs.relisted', restored: 'r' },
    [
      ...new Set([
        ...results,
        'export.measured',
        'fit.predict',
        'models.list',
        'runs.list',
        'runs.origin',
        'tasks.list',
      ]),
      'trash.list',
    ].sort(),
  ],
  [
    'a verification that is done',
    { type: 'run.changed', manifest: { ...manifest('done'), kind: 'verify' } },
    [...results, 'runs.list', 'runs.origin'].sort(),
  ],
  ['a task', { type: 'tasks.changed' }, ['tasks.list', 'tasks.tryCalibration']],
  [
    'a device',
    { type: 'device.changed' },
    [
      'devices.list',
      'engine.facts',
      'expert.read',
      'expert.together',
      'plan.make',
      'profile.holds',
      'profile.likeness',
      'profile.read',
      'settings.read',
    ],
  ],
  ['settings', { type: 'settings.changed' }, ['hub.state', 'settings.read']],
])('%s makes its readers stale', (_, event, expected) => {
  expect(stale(event, 'r')).toEqual(expected);
});

test('a comparison of sweeps is stale when any of them changes', () => {
  const isStale = staleAfter({ type: 'run.changed', manifest: manifest('done') });
  expect(isStale('sweeps.compare', { runs: ['other', 'r'] })).toBe(true);
  expect(isStale('sweeps.compare', { runs: ['other', 'another'] })).toBe(false);
});

test('the results of another run are not stale', () => {
  expect(stale({ type: 'run.changed', manifest: manifest('done') }, 'other')).toEqual(['export.measured']);
});

test('a call that makes or resumes a run makes the lists of runs and jobs stale, and no other call does', () => {
  const making = names.filter((name) => staleAfterAnswer(name)('runs.list', {}));
  expect(making.filter((name) => !name.endsWith('.start')).sort()).toEqual([
    'experiment.recorded',
    'experiment.reproduce',
    'fit.export',
    'hub.download',
    'hub.push',
    'jobs.resume',
    'run.reproduce',
    'sample.add',
  ]);
  expect(names.filter((name) => name.endsWith('.start') && !making.includes(name))).toEqual([]);
  expect(names.filter((name) => staleAfterAnswer('sweep.start')(name, {}))).toEqual([
    'runs.list',
    'runs.origin',
    'jobs.list',
  ]);
});

test('every call that lists or reads declares its subjects; calls that act declare none', () => {
  const silent = names.filter((name) => calls[name].reads.length === 0);
  // Methods are part of the program; a folder is listed afresh whenever it is opened.
  expect(silent.filter((name) => /\.(?:list|read)$/.test(name))).toEqual(['folders.list', 'methods.list']);
  const acting = names.filter((name) => /\.(?:start|open|forget|locate|remove|cancel|resume|use|probe)$/.test(name));
  expect(acting.filter((name) => !silent.includes(name))).toEqual([]);
  const listed = callsThatRead('runs', 'jobs');
  expect(names.filter((name) => listed(name, {}))).toEqual(['runs.list', 'runs.origin', 'jobs.list']);
});
