import { statSync } from 'node:fs';
import { MappedWeights } from '../../main/checkpoint/mapped-weights.ts';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { oneGigabyteCheckpoint } from './shapes.ts';
import { median } from './statistics.ts';

/**
 * npx node tests/bench/checksums.ts [MODEL] [times]
 *
 * The cost of detecting changed weights in a run: their checksum when they are first mapped, and again at the end of
 * the run. Makes both passes over all parts of a checkpoint (default: a synthetic one of about 1 GB), which the system
 * caches after the first pass. Prints medians of processor time and wall time, per gigabyte and run.
 */
const [model = await oneGigabyteCheckpoint(), times = '7'] = process.argv.slice(2);
const checkpoint = await openCheckpoint(model);
const { embedding, head, headBias, finalNorm, blocks } = checkpoint.descriptor;
const bytes = checkpoint.weightFiles.reduce((sum, { file }) => sum + statSync(file).size, 0);

const timed = async (work: () => Promise<unknown>): Promise<readonly [processorMs: number, clockMs: number]> => {
  const [cpu, startedAt] = [process.cpuUsage(), performance.now()];
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return [(user + system) / 1000, performance.now() - startedAt];
};
const [first, last]: [(readonly [number, number])[], (readonly [number, number])[]] = [[], []];
for (let time = 0; time < Number(times); time += 1) {
  const mapped = new MappedWeights(checkpoint.tensors);
  first.push(
    await timed(async () => {
      await mapped.note('the embedding', embedding);
      for (const [layer, block] of blocks.entries()) await mapped.note(`block ${String(layer)}`, block);
      await mapped.note('the head', { head, headBias, finalNorm });
    }),
  );
  last.push(
    await timed(async () => {
      const changed = await mapped.changed();
      if (changed.length > 0) throw new Error(`${changed.join(', ')} changed meanwhile`);
    }),
  );
}
const rates = (passes: readonly (readonly [number, number])[]): string =>
  `${median(passes.map(([cpu]) => cpu)).toFixed(0)} ms of processor, ` +
  `${median(passes.map(([, clock]) => clock)).toFixed(0)} ms of wall time`;
const perRun = median(first.map(([cpu]) => cpu)) + median(last.map(([cpu]) => cpu));
console.log(`${checkpoint.name}, ${(bytes / 1e6).toFixed(0)} MB, medians of ${times}`);
console.log(`before it is mapped: ${rates(first)}`);
console.log(`at the end of a run: ${rates(last)}`);
console.log(`per gigabyte and run: ${((perRun / bytes) * 1e9).toFixed(0)} ms of processor`);
