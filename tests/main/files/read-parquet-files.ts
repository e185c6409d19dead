import { readParquetRows } from '../../../main/tasks/read-rows.ts';

/**
 * Reads the files that it is given, one after the other, in a process of its own: a line of JSON for each, with the most
 * memory that the process has held by then. The first line is of no file.
 */

const say = (line: Readonly<Record<string, unknown>>): void => {
  const mostBytes = process.resourceUsage().maxRSS * 1024;
  process.stdout.write(`${JSON.stringify({ ...line, mostBytes })}\n`);
};

say({ file: null });
for (const file of process.argv.slice(2)) {
  try {
    say({ file, rows: (await readParquetRows(file)).rows.length });
  } catch (error) {
    say({ file, code: error instanceof Error && 'code' in error ? error.code : String(error) });
  }
}
