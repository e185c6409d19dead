import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { projectFiles, root } from './project-files.ts';

/**
 * Whatever computes numbers of a model does it behind one gate (main/jobs/source-gate.ts), which watches the model's
 * files. The lists here are made from the code: who adds a way to numbers has to say how it goes through the gate.
 */

const GATE = 'main/jobs/source-gate.ts';
const sources = new Map(
  projectFiles()
    .filter((file) => /^main\/.*\.ts$/.test(file))
    .map((file) => [file, readFileSync(path.join(root, file), 'utf8')]),
);

interface Import {
  readonly target: string;
  readonly names: readonly string[];
}

/** What a file imports from others of the project, types left out. */
const importsOf = (file: string): readonly Import[] =>
  [...(sources.get(file) ?? '').matchAll(/^import (type )?\{([^}]*)\} from '(\.[^']+)';/gm)].flatMap(
    ([, isType, list = '', from = '']) => {
      const names = list
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== '' && !name.startsWith('type '));
      return isType !== undefined || names.length === 0
        ? []
        : [{ target: path.posix.join(path.posix.dirname(file), from), names }];
    },
  );

/** Reads tensors, runs a session, or starts a training. */
const touchesWeights = (file: string): boolean =>
  /(?<![.\w])(?:readTensor|readTensorBytes)\(|Session\.open\(|new MappedWeights\(|spawn\(/.test(
    sources.get(file) ?? '',
  );

const known = new Map<string, boolean>();
/** Whether a file touches weights, or calls files that do. */
const reachesWeights = (file: string): boolean => {
  const before = known.get(file);
  if (before !== undefined) return before;
  known.set(file, false);
  const reaches = touchesWeights(file) || importsOf(file).some(({ target }) => reachesWeights(target));
  known.set(file, reaches);
  return reaches;
};

const COMPUTING = /^main\/(?:inference|export|finetune|generation)\//;

/** The names that other folders import from files that compute, and who imports each. */
const waysToNumbers = (): ReadonlyMap<string, readonly string[]> => {
  const ways = new Map<string, string[]>();
  for (const file of sources.keys()) {
    if (COMPUTING.test(file)) continue;
    for (const { target, names } of importsOf(file)) {
      if (!COMPUTING.test(target) || !reachesWeights(target)) continue;
      for (const name of names) ways.set(name, [...(ways.get(name) ?? []), file]);
    }
  }
  return ways;
};

/** Compute numbers from weights, and who calls them. Each caller is given runners and steps by the gate, or says so here. */
const COMPUTES: Readonly<Record<string, readonly string[]>> = {
  openModel: [GATE],
  exportPlan: [
    'main/cli/verbs/export.ts',
    'main/jobs/export-job.ts',
    'main/jobs/point-cost.ts',
    'main/jobs/tuned-step.ts',
  ],
  verifyExport: ['main/cli/verbs/verify.ts', 'main/jobs/export-job.ts'],
  expertWeightLikeness: ['main/engine/calls/experts.ts'],
  runTrainingScript: ['main/jobs/train-checkpoint.ts'],
  publishTunedFolder: ['main/jobs/train-checkpoint.ts'],
};

/** Look at shapes, names or texts, or compute from what is no model of a user's. */
const HARMLESS: Readonly<Record<string, string>> = {
  LOSSES_FILE: 'a name',
  checkExport: 'reads headers and the tokenizer, and says what would be refused',
  encodeChoices: 'tokens of a text',
  encodeRequest: 'tokens of a text',
  encodeText: 'tokens of a text',
  findPython: 'asks a program for its versions',
  makeEnvironment: 'installs packages',
  measureProvider: 'runs a model that it wrote itself',
  mixtureRecord: 'names and hashes of texts',
  mixtureSequences: 'tokens of texts',
  mixtureSpec: 'a schema',
  noRecovery: 'an error',
  openMixture: 'reads texts',
  profileSequences: 'tokens of a text',
  reopenMixture: 'reads texts',
  requireForm: 'as checkExport',
  requireFreeDestination: 'looks at a folder',
  scriptJobText: 'a text',
  trainingSequences: 'tokens of texts',
  withConstants: 'means out of a profile, which is a step',
};

/** What a file that computes gets its runners and steps from. */
const BEHIND_THE_GATE = /\b(?:JobContext|Computing|computeWith|withRunner|readWeights)\b/;

test('only the gate opens models, and every other way to numbers is named, and goes through it', () => {
  const ways = waysToNumbers();
  const named = Object.keys({ ...COMPUTES, ...HARMLESS }).sort();
  expect([...ways.keys()].sort()).toEqual(named);
  for (const [name, callers] of Object.entries(COMPUTES)) {
    expect([name, ways.get(name)]).toEqual([name, callers]);
    for (const caller of callers.filter((file) => file !== GATE))
      expect([caller, BEHIND_THE_GATE.test(sources.get(caller) ?? '')]).toEqual([caller, true]);
  }
});

test('work is let in at these places, and at no others', () => {
  const calling = (pattern: RegExp): readonly string[] =>
    [...sources].flatMap(([file, text]) => (file !== GATE && pattern.test(text) ? [file] : []));
  expect(calling(/\bpool\.compute\(/)).toEqual([
    // One verb without a workspace: score, forward, generate, profile, recover, baseline, export, verify.
    'main/cli/open-runner.ts',
    // A worker beside others on one sweep, and what lists its parts.
    'main/engine/work-on-run.ts',
    // Every run: sweep, profile, damage, export, verify, finetune, experiment, reproduce.
    'main/jobs/carry-out.ts',
    // The second measurement, in steps of its own.
    'main/reproduction/reproduce-experiment.ts',
    'main/reproduction/reproduce-job.ts',
  ]);
  expect(calling(/\breadWeights\(/)).toEqual(['main/engine/calls/experts.ts']);
  // Pools are made by these, and let nothing compute but by `compute`.
  expect(calling(/\bcreateModelPool\(/)).toEqual(['main/cli/open-runner.ts', 'main/engine/engine.ts']);
});

test('steps are written behind the gate; what writes them elsewhere computes nothing from weights', () => {
  const writers = [...sources].flatMap(([file, text]) =>
    /\.(?:writeJson|writeTensors)\(|overlays\.write\(/.test(text) && !BEHIND_THE_GATE.test(text) ? [file] : [],
  );
  expect(writers).toEqual([
    // Weights that a user brought along with a plan, into a folder of the verb's own.
    'main/cli/plan-files.ts',
    // Constants: means out of a profile, which is a step.
    'main/inference/expert-constants.ts',
    // Given the gate's overlays by the runner.
    'main/inference/merged-layer.ts',
    'main/inference/recover-plan.ts',
    // Given the gate's steps by the steps that they write.
    'main/jobs/evaluation-record.ts',
    // Profiles of the run that comes along.
    'main/sample/sample-run.ts',
  ]);
});

/** How a verb comes to numbers: by an engine, by the gate itself, or not at all. */
const wayOf = (text: string): 'engine' | 'gate' | 'none' =>
  /\bwithEngine\(/.test(text) ? 'engine' : /\b(?:withRunner|computeWith)\(/.test(text) ? 'gate' : 'none';

test('every verb comes to numbers in one of three ways', () => {
  const verbs = Object.groupBy(
    [...sources.keys()].filter((file) => file.startsWith('main/cli/verbs/')),
    (file) => wayOf(sources.get(file) ?? ''),
  );
  const names = (files: readonly string[] = []): readonly string[] => files.map((file) => path.basename(file, '.ts'));
  expect(names(verbs.gate)).toEqual([
    'baseline',
    'export',
    'forward',
    'generate',
    'profile',
    'recover',
    'score',
    'verify',
  ]);
  // They look at headers, stored results and recorded runs; a plan follows from a profile.
  const looking = ['compare', 'doctor', 'figures', 'info', 'methods', 'plan', 'report', 'runs', 'sample'];
  expect(names(verbs.none)).toEqual(looking);
});
