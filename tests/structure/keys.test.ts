import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { projectFiles, root } from './project-files.ts';

/**
 * Every key of a stored number is made of the identity of its model: the hash of every byte of its consumed files
 * (main/checkpoint/model-content.ts). The lists are derived from the code: a new key, a new cache or a new hash must
 * state here what it is.
 */

const sources = new Map(
  projectFiles()
    .filter((file) => /^main\/.*\.ts$/.test(file))
    .map((file) => [file, readFileSync(path.join(root, file), 'utf8')]),
);

const filesWith = (pattern: RegExp): readonly string[] =>
  [...sources].flatMap(([file, text]) => (pattern.test(text) ? [file] : [])).sort();

/** Files that make keys of stored numbers, or of weights that are derived from a model's. */
const KEYS: Readonly<Record<string, string>> = {
  'main/export/router-tensors.ts': 'rewritten hash tables, and corrections of routers with rows of identities',
  'main/inference/expert-constants.ts': 'constants of a profile',
  'main/inference/merge-by-outputs.ts': 'merged and fitted experts',
  'main/inference/merged-layer.ts': 'merged experts',
  'main/inference/recover-plan.ts': 'refitted weights',
  'main/jobs/point-cost.ts': 'speeds of a sweep',
  'main/jobs/step.ts':
    'steps: evaluations and their parts, searches, losses of layers, refits, trainings, profiles, calibration draws',
};

/** Keys of partial results, which name the files' stamps beside the identity: a touched file is not trusted either. */
const PARTIAL_KEYS = ['main/jobs/train-checkpoint.ts', 'main/jobs/tuned-step.ts'];

/** Files that hash something else. */
const OTHER_HASHES: Readonly<Record<string, string>> = {
  'main/checkpoint/file-content.ts': 'the bytes of a file of a model',
  'main/checkpoint/hash-cache.ts': 'a path, as the name of a file with kept hashes',
  'main/checkpoint/model-content.ts': 'the identity itself',
  'main/checkpoint/model-sources.ts': 'the header of a weight file, compared with itself later',
  'main/checkpoint/open-checkpoint.ts': 'the header of a GGUF file, a part of the fingerprint of earlier versions',
  'main/checkpoint/sealed-tensors.ts': 'the content of a stored file, against damage',
  'main/cluster/submissions.ts': 'a path',
  'main/engine/calls/tasks.ts': 'an uploaded file',
  'main/engine/run-subjects.ts': 'a path, which tells two models of one name apart',
  'main/harness/judge-texts.ts': 'a text and how it is judged, which no weight takes part in',
  'main/export/gguf/tokenizer-metadata.ts': 'how a tokenizer splits a text',
  'main/export/onnx-files.ts': 'the bytes of an export',
  'main/files/process-alive.ts': 'the name of a machine',
  'main/export/write-weights.ts': 'the bytes of an export',
  'main/files/checksums.ts': 'the bytes of a file',
  'main/finetune/mixture.ts': 'texts',
  'main/hosts/serve.ts': 'a token of the page',
  'main/hosts/serving-engine.ts': 'the name of a file',
  'main/hub/download.ts': 'the bytes of a downloaded file',
  'main/inference/decoding/sample-token.ts': 'what a drawn token is drawn by',
  'main/inference/fidelity.ts': 'tokens of a group, within an opened model',
  'main/jobs/fill-steps.ts': 'the name of a part of a sweep, whose steps have keys of their own',
  'main/jobs/fit-job.ts': 'a choice, which is part of the keys of its tests',
  'main/runs/kept-answers.ts': 'the files of a run, and the program that reads them',
  'main/runs/known-checks.ts': 'the files of a run',
  'main/runs/read-run.ts': 'thresholds, which name the comparisons that quote them',
  'main/tasks/calibration/task-document.ts': 'a task',
  'main/tasks/chat/chat-task.ts': 'items',
  'main/tasks/chat/chat-template.ts': 'a template',
  'main/tasks/items.ts': 'items',
  'main/torch/torch-model.ts': 'a plan, within an opened model',
  'main/workspace/path-handles.ts': 'a path',
  'main/workspace/run-binding.ts': 'a manifest',
  'main/workspace/sealed-json.ts': 'the content of a step, against damage',
  'main/workspace/sealed-files.ts': 'seals of finished runs, over every byte of their files',
  'main/workspace/user-key.ts': 'the name of a key',
};

