import { refuse } from '../../contract/errors.ts';
import { hubNameText, parseHubName } from '../../contract/hub.ts';
import { findInCache } from '../../hub/hub-cache.ts';
import { hubSettings } from '../../hub/hub-settings.ts';
import { followRun, withEngine } from '../open-engine.ts';
import { WORKSPACE_OPTION } from '../subjects.ts';
import { printedBytes } from '../terminal-text.ts';
import type { Verb } from '../verb.ts';

export const download: Verb = {
  name: 'download',
  usage: 'ORG/NAME[@REVISION]',
  summary:
    'Downloads a model from the Hub into the Hugging Face cache: the files that are needed, each with its checksum. ' +
    'Ended in any way, it continues where it was.',
  positionals: [1, 1],
  options: { ...WORKSPACE_OPTION },
  run: async (reader, host) => {
    const [text = ''] = reader.positionals;
    const name = parseHubName(text);
    if (name === null)
      throw refuse('bad-usage', `"${text}" is not the name of a model on the Hub.`, 'Name it org/name.');
    return withEngine(reader, host, async (engine) => {
      const model = await engine.call('hub.look', { name: hubNameText(name) }, host.signal);
      const { totalBytes, presentBytes, commit, repository } = model;
      host.say(
        `${printedBytes(totalBytes - presentBytes)} of ${repository} (commit ${commit.slice(0, 12)}) are to be ` +
          `downloaded: ${model.files.length} files, ${printedBytes(totalBytes)}.`,
      );
      const { run } = await engine.call('hub.download', { name: hubNameText(name) }, host.signal);
      host.say(`Run ${run}`);
      const summary = await followRun(engine, run, host);
      const found = await findInCache(hubSettings(host.environment).cache, { ...name, revision: commit });
      if (found.kind === 'missing') throw new Error(found.what);
      return {
        document: { run, repository, commit, folder: found.path, totalBytes },
        text: `${summary}\n${found.path}`,
      };
    });
  },
};
