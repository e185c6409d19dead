import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { seededRandom } from '../../main/statistics/random.ts';
import type { Attack } from './kills/attack.ts';
import { editedArms, editedTorchSweep, editedTraining, trainer } from './kills/edited.ts';
import { fits, killedFit } from './kills/fits.ts';
import { exports, killedExport, killedTraining } from './kills/folders.ts';
import { killedDownload, killedRun, kindsOfRun } from './kills/runs.ts';
import { killedSweep, killedWorkers, sweeps } from './kills/sweeps.ts';
import { fullDisk, takeover, twoEngines, vanishedShard } from './kills/troubles.ts';

/**
 * npx node tests/bench/kills.ts [kills] [seed] [pattern of names]
 *
 * Kills commands of the workbench (SIGKILL) at random moments (default: 200 kills in total), resumes them, and
 * compares the outcome with that of an undisturbed run: results, and every byte of the steps, of exports and of tuned
 * models. In turn: a sweep, a sweep with a search, a sweep of written answers, two workers (the command that each task
 * of a cluster runs), two searches for the best model that fits, every other kind of run, an export, one to a GGUF file
 * (compared tensor by tensor), a download from a Hub on loopback, a training (if UNCURL_INTEROP_PYTHON names a Python
 * with PyTorch), a training, an experiment with fine-tuned arms and a sweep of PyTorch whose files of unfinished work
 * are edited before each resumption (likewise; and without PyTorch, by kills/trainer.mjs), two engines in one
 * workspace, a takeover from a stopped engine, a full disk (as root on Linux), and a missing shard. A kill after the
 * end is not counted. UNCURL_PROGRAM names a program other than the sources, such as dist/uncurl.cjs. Prints for each:
 * times, kills, resumptions, differences, failures, and leftover files.
 */
const [kills = '200', seed = '1', pattern = ''] = process.argv.slice(2);
const folder = await mkdtemp(path.join(tmpdir(), 'uncurl-kills-'));
const random = seededRandom(Number(seed));
const python = process.env['UNCURL_INTEROP_PYTHON'];

type Making = readonly [name: string, make: (() => Promise<Attack>) | null];
const all: readonly Making[] = [
  ...Object.entries(sweeps).map(([name, sweep]): Making => [name, () => killedSweep(folder, name, sweep)]),
  ['workers', () => killedWorkers(folder)],
  ...Object.entries(fits).map(([name, options]): Making => [name, () => killedFit(folder, name, options)]),
  ...Object.entries(kindsOfRun(folder)).map(([name, kind]): Making => [name, () => killedRun(folder, name, kind)]),
  ...Object.entries(exports).map(([name, options]): Making => [name, () => killedExport(folder, name, options)]),
  ['download', () => killedDownload(folder)],
  ['fine-tune', python === undefined ? null : () => killedTraining(folder, python)],
  ['edited training', python === undefined ? null : () => editedTraining(folder, python)],
  ['edited arms', python === undefined ? null : () => editedArms(folder, python)],
  ['edited torch sweep', python === undefined ? null : () => editedTorchSweep(folder, python)],
  ['trainer, edited training', () => editedTraining(folder, trainer)],
  ['trainer, edited arms', () => editedArms(folder, trainer)],
  ['two engines', () => twoEngines(folder)],
  ['takeover', () => takeover(folder)],
  ['full disk', process.platform === 'linux' && process.getuid?.() === 0 ? () => fullDisk(folder) : null],
  ['vanished shard', () => vanishedShard(folder)],
];

const attacks: Attack[] = [];
for (const [name, make] of all.filter(([each]) => new RegExp(pattern).test(each))) {
  if (make === null) console.log(`${name}: not run (see the head of this file)`);
  else attacks.push(await make());
}

const none = { times: 0, kills: 0, edits: 0, resumed: 0, differences: 0, failures: 0, leftovers: 0 };
const totals = new Map(attacks.map(({ name }) => [name, { ...none }]));
// Also where it is stopped, or fails itself.
process.once('exit', () => console.table(Object.fromEntries(totals)));
process.once('SIGTERM', () => process.exit(1));
const sum = (key: keyof typeof none): number => [...totals.values()].reduce((all, each) => all + each[key], 0);
for (let round = 0; sum('kills') < Number(kills); round += 1) {
  for (const { name, once } of attacks) {
    const { kills: killed, edits = 0, resumed, isSame, said, leftovers } = await once(random);
    const total = totals.get(name) ?? none;
    total.times += 1;
    total.kills += killed;
    total.edits += edits;
    total.resumed += resumed;
    total.leftovers += leftovers;
    if (isSame === false) total.differences += 1;
    if (isSame === null) {
      total.failures += 1;
      console.error(`${name} failed:\n${said}`);
    }
  }
  console.log(
    `${String(sum('kills'))} kills, ${String(sum('differences'))} differences, ${String(sum('failures'))} failures`,
  );
}
for (const { end } of attacks) await end?.();
await rm(folder, { recursive: true });
process.exit(sum('differences') + sum('failures') > 0 ? 1 : 0);
