import { readParquetRows } from '../../../main/tasks/read-rows.ts';

/**
 * Reads the given files one after the other in a separate process: prints a line of JSON for each, with the peak memory
 * of the process so far. The first line precedes any file.
 */

const say = (line: Readonly<Record<string, unknown>>): void => {
  const mostBytes = process.resourceUsage().maxRSS * 1024;
  process.stdout.write(`${JSON.stringify({ ...line, mostBytes })}\n`);
};

say({ file: null });
for (const file of process.argv.slice(2)) {
  try {
    say({ file, rows: (await readParquetRows(file)).length });
  } catch (error) {
    say({ file, code: error instanceof Error && 'code' in error ? error.code : String(error) });
  }
}
