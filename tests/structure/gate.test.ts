import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { projectFiles, root } from './project-files.ts';

/**
 * All code that computes numbers of a model works behind one gate (main/jobs/source-gate.ts), which watches the model's
 * files. The lists are derived from the code: a new way to compute numbers must state how it passes the gate.
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

/** Imports of a file from other project files, without types. */
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

const COMPUTING = /^main\/(?:inference|export|finetune|generation|torch)\//;

/** Functions that other folders import from computing files, with their importers. */
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

/**
 * Functions that compute numbers from weights, with their callers. Each caller gets runners and steps from the gate, or
 * is listed here.
 */
const COMPUTES: Readonly<Record<string, readonly string[]>> = {
  openModel: [GATE],
  // Handed to a pool, which opens it behind the gate.
  openTorchModel: ['main/cli/engine-option.ts', GATE],
  exportPlan: [
    'main/cli/verbs/export.ts',
    'main/jobs/export-job.ts',
    'main/jobs/point-cost.ts',
    'main/jobs/tuned-step.ts',
  ],
  verifyFinished: ['main/cli/verbs/verify.ts', 'main/jobs/export-job.ts'],
  roundedBytes: ['main/jobs/rounded-models.ts'],
  writeRounded: ['main/jobs/rounded-models.ts'],
  expertWeightLikeness: ['main/engine/calls/experts.ts'],
  checkedWithTransformers: ['main/cli/transformers-option.ts', 'main/engine/engine.ts'],
  writeTexts: ['main/cli/verbs/generate.ts'],
  writeBeside: ['main/jobs/beside-job.ts'],
  runTrainingScript: ['main/jobs/train-checkpoint.ts'],
  publishTunedFolder: ['main/jobs/train-checkpoint.ts'],
};

/** Functions that read shapes, names or texts, or compute from something other than a user's model. */
const HARMLESS: Readonly<Record<string, string>> = {
  GGUF_FILE: 'a name',
  LOSSES_FILE: 'a name',
  NO_ENDS: 'a value',
  checkPython: 'reads versions of a Python',
  configuredPython: 'looks for a Python',
  TorchWorkers: 'starts processes, which compute what a model that is opened asks for',
  beginsWithPrefix: 'tokens of a text',
  besidePrompt: 'tokens of a text',
  textEnds: 'tokens that end a text',
  prepareTexts: 'tokens of texts, for a runner that it is handed',
  writtenOutcomes: 'computes with a runner that it is handed, and opens none',
  bytesPerColumn: 'shapes of caches',
  costText: 'a text',
  exportBytes: 'reads headers, and lays files out that it does not write',
  exportTypes: 'names of types',
  storedType: 'a name',
  checkExport: 'reads headers and the tokenizer, and says what would be refused',
  cutsPrediction: 'looks at a plan',
  encodeChoices: 'tokens of a text',
  encodePrompt: 'tokens of a text',
  encodeRequest: 'tokens of a text',
  traitsOf: 'tokens of a text',
  encodeText: 'tokens of a text',
  encodeScored: 'tokens of a text',
  hasOwnTokens: 'tokens of a text',
  findPython: 'asks a program for its versions',
  runProgram: 'starts programs, which train, install, or write tasks, and print no number of a model',
  isMaskable: 'looks at a plan',
  isStoredGguf: 'looks at a path',
  makeEnvironment: 'installs packages',
  measureProvider: 'runs a model that it wrote itself',
  mixtureRecord: 'names and hashes of texts',
  mixtureSequences: 'tokens of texts',
  mixtureSpec: 'a schema',
  noRecovery: 'an error',
  notRunFromWeights: 'reads headers, and says what would not be run',
  openMixture: 'reads texts',
  ownPython: 'a path',
  profileSequences: 'tokens of a text',
  planInForm: 'as checkExport',
  prunedImportance: 'rows of an importance matrix, a file of its own',
  reopenMixture: 'reads texts',
  requireForTorch: 'reads headers and a config, and says what would be refused',
  requireForm: 'as checkExport',
  requireFreeDestination: 'looks at a folder',
  roundedWeightsFact: 'reads headers, and says what would be refused',
  requireMergeable: 'looks at a model',
  requireRefitOf: 'looks at a plan',
  requireReadable: 'reads headers, and says what would be refused',
  scriptJobText: 'a text',
  torchOrder: 'asks a program for its versions',
  trainingSequences: 'tokens of texts',
  usualPrecision: 'a name',
  wholePlan: 'a plan',
  withoutTorch: 'an error',
  workerOrder: 'paths',
  writeStoredGguf: 'copies the bytes of a laid out file; exportPlan does it behind the gate',
  withConstants: 'means out of a profile, which is a step',
};

