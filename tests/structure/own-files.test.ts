import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { projectFiles, root } from './project-files.ts';

/**
 * Everything that jobs, trainings and PyTorch read, and why no number can come from a file that was edited after it was
 * written: what a job continues from are steps and partial results, which are sealed (main/workspace/step-store.ts). A
 * file that reads in another way gets a line here, or is changed.
 */
const READS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'main/finetune/find-python.ts': { existsSync: 'whether there is a Python' },
  'main/finetune/made-environments.ts': { readJsonIfThere: 'the user’s list of environments, outside of workspaces' },
  'main/finetune/mixture.ts': { readJsonLines: 'texts to learn from, whose hash is in the key of the step' },
  'main/finetune/tuned-folder.ts': {
    readdir: 'names of the weights that the script, which has just ended, wrote',
    copyFile: 'those weights, and files of the source, which is compared afterwards',
    openCheckpoint: 'the folder made of them',
  },
  'main/torch/kept-checks.ts': { readKept: 'a verdict of this user, which no number is made of' },
  'main/jobs/export-job.ts': { openCheckpoint: 'the folder of an export made and proven a moment before' },
  'main/jobs/fit-job.ts': { readJsonIfThere: 'how long a search has taken, which ends it; its choice is a step' },
  'main/jobs/job-log.ts': { open: 'to append lines for people', readTextIfThere: 'lines for people' },
  'main/jobs/plan-step.ts': { readProfileFile: 'a step, at the path that the store gave after its check' },
  'main/jobs/point-cost.ts': { openCheckpoint: 'an export made a moment before, in a temporary folder' },
  'main/jobs/rounded-models.ts': { openCheckpoint: 'a model made a moment before, in a temporary folder' },
  'main/jobs/sweep-calibration-draws.ts': {
    readProfileFile: 'a step, at the path that the store gave after its check',
  },
  'main/jobs/train-checkpoint.ts': { readText: 'losses that the script, which has just ended, wrote' },
  'main/jobs/tuned-step.ts': { openCheckpoint: 'a sealed export, and the tuned folder made a moment before' },
  'main/jobs/work-folder.ts': {
    namesIn: 'names of parts',
    readTextIfThere: 'who did a part; the numbers of a part are steps',
    readJsonIfThere: 'who did a part; the numbers of a part are steps',
  },
  'main/jobs/fill-steps.ts': { readJsonIfThere: 'hardware of the first worker, to refuse others' },
};

/** Functions that give the content of a file or the names in a folder. */
const READERS = [
  ...['readFile', 'readFileSync', 'createReadStream', 'readdir', 'readdirSync', 'namesIn', 'copyFile', 'cp', 'open'],
  ...['openSync'],
  ...[
    'openRegularFile',
    'openToRead',
    'readText',
    'readTextIfThere',
    'readJson',
    'readJsonIfThere',
    'readJsonLines',
    'readKept',
  ],
  ...[
    'readLines',
    'readChecksums',
    'readChecksumList',
    'openCheckpoint',
    'isFile',
    'existsSync',
    'readSafetensorsHeader',
  ],
  ...['readTensor', 'readProfileFile', 'readPlanFile', 'readSweepDocument', 'readExperimentRecord'],
];

test('no job, training or PyTorch reads a file of its own but through the store of steps and partial results', () => {
  const found: Record<string, readonly string[]> = {};
  for (const file of projectFiles().filter((name) => /^main\/(?:jobs|finetune|torch)\/.*\.ts$/.test(name))) {
    const text = readFileSync(path.join(root, file), 'utf8');
    const imported = [...text.matchAll(/^import (?:type )?\{([^}]*)\} from/gm)].flatMap(([, names = '']) =>
      names.split(',').map((name) => name.trim()),
    );
    const reads = READERS.filter((reader) => imported.includes(reader));
    if (reads.length > 0) found[file] = reads.sort();
  }
  expect(found).toEqual(
    Object.fromEntries(Object.entries(READS).map(([file, reads]) => [file, Object.keys(reads).sort()])),
  );
  // The scripts in Python read the model that they are shown, their job, and the state that its job names by its hash.
  const scripts = [
    'resources/finetune/finetune.py',
    'resources/finetune/checkpoint_files.py',
    'resources/torch/worker.py',
  ];
  const opened = scripts.flatMap((file) =>
    [
      ...readFileSync(path.join(root, file), 'utf8').matchAll(
        /^.*?((?:\bopen|torch\.load|load_file|read_text|safe_open)\(.*)$/gm,
      ),
    ].map(([, call = '']) => `${path.basename(file)}: ${call}`),
  );
  expect(opened).toMatchInlineSnapshot(`
    [
      "finetune.py: open("wb") as file:",
      "finetune.py: open("rb") as file:",
      "finetune.py: torch.load(file, map_location="cpu", weights_only=True)",
      "finetune.py: read_text(encoding="utf-8")))",
      "checkpoint_files.py: read_text(encoding="utf-8"))["weight_map"].values()))",
      "checkpoint_files.py: load_file(written / SINGLE)",
      "checkpoint_files.py: safe_open(source / shard, framework="pt") as file:",
      "worker.py: open(file, "rb") as opened:",
    ]
  `);
});
