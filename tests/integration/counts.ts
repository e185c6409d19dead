import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { temporaryFolder, uncurl } from './run-uncurl.ts';

/** What one process of the command line did; the work of its threads and children is theirs. */
const counts = z.object({
  /** Files of source that were loaded, its own and those of packages. */
  modules: z.number(),
  threads: z.number(),
  processes: z.number(),
  /** Sessions of onnxruntime. */
  sessions: z.number(),
  /** Token positions times layers that they computed. */
  tokens: z.number(),
  /** Read through file handles: neither sources nor weights that onnxruntime maps. */
  megabytesRead: z.number(),
});
export type Counts = z.infer<typeof counts>;

const preload = join(import.meta.dirname, 'count-work.ts');

/** Runs the command line in its own process, which must succeed, and counts its work. */
export const countedUncurl = async (args: readonly string[]): Promise<Counts & { readonly stdout: string }> => {
  const file = join(await temporaryFolder(), 'counts.jsonl');
  const { code, stdout, stderr } = await uncurl(args, {
    UNCURL_COUNTS: file,
    NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --import=${preload}`,
  });
  if (code !== 0) throw new Error(`uncurl ${args.join(' ')} ended with ${String(code)}:\n${stderr}`);
  const [line = ''] = (await readFile(file, 'utf8')).split('\n');
  return { ...counts.parse(JSON.parse(line)), stdout };
};
