import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { projectFiles, root } from './project-files.ts';

const sources = projectFiles()
  .filter((file) => /^(?:main|electron)\/.*\.ts$/.test(file))
  .map((file) => ({
    file,
    text: readFileSync(path.join(root, file), 'utf8').replaceAll(/^\s*(?:\*|\/[/*]).*$/gm, ''),
  }));

const filesWith = (pattern: RegExp): readonly string[] =>
  sources.flatMap(({ file, text }) => (pattern.test(text) ? [file] : [])).sort();

test('only one file decides that a run may act on the contents of its manifest', () => {
  expect(filesWith(/brand<'ApprovedManifest'>|approvedManifest\.parse/)).toEqual(['main/engine/approved-run.ts']);
});

test('jobs are made from stored manifests only if these are approved', () => {
  const makers = sources.flatMap(({ text }) =>
    [...text.matchAll(/const (jobOfRun|sweepInputOf|workOn|recordedOrder|restart) = [^=]*?=>/gs)].map(
      ([signature, name]) => ({ name, isApproved: signature.includes('manifest: ApprovedManifest') }),
    ),
  );
  const names = ['jobOfRun', 'recordedOrder', 'restart', 'sweepInputOf', 'workOn'];
  expect(makers.map(({ name }) => name).sort()).toEqual(names);
  expect(makers.filter(({ isApproved }) => !isApproved)).toEqual([]);
});

test('only these files start programs', () => {
  expect(filesWith(/(?<![.\w])(?:(?:spawn|spawnSync|fork|exec\w*)\(|promisify\(exec)|utilityProcess\.fork/)).toEqual([
    'electron/fork-utility.ts',
    // The browser, with the printed address.
    'main/cli/open-browser.ts',
    // The same command line again, in a process that can be killed.
    'main/cli/uncurl.ts',
    'main/cluster/run-command.ts',
    'main/compute/start-compute.ts',
    'main/finetune/run-program.ts',
    // The Python that this user's state names for the workspace, or its own environment.
    'main/harness/judge-texts.ts',
    // The system's scp.
    'main/hosts/fetch-folder.ts',
    // The system's tar.
    'main/hosts/install-there.ts',
    // The system's mkfifo.
    'main/hosts/line-process.ts',
    // The same command line again, for the background.
    'main/hosts/serving-engine.ts',
    // The system's ssh.
    'main/hosts/ssh-line.ts',
    'main/inference/providers/fork-probe.ts',
    'main/torch/worker-link.ts',
  ]);
  expect(filesWith(/(?<![.\w])runProgram\(/)).toEqual([
    'main/finetune/find-python.ts',
    'main/finetune/make-environment.ts',
    'main/finetune/training-script.ts',
    'main/harness/import-tasks.ts',
    'main/harness/sandbox.ts',
    'main/harness/task-list.ts',
  ]);
  // A run's Python comes from its approved manifest, or from the environment created here.
  expect(filesWith(/(?<![.\w])findPython\(/)).toEqual([
    'main/cli/verbs/doctor.ts',
    'main/engine/calls/experiments.ts',
    'main/engine/calls/finetune.ts',
    'main/engine/environment-making.ts',
    'main/finetune/make-environment.ts',
  ]);
  // The workspace's own environment, for a verb or a window that names no Python.
  expect(filesWith(/(?<!const )(?<![.\w])ownPython\(/)).toEqual([
    'main/cli/engine-option.ts',
    'main/cli/imported-tasks.ts',
    'main/cli/transformers-option.ts',
    'main/engine/calls/devices.ts',
    'main/finetune/find-python.ts',
    'main/harness/judging-python.ts',
  ]);
  // The Python of a verb's own --python, of the device that the window chose, or of a run's approved manifest.
  expect(filesWith(/(?<!const )(?<![.\w])checkPython\(/)).toEqual([
    'main/cli/transformers-option.ts',
    'main/finetune/find-python.ts',
    'main/torch/torch-choice.ts',
  ]);
  expect(filesWith(/(?<!const )(?<![.\w])torchOrder\(/)).toEqual([
    'main/cli/engine-option.ts',
    'main/engine/calls/devices.ts',
    'main/engine/devices-in-use.ts',
  ]);
  // Each opens the device of a manifest that was approved.
  expect(filesWith(/\bdevices\.open\(/)).toEqual([
    'main/engine/calls/experiments.ts',
    'main/engine/calls/reproductions.ts',
    'main/engine/engine.ts',
    'main/engine/work-on-run.ts',
  ]);
  // Cluster commands go to the host of a recorded submission, or of the request being submitted.
  expect(filesWith(/(?<!const )(?<![.\w])(?:commands|commandsOn)\(/)).toEqual(['main/engine/cluster-works.ts']);
});
