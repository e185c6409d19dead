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

test('only one file says that a run may act on what its manifest names', () => {
  expect(filesWith(/brand<'ApprovedManifest'>|approvedManifest\.parse/)).toEqual(['main/engine/approved-run.ts']);
});

test('what makes a job of a stored manifest takes an approved one', () => {
  const makers = sources.flatMap(({ text }) =>
    [...text.matchAll(/const (jobOfRun|sweepInputOf|countPartsOfRun|resumed[A-Z]\w*) = [^=]*?=>/gs)].map(
      ([signature, name]) => ({ name, isApproved: signature.includes('manifest: ApprovedManifest') }),
    ),
  );
  const names = ['countPartsOfRun', 'jobOfRun', 'resumedExperiment', 'resumedFinetune', 'resumedReproduction'];
  expect(makers.map(({ name }) => name).sort()).toEqual([...names, 'sweepInputOf']);
  expect(makers.filter(({ isApproved }) => !isApproved)).toEqual([]);
});

test('programs are started by these files alone', () => {
  expect(
    filesWith(/(?<![.\w])(?:spawn|spawnSync|fork|execFile|execFileSync|exec|execSync)\(|utilityProcess\.fork/),
  ).toEqual([
    'electron/fork-probe.ts',
    'electron/fork-utility.ts',
    // The same command line again, in a process that can be ended.
    'main/cli/supervise.ts',
    // The browser, with the address that was printed.
    'main/cli/verbs/serve.ts',
    'main/cluster/run-command.ts',
    'main/compute/start-compute.ts',
    'main/finetune/run-program.ts',
    'main/inference/providers/fork-probe.ts',
  ]);
  expect(filesWith(/(?<![.\w])runProgram\(/)).toEqual([
    'main/finetune/find-python.ts',
    'main/finetune/make-environment.ts',
    'main/finetune/training-script.ts',
  ]);
  // The Python of a run comes from its approved manifest, or from the environment that was made here.
  expect(filesWith(/(?<![.\w])findPython\(/)).toEqual([
    'main/cli/verbs/doctor.ts',
    'main/engine/calls/experiments.ts',
    'main/engine/calls/finetune.ts',
    'main/finetune/make-environment.ts',
  ]);
  // Commands of a cluster go to the host of a recorded submission, or of the request that is submitted.
  expect(filesWith(/(?<!const )(?<![.\w])(?:commands|commandsOn)\(/)).toEqual(['main/engine/cluster-works.ts']);
});