test('every hash is listed, and those that key stored numbers know no samples and no times', () => {
  expect(filesWith(/\bcreateHash\(|\bcontentHash\(|\bstepKey\(/)).toEqual(
    [...Object.keys({ ...KEYS, ...OTHER_HASHES }), ...PARTIAL_KEYS].sort(),
  );
  for (const file of PARTIAL_KEYS)
    expect([file, /identity,\s+sourcesText\(/.test(sources.get(file) ?? '')]).toEqual([file, true]);
  for (const file of Object.keys(KEYS))
    expect([
      file,
      /fingerprint|mtime|ctime|modifiedNs|changedNs|sourcesText|inode/.exec(sources.get(file) ?? ''),
    ]).toEqual([file, null]);
});

/** Functions that return a key, and every call: its file and the argument that names the model. */
const CALLS: Readonly<Record<string, readonly (readonly [file: string, model: RegExp])[]>> = {
  evaluationKey: [['main/jobs/measurement.ts', /const answers = \{ model: identity, /]],
  searchKey: [['main/jobs/search-step.ts', /searchKey\(\{\s+model: identity,/]],
  layerLossesKey: [['main/jobs/layer-losses.ts', /layerLossesKey\(\{\s+model: identity,/]],
  recoveryKey: [['main/jobs/plan-step.ts', /recoveryKey\(\{ model: identity, /]],
  tunedKeys: [['main/jobs/tuned-step.ts', /tunedKeys\(\{\s+model: model\.checkpoint\.identity,/]],
  profileKey: [['main/jobs/plan-step.ts', /profileKey\(model, /]],
  taskProfileKey: [
    ['main/jobs/plan-step.ts', /taskProfileKey\(identity, /],
    ['main/jobs/sweep-calibration-draws.ts', /taskProfileKey\(checkpoint\.identity, /],
    ['main/sample/sample-run.ts', /taskProfileKey\(identity, /],
  ],
  storedProfileFile: [
    ['main/engine/calls/profiles.ts', /storedProfileFile\([\w.]+, known\.identity, /],
    ['main/jobs/plan-step.ts', /storedProfileFile\(steps, model, /],
  ],
  readStoredProfile: [['main/jobs/plan-step.ts', /readStoredProfile\(steps, identity, /]],
  choiceKey: [['main/jobs/fit-job.ts', /choiceKey\(checkpoint\.identity, /]],
  // Keys within another key.
  chosenKey: [['main/jobs/fit-job.ts', /chosenKey\(evaluationStep\(\w+, plan\)\.key, /]],
  drawnProfilesKey: [['main/jobs/sweep-calibration-draws.ts', /drawnProfilesKey\(taskProfileKey\(/]],
  partKey: [['main/jobs/measurement.ts', /\(evaluation, itemsHash\) => partKey\(|, partKey\)/]],
  writingKey: [['main/jobs/measurement.ts', /writingKey\(evaluation, /]],
  // Weights that are derived from a model's.
  mergedKey: [['main/inference/merged-layer.ts', /mergedKey\(checkpoint\.identity, /]],
  prunedTable: [
    ['main/export/exported-tensors.ts', /prunedTable\(moe, table, kept, identity, /],
    ['main/torch/prune-order.ts', /prunedTable\(moe, table, \w+, checkpoint\.identity, /],
  ],
};

test('every caller of a function that makes a key gives it the identity of the model', () => {
  const makers = new Set(
    Object.keys(KEYS).flatMap((file) =>
      [...(sources.get(file) ?? '').matchAll(/export const (\w+Keys?|prunedTable)\b/g)].map(([, name = '']) => name),
    ),
  );
  makers.delete('stepKey');
  expect([...makers].filter((name) => !(name in CALLS))).toEqual([]);
  for (const [name, callers] of Object.entries(CALLS)) {
    const used = new RegExp(`(?<!const )\\b${name}\\b(?! =)(?:\\(|\\))`);
    expect([name, filesWith(used)]).toEqual([name, callers.map(([file]) => file)]);
    for (const [file, model] of callers)
      expect([name, file, model.test(sources.get(file) ?? '')]).toEqual([name, file, true]);
  }
});

test('models that stay open between pieces of work, and rounded ones, are known by identity', () => {
  expect(sources.get('main/jobs/source-gate.ts')).toContain("`${content.known?.identity ?? ''} ${folder}`");
  expect(sources.get('main/jobs/rounded-models.ts')).toContain(
    'canonicalJson({ model: checkpoint.identity, plan, type })',
  );
  // A key of steps that a training's folder is named by.
  expect(filesWith(/key\.slice\(0, NAME_CHARACTERS\)|training\.slice\(0, NAME_CHARACTERS\)/)).toEqual([
    'main/jobs/tuned-step.ts',
  ]);
});

test('only these files compare times or stamps of model files; none of them makes a key', () => {
  expect(filesWith(/\b(?:changedSources|stampModel|sourcesText|timesTell)\(/)).toEqual([
    'main/checkpoint/model-content.ts',
    'main/checkpoint/open-checkpoint.ts',
    'main/jobs/source-gate.ts',
    // Beside the identities: a training that was interrupted starts again if a file was only touched.
    ...PARTIAL_KEYS,
  ]);
});

test('a run is shown as the model’s, or resumed, by the hash of all files where both have one', () => {
  // Elsewhere fingerprints name a model (in plans, profiles and records), or find the bundled models.
  expect(filesWith(/fingerprint [!=]== /)).toEqual([
    'main/contract/recorded.ts',
    'main/engine/calls/exports.ts',
    'main/engine/calls/finetune.ts',
    'main/engine/calls/models.ts',
    'main/engine/calls/plans.ts',
    'main/engine/run-subjects.ts',
    'main/evaluation/size-trend/document.ts',
    'main/export/prepare-plan.ts',
    'main/jobs/measurement.ts',
  ]);
});
