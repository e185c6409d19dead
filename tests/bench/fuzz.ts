import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { WorkbenchError } from '../../main/contract/errors.ts';
import { seededRandom } from '../../main/statistics/random.ts';
import { mutate } from '../main/fuzz/mutate.ts';
import { fuzzedParsers } from '../main/fuzz/parsers.ts';

/**
 * npx node tests/bench/fuzz.ts [mutations] [seed] [pattern of names]
 *
 * Mutates a sound example of every foreign input that the engine reads, `mutations` times each (default 10,000), and
 * reads it. Prints per reader: values and refusals, untyped errors, the slowest read in processor time of this thread
 * and in wall time, reads of more than 2 s of wall time, and the largest growth of memory over a read.
 */
const [mutations = '10000', seed = '1', pattern = ''] = process.argv.slice(2);
const folder = await mkdtemp(path.join(tmpdir(), 'uncurl-fuzz-'));
let unhandled = 0;
process.on('unhandledRejection', (error) => {
  unhandled += 1;
  console.error('unhandled:', error);
});
const totals = { reads: 0, untyped: 0, slow: 0 };
for (const parser of (await fuzzedParsers(folder)).filter(({ name }) => new RegExp(pattern).test(name))) {
  const random = seededRandom(Number(seed));
  let [read, refused, untyped, slow, slowCpu, slowestMs, slowestCpuMs, growth] = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let count = 0; count < Number(mutations); count += 1) {
    const bytes = mutate(parser.sound, random);
    const before = process.memoryUsage.rss();
    const cpu = process.cpuUsage();
    const startedAt = performance.now();
    try {
      await parser.read(bytes);
      read += 1;
    } catch (error) {
      if (error instanceof WorkbenchError) refused += 1;
      else {
        untyped += 1;
        console.error(`${parser.name}, mutation ${String(count)}:`, error, bytes.toString('latin1').slice(0, 300));
      }
    }
    const tookMs = performance.now() - startedAt;
    slowestMs = Math.max(slowestMs, tookMs);
    const tookCpuMs = process.cpuUsage(cpu).user / 1000;
    slowestCpuMs = Math.max(slowestCpuMs, tookCpuMs);
    if (tookMs > 2000) slow += 1;
    if (tookCpuMs > 2000) slowCpu += 1;
    growth = Math.max(growth, process.memoryUsage.rss() - before);
  }
  await parser.close?.();
  totals.reads += read + refused + untyped;
  totals.untyped += untyped;
  totals.slow += slow;
  console.log(
    `${parser.name}: ${String(read)} read, ${String(refused)} refused, ${String(untyped)} untyped, slowest ` +
      `${slowestMs.toFixed(0)} ms (${slowestCpuMs.toFixed(0)} ms of processor), ` +
      `over 2 s: ${String(slow)} (of processor: ${String(slowCpu)}), ` +
      `largest growth ${(growth / 1e6).toFixed(0)} MB`,
  );
}
console.log({ ...totals, unhandled, seed });
await rm(folder, { recursive: true });
process.exit(totals.untyped + unhandled > 0 ? 1 : 0);
