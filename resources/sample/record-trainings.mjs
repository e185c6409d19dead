import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { constants, gzipSync } from 'node:zlib';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { recordedTrainings } from '../../main/evaluation/size-trend/document.ts';
import { recordedTrainingsFile } from '../../main/runs/run-source.ts';
import { readSweepDocument } from '../../main/runs/sweep-record.ts';
import { configOf, resources, sweepModels } from './sweep.mjs';

// Records sweeps of other trainings of the bundled sizes: node resources/sample/record-trainings.mjs WORKSPACE
// FOLDER... FOLDER: a model made by training/train.py with another seed; its folder's name becomes its name
// (uncurl-16-s1). Sweeps them like the sample and writes trainings.json.gz, from which figures over E take their
// spread of trainings.
const [workspace, ...folders] = process.argv.slice(2).map((name) => path.resolve(name));
if (workspace === undefined || folders.length === 0) {
  process.stderr.write('usage: node resources/sample/record-trainings.mjs WORKSPACE FOLDER...\n');
  process.exit(2);
}
const sizeOf = new Map();
for (const name of readdirSync(path.join(resources, 'models')).filter((name) => name.startsWith('uncurl-'))) {
  const { fingerprint, info } = await openCheckpoint(path.join(resources, 'models', name));
  sizeOf.set(info.experts, fingerprint);
}
const models = folders
  .map((folder) => ({ name: folder, folder }))
  .sort((left, right) => configOf(left.folder).num_local_experts - configOf(right.folder).num_local_experts);
const { opened, run } = await sweepModels(models, workspace);
const { runs } = opened;
const manifest = await runs.read(run);
const document = await readSweepDocument(runs.folder(run));
const recorded = recordedTrainings.parse({
  ...manifest,
  commandLine: models.reduce((text, { folder }) => text.replace(folder, path.basename(folder)), manifest.commandLine),
  models: await Promise.all(
    manifest.models.map(async ({ name, fingerprint, path: folder }) => {
      const { info } = await openCheckpoint(folder);
      const { experts, gatesGrow = false } = info;
      return { name, fingerprint, experts, size: sizeOf.get(experts), gatesGrow };
    }),
  ),
  results: document.results,
});
const file = recordedTrainingsFile(resources);
writeFileSync(file, gzipSync(JSON.stringify(recorded), { level: constants.Z_BEST_COMPRESSION }));
process.stderr.write(
  `${path.relative(process.cwd(), file)}: ${String(recorded.results.length)} points of ` +
    `${String(recorded.models.length)} models\n`,
);
