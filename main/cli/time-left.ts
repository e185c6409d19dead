import { createProgressMeter } from '../jobs/progress-meter.ts';
import { printedProgress } from './terminal.ts';

/** Progress of one piece of work as a line with the time left; give it to a run as `onProgress`. */
export const progressWithTimeLeft = (
  progress: (line: string) => void,
  description: string,
  now: () => number,
): ((done: number, total: number) => void) => {
  const meter = createProgressMeter({}, now);
  meter.describe(description);
  let begun = false;
  return (done, total) => {
    if (!begun) {
      meter.setTotal(total);
      meter.begin(total);
      begun = true;
    }
    meter.advance(done / total);
    progress(printedProgress(meter.read()));
  };
};
