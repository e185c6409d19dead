import type { HubName } from '../contract/hub.ts';
import { downloadModel, type DownloadProgress } from '../hub/download.ts';
import type { HubClient } from '../hub/hub-client.ts';
import { findPublished } from '../hub/published-model.ts';
import { uploadExport, type UploadOrder } from '../hub/upload.ts';
import { formatBytes } from '../words/numbers.ts';
import { type Job, jobOn } from './job-context.ts';
import { createProgressMeter, type ProgressMeter } from './progress-meter.ts';

/** Milliseconds over which the shown speed is measured. */
const SPEED_OVER_MS = 3_000;

/** Shows a download on a meter: its bytes, and in words the file and the speed of the last seconds. */
export const onMeter = (
  meter: Pick<ProgressMeter, 'setTotal' | 'begin' | 'advance' | 'describe' | 'reuse'>,
  now: () => number,
): ((progress: DownloadProgress) => void) => {
  let isBegun = false;
  let marks: { readonly at: number; readonly bytes: number }[] = [];
  return ({ doneBytes, totalBytes, hadBytes, file }) => {
    const rest = Math.max(1, totalBytes - hadBytes);
    if (!isBegun) {
      isBegun = true;
      meter.setTotal(Math.max(1, totalBytes));
      meter.reuse(hadBytes, 0);
      meter.begin(rest);
    }
    const at = now();
    marks = [...marks.filter((mark) => at - mark.at <= SPEED_OVER_MS), { at, bytes: doneBytes }];
    const [first] = marks;
    const seconds = first === undefined ? 0 : (at - first.at) / 1000;
    const speed = first === undefined || seconds < 0.2 ? null : Math.max(0, (doneBytes - first.bytes) / seconds);
    meter.describe(
      `${file}: ${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}` +
        (speed === null ? '' : `, ${formatBytes(speed)}/s`),
    );
    meter.advance(Math.max(0, doneBytes - hadBytes) / rest);
  };
};

/** A meter for a download outside of a run. */
export const downloadMeter = (now: () => number, shown: (meter: ProgressMeter<object>) => void) => {
  const meter = createProgressMeter({}, now);
  const report = onMeter(meter, now);
  return (progress: DownloadProgress): void => {
    report(progress);
    shown(meter);
  };
};

/** Downloads a model of a commit into the cache; continues what an earlier one left. */
export const downloadJob = (open: () => HubClient, name: HubName, commit: string): Job =>
  jobOn([], async ({ meter, signal, now }) => {
    meter.describe(`Asking for ${name.repository}`);
    const client = open();
    const model = await findPublished(client, name, { commit, signal });
    const output = await downloadModel(client, model, { signal, onProgress: onMeter(meter, now) });
    meter.finish();
    const bytes = model.needed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    return {
      output,
      summary:
        `${model.needed.length} files of ${name.repository} are here: ${formatBytes(bytes)}, each with the ` +
        'checksum that the Hub names.',
    };
  });

/** Publishes a verified export. */
export const pushJob = (open: () => HubClient, order: UploadOrder): Job =>
  jobOn([], async ({ meter, signal }) => {
    meter.describe(`Checking ${order.folder}`);
    let isBegun = false;
    const { url, commit } = await uploadExport(open(), order, {
      signal,
      onProgress: (done, total, doing) => {
        if (!isBegun) {
          meter.setTotal(total);
          meter.begin(total);
        }
        isBegun = true;
        meter.describe(`${doing}: ${formatBytes(done)} of ${formatBytes(total)}`);
        meter.advance(done / total);
      },
    });
    meter.finish();
    return { output: url, summary: `Published as ${url}, commit ${commit}.` };
  });