/** Source of a computing file's runners and steps; `jobOn` hands a job its context. */
const BEHIND_THE_GATE = /\b(?:JobContext|jobOn|Computing|computeWith|withRunner|readWeights)\b/;

test('only the gate opens models, and every other way to numbers is listed and passes the gate', () => {
  const ways = waysToNumbers();
  const named = Object.keys({ ...COMPUTES, ...HARMLESS }).sort();
  expect([...ways.keys()].sort()).toEqual(named);
  for (const [name, callers] of Object.entries(COMPUTES)) {
    expect([name, ways.get(name)]).toEqual([name, callers]);
    for (const caller of callers.filter((file) => file !== GATE))
      expect([caller, BEHIND_THE_GATE.test(sources.get(caller) ?? '')]).toEqual([caller, true]);
  }
});

test('the gate is entered only in these files', () => {
  const calling = (pattern: RegExp): readonly string[] =>
    [...sources].flatMap(([file, text]) => (file !== GATE && pattern.test(text) ? [file] : []));
  expect(calling(/\bpool\.compute\(/)).toEqual([
    // One verb without a workspace: score, forward, generate, recover, baseline, export, verify.
    'main/cli/open-runner.ts',
    // Every run, and work on parts of a shared sweep.
    'main/jobs/job-queue.ts',
    // The second measurement, with its own steps.
    'main/reproduction/reproduce-job.ts',
  ]);
  expect(calling(/\breadWeights\(/)).toEqual(['main/engine/calls/experts.ts']);
  // These create pools, which compute only through `compute`.
  expect(calling(/\bcreateModelPool\(/)).toEqual(['main/cli/open-runner.ts', 'main/engine/devices-in-use.ts']);
});

test('steps are written behind the gate; code that writes them elsewhere computes nothing from weights', () => {
  const writers = [...sources].flatMap(([file, text]) =>
    /\.(?:writeJson|writeTensors)\(|overlays\.write\(|\bwrittenTensors\(/.test(text) && !BEHIND_THE_GATE.test(text)
      ? [file]
      : [],
  );
  expect(writers).toEqual([
    // Weights that a user provides with a plan, into a folder of the verb.
    'main/cli/files.ts',
    // Gets the gate's overlays from the export.
    'main/export/router-tensors.ts',
    // Verdicts on texts, with the gate's steps.
    'main/harness/judge-texts.ts',
    // Constants: means from a profile, which is a step.
    'main/inference/expert-constants.ts',
    // Get the gate's overlays from the runner.
    'main/inference/merge-by-outputs.ts',
    'main/inference/merged-layer.ts',
    'main/inference/overlays.ts',
    'main/inference/recover-plan.ts',
    // Profiles of the bundled run.
    'main/sample/sample-run.ts',
  ]);
});

/** How a verb gets numbers: from an engine, from the gate, or not at all. */
const wayOf = (text: string): 'engine' | 'gate' | 'none' =>
  /\b(?:withEngine|withEngineForFile|serveHere)\(/.test(text)
    ? 'engine'
    : /\b(?:withRunner|computeWith|readTransformers)\(/.test(text)
      ? 'gate'
      : 'none';

test('every verb gets numbers in one of three ways', () => {
  const verbs = Object.groupBy(
    [...sources.keys()].filter((file) => file.startsWith('main/cli/verbs/')),
    (file) => wayOf(sources.get(file) ?? ''),
  );
  const names = (files: readonly string[] = []): readonly string[] => files.map((file) => path.basename(file, '.ts'));
  expect(names(verbs.gate)).toEqual([...['baseline', 'export', 'generate', 'info', 'recover', 'requests', 'verify']]);
  // `info` computes with --referee alone. These read headers, stored results and recorded runs; a plan is computed from
  // a profile, and `import` writes tasks.
  const looking = ['compare', 'doctor', 'figures', 'frontier', 'import', 'methods', 'plan', 'report', 'runs', 'sample'];
  // `connect` asks the command line of another machine.
  expect(names(verbs.none)).toEqual(['connect', ...looking].toSorted());
});
