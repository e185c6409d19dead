import { expect, test } from 'vitest';
import { calls } from '../../../main/contract/calls.ts';
import { runKind, startCall, startedKinds } from '../../../main/contract/run-kinds.ts';
import { besideRun } from '../../../main/engine/calls/beside.ts';
import { damageRun } from '../../../main/engine/calls/damage.ts';
import { experimentRun } from '../../../main/engine/calls/experiments.ts';
import { exportRun, verifyRun } from '../../../main/engine/calls/exports.ts';
import { finetuneRun } from '../../../main/engine/calls/finetune.ts';
import { downloadRun, pushRun } from '../../../main/engine/calls/hub.ts';
import { profileRun } from '../../../main/engine/calls/profiles.ts';
import { fitRun } from '../../../main/engine/calls/fit.ts';
import { reproduceRun } from '../../../main/engine/calls/reproductions.ts';
import { sweepRun } from '../../../main/engine/calls/sweeps.ts';

const definitions = [
  ...[sweepRun, profileRun, damageRun, besideRun, experimentRun, reproduceRun],
  ...[exportRun, verifyRun, finetuneRun, downloadRun, pushRun, fitRun],
];

test('the kinds of runs that say what their call takes have that call, and make an order of it', () => {
  const starting = Object.keys(calls).filter((name) => name.endsWith('.start'));
  expect(starting.sort()).toEqual(startedKinds.map(startCall).sort());
  expect(starting).toContain('sweep.start');
  const ordered = definitions.filter((definition) => 'order' in definition);
  expect(ordered.map(({ kind }) => kind).sort()).toEqual([...startedKinds].sort());
});

test('every kind of run computes with PyTorch where it is chosen, with no chosen device, or is refused', () => {
  expect(definitions.map(({ kind }) => kind).sort()).toEqual([...runKind.options].sort());
  const kindsWith = (name: 'onTorch' | 'onCpu') =>
    definitions.filter((definition) => definition[name] === true).map(({ kind }) => kind);
  expect(kindsWith('onTorch')).toEqual(['sweep', 'profile', 'damage', 'beside', 'experiment', 'reproduce']);
  expect(kindsWith('onCpu')).toEqual(['export', 'verify', 'finetune', 'download', 'push']);
  const refused = definitions.filter(({ onTorch, onCpu }) => onTorch !== true && onCpu !== true);
  expect(refused.map(({ kind }) => kind)).toEqual(['fit']);
});
