import type { HubName } from '../contract/hub.ts';
import { refuse } from '../contract/errors.ts';
import { lookAtModel } from '../engine/calls/hub.ts';
import { downloadModel } from '../hub/download.ts';
import { createHubClient } from '../hub/hub-client.ts';
import { hubSettings } from '../hub/hub-settings.ts';
import { findPublished } from '../hub/published-model.ts';
import { downloadMeter } from '../jobs/hub-jobs.ts';
import { ticks } from '../jobs/progress-meter.ts';
import { printedBytes } from './terminal-text.ts';
import { printedProgress } from './terminal.ts';
import type { VerbHost } from './verb.ts';

/** What a verb needs to find a model by its name. */
export type ModelHost = Pick<VerbHost, 'resources' | 'environment' | 'signal' | 'say' | 'progress' | 'endsWell'>;

/**
 * Downloads a model that a verb names: says first how much that is, refuses what cannot run here before anything is
 * downloaded, and shows the progress. An interrupt leaves what has arrived, and the same command continues it.
 */
export const fetchModel =
  ({ environment, signal, say, progress, endsWell }: ModelHost) =>
  async (name: HubName, missing: string): Promise<string> => {
    const client = createHubClient(hubSettings(environment), missing);
    const { repository, commit, totalBytes, presentBytes, info } = await lookAtModel(client, name, signal);
    if (!info.supported)
      throw refuse(
        'model-unsupported',
        `${repository} cannot run here: ${info.reasons.join(' ')}`,
        'Choose another model.',
      );
    say(
      `${missing}. Downloading ${printedBytes(totalBytes - presentBytes)} of ${repository} (commit ` +
        `${commit.slice(0, 12)}) from ${new URL(client.endpoint).host} into ${client.settings.cache}.`,
    );
    const model = await findPublished(client, name, { commit, signal });
    const report = downloadMeter(ticks, (meter) => progress(printedProgress(meter.read())));
    return endsWell(downloadModel(client, model, { signal, onProgress: report }));
  };
