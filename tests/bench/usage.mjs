// Loaded into every process of a measured work (`--import`): writes what it used as a line to the file UNCURL_USAGE.
import { appendFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

if (isMainThread)
  process.on('exit', () => {
    const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
    const used = { processorMs: (userCPUTime + systemCPUTime) / 1000, peakBytes: maxRSS * 1024 };
    appendFileSync(process.env.UNCURL_USAGE, `${JSON.stringify(used)}\n`);
  });
