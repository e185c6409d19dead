// Adds to the sample's profiles the tokens that every newer profile keeps, without measuring the sweep again:
// node resources/sample/add-tokens.mjs
// Profiles every model of the sample on every task here, and takes only the tokens with their choices; all sums stay as
// they are. Ends with an error where more than one routed choice of a model on a task is another one here: that one is
// the tie of README.md beside this file.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { CHECKSUM_FILE, checksumList, fileChecksum, readChecksums } from '../../main/files/checksums.ts';
import { compressed } from '../../main/sample/pack-sample.ts';
import { COMPRESSED, sampleFolder } from '../../main/sample/sample-run.ts';
import { isProfileName, readProfileFile, writeProfileFile } from '../../main/workspace/profile-file.ts';
import { resources, uncurl } from './sweep.mjs';

const MOST_TIES = 1;

/** Choices that went to another expert. */
const otherChoices = (stored, here) =>
  stored.counts.reduce((sum, count, at) => sum + Math.abs(count - here.counts[at]), 0) / 2;

const run = sampleFolder(resources);
const folder = mkdtempSync(path.join(tmpdir(), 'uncurl-tokens-'));
const checksums = new Map(await readChecksums(run));
try {
  for (const packed of readdirSync(run).filter((name) => isProfileName(name.replace(COMPRESSED, '')))) {
    const name = packed.replace(COMPRESSED, '');
    const [before, here, after] = ['before', 'here', 'after'].map((stage) => path.join(folder, `${stage}-${name}`));
    writeFileSync(before, zstdDecompressSync(readFileSync(path.join(run, packed))));
    const stored = await readProfileFile(before);
    const tasks = stored.tasks.map((task) => task.name);
    const { status } = spawnSync(
      process.execPath,
      [uncurl, 'profile', stored.model, '--task', ...tasks, '--out', here],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    if (status !== 0) process.exit(status ?? 1);
    const computed = await readProfileFile(here);
    if (computed.fingerprint !== stored.fingerprint) throw new Error(`${stored.model} is another model`);
    const withTokens = stored.tasks.map((task) => {
      const own = computed.tasks.find(({ name }) => name === task.name);
      if (own?.hash !== task.hash) throw new Error(`${task.name} has other items`);
      const others = otherChoices(task.statistics, own.statistics);
      if (others > MOST_TIES) throw new Error(`${stored.model} on ${task.name}: ${String(others)} choices differ`);
      if (others > 0) process.stdout.write(`${stored.model} on ${task.name}: ${String(others)} choice differs\n`);
      return { ...task, statistics: { ...task.statistics, sample: own.statistics.sample } };
    });
    await writeProfileFile(after, { ...stored, tasks: withTokens });
    writeFileSync(path.join(run, packed), await compressed(readFileSync(after)));
    checksums.set(name, await fileChecksum(after));
  }
  writeFileSync(path.join(run, CHECKSUM_FILE), checksumList(checksums));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
